//! What every system has for it.

mod listener;
mod runtime;
pub(crate) mod stream;

#[cfg(unix)]
pub(crate) use self::runtime::UnixStream;
pub(crate) use self::{
    listener::BoundListener,
    runtime::{Reactor, TcpStream, yield_now},
};
