//! The stream to a process.
//!
//! Room to write is waited for only when there is none. A socket of the Unix domain has some more whenever the process
//! reads, and whoever waits for that all the time is woken each time, and takes the processor from the process.

use std::{
    future::poll_fn,
    io::{self, ErrorKind, IoSlice, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{Interest, unix::AsyncFd};

/// How much is read at once.
const READ: usize = 64 << 10;

pub(crate) struct Stream {
    socket: AsyncFd<UnixStream>,
    /// The same socket, while there is no room.
    full: Option<AsyncFd<UnixStream>>,
    buffer: Box<[u8]>,
}

impl Stream {
    pub(crate) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = watched(socket, Interest::READABLE)?;
        Ok(Self { socket, full: None, buffer: vec![0; READ].into() })
    }

    /// Reads once, and puts it behind what is there. 0 at its end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        let Self { socket, buffer, .. } = self;
        loop {
            let mut ready = ready!(socket.poll_read_ready(cx))?;
            match ready.try_io(|socket| socket.get_ref().read(buffer)) {
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Ok(read)) => {
                    if read < buffer.len() {
                        // There was no more.
                        ready.clear_ready();
                    }
                    into.extend_from_slice(&buffer[..read]);
                    return Poll::Ready(Ok(read));
                }
                Ok(outcome) => return Poll::Ready(outcome),
                Err(_would_block) => {}
            }
        }
    }

    /// Writes as much as there is room for.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let outcome = match &self.full {
                None => self.socket.get_ref().write_vectored(parts),
                Some(full) => {
                    let mut ready = ready!(full.poll_write_ready(cx))?;
                    let Ok(outcome) = ready.try_io(|it| it.get_ref().write_vectored(parts)) else {
                        continue;
                    };
                    outcome
                }
            };
            match outcome {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let socket = self.socket.get_ref().try_clone()?;
                    self.full = Some(watched(socket, Interest::WRITABLE)?);
                }
                Ok(written) => {
                    if written == parts.iter().map(|part| part.len()).sum::<usize>() {
                        self.full = None;
                    }
                    return Poll::Ready(Ok(written));
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Closes our side, and waits until the other is closed. What is still said there is for nobody.
    pub(crate) async fn finish(mut self) {
        // It may have gone.
        let _ = self.socket.get_ref().shutdown(Shutdown::Write);
        let mut rest = BytesMut::new();
        while poll_fn(|cx| self.poll_read(cx, &mut rest)).await.is_ok_and(|read| read > 0) {
            rest.clear();
        }
    }
}

/// Has a socket waited for, by this runtime.
#[allow(
    deprecated,
    reason = "unsound for a type whose descriptor changes; a socket has one, for as long as it lives"
)]
fn watched(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(socket, interest)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use super::*;

    fn pair() -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Stream::new(ours).unwrap(), theirs)
    }

    async fn read(stream: &mut Stream, into: &mut BytesMut) -> usize {
        poll_fn(|cx| stream.poll_read(cx, into)).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_said_is_read_to_the_end() {
        let (mut stream, mut theirs) = pair();
        let mut heard = BytesMut::new();
        theirs.write_all(b"one").unwrap();
        assert_eq!(read(&mut stream, &mut heard).await, 3);
        theirs.write_all(&[7; READ]).unwrap();
        theirs.write_all(b"two").unwrap();
        drop(theirs);
        while read(&mut stream, &mut heard).await > 0 {}
        assert_eq!(heard.len(), 3 + READ + 3);
        assert!(heard.starts_with(b"one") && heard.ends_with(b"two"));
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_written_once_there_is() {
        const ALL: usize = 8 << 20;
        let (mut stream, mut theirs) = pair();
        let reader = std::thread::spawn(move || {
            let mut heard = Vec::new();
            theirs.read_to_end(&mut heard).unwrap();
            heard
        });
        let said: Vec<u8> = (0..ALL).map(|at| at as u8).collect();
        let mut written = 0;
        while written < ALL {
            let (one, other) = said[written..].split_at((ALL - written).min(1000));
            let parts = [IoSlice::new(one), IoSlice::new(other)];
            written += poll_fn(|cx| stream.poll_write(cx, &parts)).await.unwrap();
        }
        stream.finish().await;
        assert!(reader.join().unwrap() == said);
    }

    #[tokio::test]
    async fn nobody_is_woken_by_a_process_that_reads_while_there_is_room() {
        let (mut stream, mut theirs) = pair();
        let parts = [IoSlice::new(b"some")];
        poll_fn(|cx| stream.poll_write(cx, &parts)).await.unwrap();
        let polls = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&polls);
        let reading = tokio::spawn(async move {
            let mut heard = BytesMut::new();
            let read = poll_fn(|cx| {
                counted.fetch_add(1, Ordering::Relaxed);
                stream.poll_read(cx, &mut heard)
            });
            read.await.unwrap()
        });
        // Time for a turn in which it would be woken.
        tokio::time::sleep(Duration::from_millis(20)).await;
        theirs.read_exact(&mut [0; 4]).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        theirs.write_all(b"more").unwrap();
        assert_eq!(reading.await.unwrap(), 4);
    }
}
