//! Sockets that the process was given by who started it: systemd's socket activation, sd_listen_fds(3).

use std::{io, sync::LazyLock};

use listenfd::ListenFd;

use super::source::Source;
use crate::sync::Mutex;

/// What is left of them. The environment tells of them once, and not who inherits it.
static PASSED: LazyLock<Mutex<Option<ListenFd>>> = LazyLock::new(Mutex::default);

/// Takes the one with this number.
pub(super) fn take(number: usize) -> io::Result<Source> {
    let mut passed = PASSED.lock();
    let passed = passed.get_or_insert_with(ListenFd::from_env);
    let none = || io::Error::new(io::ErrorKind::NotFound, "systemd has passed no such socket");
    match passed.take_tcp_listener(number) {
        Ok(socket) => socket.map(Source::Tcp).ok_or_else(none),
        // It is none for TCP.
        Err(_) => passed.take_unix_listener(number)?.map(Source::UnixBound).ok_or_else(none),
    }
}
