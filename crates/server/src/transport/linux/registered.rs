//! A socket that the reactor of a thread knows.

use std::{
    future::poll_fn,
    io::{self, ErrorKind::WouldBlock, IoSlice, Write},
    net,
    os::{
        fd::{AsFd, BorrowedFd},
        unix,
    },
    sync::OnceLock,
    task::{Context, Poll},
};

use bytes::BufMut;
use tokio::io::Interest;

use super::{
    reactor::{self, Place},
    ready::Ready,
    slots::Slot,
};
use crate::transport::socket::Socket;

/// It is for the thread on which it was registered. One that a service has been given may be used on any: the
/// runtime that is there learns of a duplicate of it then.
pub(crate) struct Registered<S: AsFd> {
    stream: S,
    place: Place,
    elsewhere: OnceLock<Box<tokio::net::UnixStream>>,
}

pub(crate) type TcpStream = Registered<net::TcpStream>;
pub(crate) type UnixStream = Registered<unix::net::UnixStream>;

impl<S: AsFd> Registered<S> {
    /// Registers a socket that does not block.
    ///
    /// # Errors
    ///
    /// If this is no worker's thread, or the kernel has no room.
    pub(crate) fn from_std(stream: S) -> io::Result<Self> {
        let place = reactor::register(stream.as_fd())?;
        Ok(Self { stream, place, elsewhere: OnceLock::new() })
    }

    /// Looks at its slot; `None` if this is not its thread.
    #[inline]
    fn with_slot<T>(&self, look: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        reactor::with_slot(self.place, look)
    }

    /// What the runtime around this knows of it.
    #[cold]
    fn elsewhere(&self) -> io::Result<&tokio::net::UnixStream> {
        if let Some(duplicate) = self.elsewhere.get() {
            return Ok(duplicate);
        }
        // The runtime's type for Unix sockets takes any descriptor by a safe way; nothing is read or
        // written through it.
        let duplicate = self.as_fd().try_clone_to_owned()?;
        let duplicate = tokio::net::UnixStream::from_std(duplicate.into())?;
        Ok(self.elsewhere.get_or_init(|| Box::new(duplicate)))
    }

    /// Ready if the socket is for any of `wanted`; `None` if this is not its thread.
    #[inline]
    fn poll_ready(&self, wanted: Ready, cx: &Context<'_>) -> Option<Poll<()>> {
        let (outcome, replaced) = self.with_slot(|slot| {
            if slot.is_ready(wanted) {
                return (Poll::Ready(()), None);
            }
            (Poll::Pending, slot.await_ready(wanted, cx.waker()))
        })?;
        drop(replaced);
        Some(outcome)
    }
}

impl<S: AsFd + Send + Sync> Socket for Registered<S>
where
    for<'s> &'s S: Write,
{
    #[inline]
    fn try_io<T>(&self, interest: Interest, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let wanted = Ready::from(interest);
        match self.with_slot(|slot| slot.is_ready(wanted)) {
            Some(true) => {}
            Some(false) => return Err(WouldBlock.into()),
            None => return self.elsewhere()?.try_io(interest, call),
        }
        let outcome = call();
        if matches!(&outcome, Err(error) if error.kind() == WouldBlock) {
            self.with_slot(|slot| slot.clear(wanted));
        }
        outcome
    }

    fn try_read_buf(&self, room: &mut impl BufMut) -> io::Result<usize> {
        aerys_sys::receive(self, room)
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.stream).write_vectored(slices)
    }

    #[inline]
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_ready(Interest::READABLE.into(), cx) {
            Some(outcome) => outcome.map(Ok),
            None => self.elsewhere()?.poll_read_ready(cx),
        }
    }

    #[inline]
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_ready(Interest::WRITABLE.into(), cx) {
            Some(outcome) => outcome.map(Ok),
            None => self.elsewhere()?.poll_write_ready(cx),
        }
    }

    async fn ready(&self, interest: Interest) -> io::Result<bool> {
        let is_here = poll_fn(|cx| match self.poll_ready(interest.into(), cx) {
            Some(outcome) => outcome.map(|()| true),
            None => Poll::Ready(false),
        });
        if is_here.await {
            return Ok(self.with_slot(|slot| slot.is_ready(Ready::READ_CLOSED)) == Some(true));
        }
        Ok(self.elsewhere()?.ready(interest).await?.is_read_closed())
    }
}

impl<S: AsFd> AsFd for Registered<S> {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl<S: AsFd> Drop for Registered<S> {
    fn drop(&mut self) {
        reactor::deregister(self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::UnixStream,
        thread::{self, JoinHandle},
    };

    use super::*;
    use crate::transport::Reactor;

    /// Does something on a thread that has a reactor of its own.
    fn on_a_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            let _context = runtime.enter();
            Reactor::new().unwrap().start();
            work()
        })
    }

    fn socket() -> Registered<UnixStream> {
        let (socket, _) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        Registered::from_std(socket).unwrap()
    }

    #[test]
    fn the_slot_of_one_that_is_closed_on_another_thread_is_the_next_to_be_taken() {
        let work = || {
            let (first, second) = (socket(), socket());
            let place = first.place;
            let closing = on_a_worker(move || {
                // The same slot of this thread is another's.
                let (_here, is_here) = (socket(), first.with_slot(|_| ()).is_some());
                drop(first);
                is_here
            });
            assert!(!closing.join().unwrap());
            let third = socket();
            assert!(second.place != place && third.place == place);
        };
        on_a_worker(work).join().unwrap();
    }

    #[test]
    fn one_whose_thread_has_ended_harms_nobody_when_it_is_closed() {
        let left = on_a_worker(socket).join().unwrap();
        assert!(left.with_slot(|_| ()).is_none());
        drop(left);
    }
}
