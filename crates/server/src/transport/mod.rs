//! Where connections come from, and how they come to the workers.

pub(crate) mod intake;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "portable.rs"]
mod system;
pub(crate) mod tcp;

pub(crate) use self::system::Listener;
