//! Descriptors: callbacks whenever one can be read or written without waiting.
//!
//! The runtime only tells of changes and does not know how much a callback has read, so the level
//! is asked for before each callback: as long as it can be read, it is called back.

use std::{io, os::fd::AsFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl},
    io::{ioctl_fionread, retry_on_intr},
    net::{RecvFlags, SocketType, recv, sockopt::socket_type},
};
use tokio::{io::Interest, net::UnixStream};

use super::{
    Client, Endpoint, Fault, Watcher, tried,
    watcher::{Owner, Switch, start},
};
use crate::error::Failure;

/// What says that the other side is no longer there.
const HANGUP: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// Bound to one client.
impl<S: Send + Sync + 'static> Client<S> {
    /// Calls back whenever `source` can be read without waiting: a pipe, a socket, a terminal, in
    /// non-blocking mode. Pass an `Arc` of it and keep a clone to read from. When the other side has
    /// hung up and nothing is left, it calls back a last time, to find the end, and is over.
    ///
    /// # Errors
    ///
    /// If `source` cannot be watched: a regular file, which has no readiness, or a descriptor in
    /// blocking mode.
    pub fn on_readable<T, F, R>(&self, source: T, callback: F) -> io::Result<Watcher>
    where
        T: AsFd + Send + Sync + 'static,
        F: FnMut(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        watch(self.clone(), source, Readiness::Readable, callback)
    }

    /// Calls back whenever `source` can be written to without waiting; see
    /// [`on_readable`](Self::on_readable). It is over when the other side has hung up.
    ///
    /// # Errors
    ///
    /// If `source` cannot be watched.
    pub fn on_writable<T, F, R>(&self, source: T, callback: F) -> io::Result<Watcher>
    where
        T: AsFd + Send + Sync + 'static,
        F: FnMut(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        watch(self.clone(), source, Readiness::Writable, callback)
    }
}

/// Bound to no client.
impl<S: Send + Sync + 'static> Endpoint<S> {
    /// Calls back whenever `source` can be read; see [`Client::on_readable`].
    ///
    /// # Errors
    ///
    /// If `source` cannot be watched.
    pub fn on_readable<T, F, R>(&self, source: T, callback: F) -> io::Result<Watcher>
    where
        T: AsFd + Send + Sync + 'static,
        F: FnMut(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        watch(self.clone(), source, Readiness::Readable, callback)
    }

    /// Calls back whenever `source` can be written to; see [`Client::on_writable`].
    ///
    /// # Errors
    ///
    /// If `source` cannot be watched.
    pub fn on_writable<T, F, R>(&self, source: T, callback: F) -> io::Result<Watcher>
    where
        T: AsFd + Send + Sync + 'static,
        F: FnMut(Self) -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        watch(self.clone(), source, Readiness::Writable, callback)
    }
}

fn watch<O, T, F, R>(owner: O, source: T, readiness: Readiness, callback: F) -> io::Result<Watcher>
where
    O: Owner,
    T: AsFd + Send + Sync + 'static,
    F: FnMut(O) -> R + Send + 'static,
    R: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let watched = {
        let _here = owner.runtime().enter();
        Source::new(&source, readiness)?
    };
    // The source goes along, so that what its owner has given away is not closed.
    Ok(start(owner, move |owner, switch| on_ready(owner, switch, (source, watched), callback)))
}

