//! Where connections come from.

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "portable.rs"]
mod system;
pub(crate) mod tcp;

pub(crate) use self::system::Listener;
