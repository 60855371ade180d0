//! The floor on tokio: a task for each connection, and one buffer for all of them.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use anyhow::Result;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    READ, Settings,
    frames::MARGIN,
    session::{Progress, Session},
    socket,
};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    socket::serve(settings, serve_connection)
}

async fn serve_connection(mut stream: TcpStream) -> Result<()> {
    let mut session = Session::default();
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut socket = Socket { stream: &mut stream, context };
            loop {
                match session.step(&mut socket, buffer)? {
                    // After a short read tokio knows by itself that the next would block.
                    Progress::Full | Progress::Short => {}
                    Progress::Blocked => return Poll::Pending,
                    Progress::Over => return Poll::Ready(Ok(())),
                }
            }
        })
    })
    .await
}

/// A stream that would block where it is pending.
struct Socket<'a, 'b> {
    stream: &'a mut TcpStream,
    context: &'a mut Context<'b>,
}

impl Read for Socket<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let outcome = Pin::new(&mut *self.stream).poll_read(self.context, &mut buffer);
        blocking(outcome)?;
        Ok(buffer.filled().len())
    }
}

impl Write for Socket<'_, '_> {
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