async fn on_ready<O, T, F, R>(
    owner: O,
    mut switch: Switch,
    (_source, watched): (T, Source),
    mut callback: F,
) -> Result<(), Fault>
where
    O: Owner,
    F: FnMut(O) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    loop {
        let enabled = switch.enabled().await;
        let ready = tokio::select! {
            biased;
            () = switch.changed_from(enabled) => continue,
            ready = watched.ready() => ready.map_err(Failure::from)?,
        };
        if (ready || watched.readiness == Readiness::Readable)
            && let Err(fault) = tried(owner.span(), || callback(owner.clone())).await
        {
            let ends = !fault.is_silent();
            owner.suffer(fault);
            if ends {
                return Ok(());
            }
        }
        if !ready {
            return Ok(());
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Readable,
    Writable,
}

impl Readiness {
    fn interest(self) -> Interest {
        match self {
            Self::Readable => Interest::READABLE,
            Self::Writable => Interest::WRITABLE,
        }
    }

    fn poll_flags(self) -> PollFlags {
        match self {
            Self::Readable => PollFlags::IN,
            Self::Writable => PollFlags::OUT,
        }
    }
}

/// A descriptor that is watched.
struct Source {
    /// A duplicate of it. The runtime's type for Unix sockets is the one that takes any descriptor
    /// by a safe way and tells of its readiness; nothing is read or written through it.
    descriptor: UnixStream,
    readiness: Readiness,
}

impl Source {
    /// Fails for what has no readiness, such as a regular file, and for what is in blocking mode.
    fn new(source: &impl AsFd, readiness: Readiness) -> io::Result<Self> {
        if !fcntl_getfl(source)?.contains(OFlags::NONBLOCK) {
            let error = "a descriptor must be in non-blocking mode to be watched";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let duplicate = source.as_fd().try_clone_to_owned()?;
        let descriptor = UnixStream::from_std(duplicate.into())?;
        Ok(Self { descriptor, readiness })
    }

    /// Waits until it is ready; `false` if it never will be again, since the other side hung up.
    async fn ready(&self) -> io::Result<bool> {
        loop {
            let interest = self.readiness.interest();
            self.descriptor.ready(interest).await?;
            // Finding that it would block is what makes the runtime wait for the next change.
            match self.descriptor.try_io(interest, || self.level()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                level => return level,
            }
        }
    }

    /// As [`ready`](Self::ready), but would block instead of waiting.
    fn level(&self) -> io::Result<bool> {
        let wanted = self.readiness.poll_flags();
        let mut polled = [PollFd::new(&self.descriptor, wanted)];
        retry_on_intr(|| poll(&mut polled, Some(&Timespec::default())))?;
        let found = polled[0].revents();
        if found.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let hung_up = found.intersects(HANGUP);
        Ok(match self.readiness {
            // What can be read then may be nothing but the end.
            Readiness::Readable if hung_up => ioctl_fionread(&self.descriptor)? > 0,
            Readiness::Readable => !self.has_ended(),
            Readiness::Writable => !hung_up,
        })
    }

    /// Whether the other side of a socket says nothing more, and nothing is left of what it has said.
    /// Not every system's poll(2) tells of one that may be written to all the same.
    fn has_ended(&self) -> bool {
        let next = recv(&self.descriptor, &mut [0][..], RecvFlags::PEEK);
        // A datagram may be empty.
        matches!(next, Ok((0, _))) && socket_type(&self.descriptor) != Ok(SocketType::DGRAM)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering::Relaxed},
        thread,
    };

    use nix::sys::{
        pthread::{pthread_kill, pthread_self},
        signal::Signal,
    };
    use tokio::signal::unix::{SignalKind, signal};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_while_it_is_asked_for_is_no_error() {
        // Without a handler it would end the program.
        let _handled = signal(SignalKind::user_defined1()).unwrap();
        let (silent, _peer) = UnixStream::pair().unwrap();
        let source = Source::new(&silent, Readiness::Readable).unwrap();
        let (asking, is_done) = (pthread_self(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Relaxed) {
                    pthread_kill(asking, Signal::SIGUSR1).unwrap();
                }
            });
            // Of some hundred thousand one is interrupted.
            let mut answers = (0..2_000_000).map(|_| source.level().map_err(|it| it.kind()));
            let wrong = answers.find(|it| *it != Err(io::ErrorKind::WouldBlock));
            is_done.store(true, Relaxed);
            assert_eq!(wrong, None);
        });
    }
}
