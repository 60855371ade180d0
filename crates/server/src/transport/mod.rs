//! Where connections come from, and the system calls that their sockets are used by.

#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "portable/mod.rs"]
mod system;
pub(crate) mod tcp;

pub(crate) use self::system::{Listener, stream};
