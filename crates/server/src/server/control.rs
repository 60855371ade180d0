//! What a running server is told from anywhere.

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::reload::Reloaded;
use crate::error::ReloadError;

/// Asks a server to stop, from anywhere. Cheap to clone.
///
/// Whoever waits with [`Server::run`](crate::Server::run), [`Running::until`](crate::Running::until) or their like
/// stops it then.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    stop: CancellationToken,
    drain: CancellationToken,
}

/// How a server is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Stop,
    Drain,
}

impl Shutdown {
    /// Asks the server to stop, as [`Running::stop`](crate::Running::stop) does, and if it drains to do so at once. It
    /// does not wait for that; to ask twice is harmless.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks it to see its clients off before, as [`Running::drain`](crate::Running::drain) does; likewise.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Cancelled when it is to stop at once.
    pub(super) fn stop_asked(&self) -> &CancellationToken {
        &self.stop
    }

    pub(super) async fn asked_for(&self) -> End {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => End::Stop,
            () = self.drain.cancelled() => End::Drain,
        }
    }
}

/// Has a server reload what it serves, from anywhere, as SIGHUP does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloader(mpsc::Sender<Asked>);

/// Who waits for a reload.
pub(super) type Asked = oneshot::Sender<Result<Reloaded, ReloadError>>;

impl Reloader {
    pub(super) fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Has it reload, and waits until it has.
    ///
    /// # Errors
    ///
    /// [`ReloadError::Refused`] if anything about what is to be served is wrong: everything stays as it was then.
    /// [`ReloadError::NotReloading`] if nobody waits with
    /// [`Running::until_signalled_reloading`](crate::Running::until_signalled_reloading).
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| ReloadError::NotReloading)?;
        answered.await.unwrap_or(Err(ReloadError::NotReloading))
    }
}
