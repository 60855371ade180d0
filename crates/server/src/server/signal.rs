//! The signals that tell a process to stop, or to look at what it is to do.

use std::{fmt, io};

#[cfg(unix)]
use tokio::signal::unix::{self, SignalKind, signal};

/// One that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Of somebody at a terminal: Ctrl-C.
    Interrupt,
    /// Of a supervisor.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no others"))]
    Terminate,
    /// Of a terminal that closes, or of somebody who has changed a file.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no others"))]
    Hangup,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        })
    }
}

/// SIGINT, SIGTERM and SIGHUP; Ctrl-C where there are no signals.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: unix::Signal,
    #[cfg(unix)]
    terminate: unix::Signal,
    /// `None` if whoever started the process has it ignored.
    #[cfg(unix)]
    hangup: Option<unix::Signal>,
}

impl Signals {
    /// The next that is to stop the process whatever else is said: not SIGHUP.
    pub(super) async fn until_stop(&mut self) -> Signal {
        loop {
            match self.next().await {
                Signal::Hangup => {}
                signal => return signal,
            }
        }
    }
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if is_ignored(hangup) { None } else { Some(signal(hangup)?) },
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = hangup => Signal::Hangup,
        }
    }
}

/// Whether the process ignores a signal. Where the system does not tell, it is taken not to.
#[cfg(unix)]
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (signal.as_raw_value() - 1) != 0)
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(super) async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
