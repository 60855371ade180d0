//! What has sockets of its own, whatever the other promises are kept over: where a server listens, and other
//! servers.

mod addresses;
mod listeners;
mod mounted;
