//! What aerys asks the kernel for that no safe crate does.
//!
//! It is the only crate with `unsafe` code: each call stands in a function of its own, with its proof.

#[cfg(all(any(target_os = "linux", target_os = "android"), not(aerys_portable)))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(aerys_portable))))]
#[path = "portable.rs"]
mod system;

/// How many of the bytes written to a TCP socket its peer's kernel has not acknowledged, those
/// included that have not been sent yet. `None` if this system, or a socket of this kind, does not
/// tell.
///
/// What was written and is not among them has reached the peer's kernel. Whether the program behind
/// it has read it, nobody can see.
pub use system::unacknowledged;

#[cfg(all(any(target_os = "linux", target_os = "android"), not(aerys_portable)))]
pub use system::receive;

/// The README's examples are compiled with the rest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
