//! What clients cost in memory, in a server that has a process of its own.

mod begun;
mod bomb;
mod compressed;
mod idle;
mod server;
mod wire;
