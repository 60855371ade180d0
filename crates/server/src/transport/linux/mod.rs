//! What Linux has for it.

mod listener;
mod reactor;
mod ready;
mod registered;
mod slots;
pub(crate) mod stream;

pub(crate) use self::{
    listener::BoundListener,
    reactor::{Reactor, yield_now},
    registered::{TcpStream, UnixStream},
};
