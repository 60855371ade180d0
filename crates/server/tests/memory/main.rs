//! What clients cost in memory, in a server that has a process of its own.

mod begun;
mod bomb;
mod compressed;
mod groups;
mod idle;
#[path = "../process/mod.rs"]
mod process;
mod server;
mod wire;
