//! What every system has for it.

mod listener;
pub(crate) mod stream;

pub(crate) use self::listener::BoundListener;
