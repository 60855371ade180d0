//! Waits until a server's process has ended.

use std::{os::unix::net::UnixStream, path::Path, thread, time::Duration};

/// How often it is looked whether the socket is still there, where the process is not known.
const LOOK: Duration = Duration::from_millis(50);

/// The process of a server.
pub(super) struct Process {
    #[cfg(target_os = "linux")]
    handle: Option<std::os::fd::OwnedFd>,
}

impl Process {
    /// The one that has this socket. The number that the server says counts if the kernel says it too: beyond a
    /// container's wall it is another process's.
    #[cfg(target_os = "linux")]
    pub(super) fn find(socket: &Path, said: i32) -> Self {
        use rustix::{
            net::sockopt::socket_peercred,
            process::{Pid, PidfdFlags, pidfd_open},
        };

        let find = || {
            let stream = UnixStream::connect(socket).ok()?;
            let listener = socket_peercred(&stream).ok()?.pid;
            let process = Pid::from_raw(said).filter(|it| *it == listener)?;
            pidfd_open(process, PidfdFlags::empty()).ok()
        };
        Self { handle: find() }
    }

    /// Elsewhere no process can be waited for that is not a child.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn find(_: &Path, _: i32) -> Self {
        Self {}
    }

    /// Waits until it has ended, or until nobody listens any more if it is not known.
    pub(super) fn wait(self, socket: &Path) {
        #[cfg(target_os = "linux")]
        if let Some(handle) = self.handle {
            use rustix::{
                event::{PollFd, PollFlags, poll},
                io::Errno,
            };

            // It can be read from once the process has ended.
            let waiting = || poll(&mut [PollFd::new(&handle, PollFlags::IN)], None);
            while waiting() == Err(Errno::INTR) {}
            return;
        }
        while UnixStream::connect(socket).is_ok() {
            thread::sleep(LOOK);
        }
    }
}
