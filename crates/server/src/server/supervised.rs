//! A server that goes on until a signal or somebody else says otherwise.

use std::{fmt::Display, future::pending};

use super::{
    Server,
    control::{Asked, End},
    notify,
    reload::Reloaded,
    running::Running,
    signal::{Signal, Signals},
};
use crate::{
    error::{ReloadError, ServerError},
    log,
};

/// Says what is to be served from now on.
type Next<'n> = &'n mut (dyn FnMut() -> Result<Server, String> + Send);

/// What has been said to a server.
enum Said {
    Signal(Signal),
    End(End),
    Reload(Asked),
}

impl Running {
    /// Waits for SIGINT, SIGTERM or SIGHUP, or until its [`shutdown`](Self::shutdown) is asked for, then
    /// stops: on SIGTERM by way of a [drain](Self::drain). A SIGHUP that is ignored when this is called, as `nohup`
    /// has it, stays ignored. Signals are listened for from the call on, before the future is polled.
    ///
    /// A service manager that asks for it (`NOTIFY_SOCKET`: systemd's `Type=notify`) is told when the server is
    /// ready and when it stops, and as often as it wants to know (`WatchdogSec`) that all workers answer.
    ///
    /// # Errors
    ///
    /// [`ServerError::Interrupted`] if a second signal comes meanwhile: what was still to be done
    /// is not. [`ServerError::System`] if signals cannot be listened for.
    pub fn until_signalled(self) -> impl Future<Output = Result<(), ServerError>> + Send {
        let signals = Signals::listen();
        async move { self.supervised(signals.map_err(ServerError::System)?, None).await }
    }

    /// As [`until_signalled`](Self::until_signalled), but on SIGHUP, and when a [`Reloader`](crate::Reloader) asks, it
    /// [reloads](Self::reload) what `next` makes. If that fails, or it cannot be served, everything stays as it was
    /// and the log says why.
    ///
    /// ```no_run
    /// # use std::{fs, io};
    /// # use aerys::{Host, Server, ServerError};
    /// /// The host that a file names.
    /// fn server() -> io::Result<Server> {
    ///     let name = fs::read_to_string("host")?;
    ///     Ok(Server::new().host(Host::new(name.trim()).root("public")))
    /// }
    ///
    /// # async fn example() -> Result<(), ServerError> {
    /// let running = server().map_err(ServerError::System)?.start().await?;
    /// running.until_signalled_reloading(server).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`until_signalled`](Self::until_signalled).
    pub fn until_signalled_reloading<E: Display>(
        self,
        mut next: impl FnMut() -> Result<Server, E> + Send,
    ) -> impl Future<Output = Result<(), ServerError>> + Send {
        let signals = Signals::listen();
        async move {
            let mut next = || next().map_err(|error| error.to_string());
            self.supervised(signals.map_err(ServerError::System)?, Some(&mut next)).await
        }
    }

    async fn supervised(
        mut self,
        mut signals: Signals,
        mut next: Option<Next<'_>>,
    ) -> Result<(), ServerError> {
        if next.is_none() {
            self.reload_no_more();
        }
        notify::ready();
        let end = loop {
            let asked = match self.said(&mut signals).await {
                Said::End(end) => break end,
                Said::Reload(asked) => Some(asked),
                Said::Signal(Signal::Hangup) if next.is_some() => None,
                Said::Signal(signal) => break end(signal),
            };
            let Some(next) = &mut next else { continue };
            notify::reloading();
            let outcome = tokio::select! {
                outcome = self.reload_next(next) => outcome,
                // One of them that is to stop it has a new `on_start` given up.
                signal = signals.until_stop() => break end(signal),
            };
            notify::ready();
            if let Err(error) = &outcome {
                log::event!(ERROR, { %error }, "not reloaded, and everything stays as it was");
            }
            // Whoever has asked need not wait any more.
            let _ = asked.map(|asked| asked.send(outcome));
        };
        self.metrics.readiness().end();
        self.reload_no_more();
        notify::stopping();
        let stop = async {
            match end {
                End::Drain => drop(self.drain().await),
                End::Stop => self.stop().await,
            }
        };
        tokio::select! {
            () = stop => Ok(()),
            _ = signals.next() => Err(ServerError::Interrupted),
        }
    }

    async fn said(&mut self, signals: &mut Signals) -> Said {
        let workers = self.workers();
        let asked = async {
            match self.asked.recv().await {
                Some(asked) => asked,
                None => pending().await,
            }
        };
        tokio::select! {
            signal = signals.next() => Said::Signal(signal),
            end = self.shutdown.asked_for() => Said::End(end),
            asked = asked => Said::Reload(asked),
            () = notify::keep_watched(&workers) => unreachable!("it goes on for good"),
        }
    }

    async fn reload_next(&mut self, next: &mut Next<'_>) -> Result<Reloaded, ReloadError> {
        let server = next().map_err(ReloadError::Refused)?;
        self.reload(server).await.map_err(|error| ReloadError::Refused(error.to_string()))
    }
}

/// How a signal ends a server.
fn end(signal: Signal) -> End {
    log::event!(INFO, { %signal }, "stopping; a second signal stops at once");
    if signal == Signal::Terminate { End::Drain } else { End::Stop }
}
