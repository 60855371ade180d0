//! What has sockets of its own, whatever the other promises are kept over: where a server listens, and other
//! servers. And what takes a client that resets its connection.

mod addresses;
#[cfg(unix)]
mod admin;
mod admission;
mod at_rest;
#[cfg(all(feature = "files", unix))]
mod challenges;
mod drain;
mod listeners;
mod mounted;
mod proxies;
mod redirect;
mod reload;
#[cfg(all(target_os = "linux", not(aerys_portable)))]
mod unsent;
