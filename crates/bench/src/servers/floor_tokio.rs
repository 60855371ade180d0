//! The floor on tokio: a task for each connection, and one buffer for all of them. The same over
//! tokio-rustls is the floor within TLS.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    READ, Settings,
    frames::MARGIN,
    session::{Progress, Session},
    socket, tls,
};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    match &settings.tls {
        None => socket::serve(settings, serve_connection),
        Some(files) => tls::serve(settings, files, serve_connection),
    }
}

async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> Result<()> {
    let mut session = Session::default();
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut socket = Socket { stream: &mut stream, context };
            loop {
                match session.step(&mut socket, buffer)? {
                    // After a short read tokio knows by itself that the next would block.
                    Progress::Full | Progress::Short => {}
                    Progress::Blocked => return socket.flush_or_wait(),
                    Progress::Over => return Poll::Ready(Ok(())),
                }
            }
        })
    })
    .await
}

/// A stream that would block where it is pending.
pub(super) struct Socket<'a, 'b, S> {
    pub(super) stream: &'a mut S,
    pub(super) context: &'a mut Context<'b>,
}

impl<S: AsyncWrite + Unpin> Socket<'_, '_, S> {
    /// Waits, after what TLS has kept of what was written is on its way as far as it can be.
    fn flush_or_wait(&mut self) -> Poll<Result<()>> {
        match Pin::new(&mut *self.stream).poll_flush(self.context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            _ => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> Read for Socket<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let outcome = Pin::new(&mut *self.stream).poll_read(self.context, &mut buffer);
        blocking(outcome)?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Socket<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.stream).poll_write(self.context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blocking<T>(outcome: Poll<io::Result<T>>) -> io::Result<T> {
    match outcome {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; MARGIN + READ]);
}
