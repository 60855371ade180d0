//! Where connections come from, and the system calls that their sockets are used by.

#[cfg(all(target_os = "linux", not(aerys_portable)))]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(aerys_portable))))]
#[path = "portable/mod.rs"]
mod system;
pub(crate) mod tcp;

pub(crate) use self::system::{Listener, stream};
