//! Where a server listens: it has sockets of its own, whatever the other promises are kept over.

mod addresses;
mod listeners;
