//! What a server counts: each metric moves by exactly what was done, and what is told of it is read by those whom it
//! is for.

mod closes;
mod cluster;
mod compression;
mod connections;
mod dashboard;
mod docs;
mod handshakes;
mod health;
mod overload;
#[path = "../process/mod.rs"]
mod process;
mod prometheus;
mod scrape;
mod stage;
mod time;
mod traffic;
#[path = "../wire/mod.rs"]
mod wire;
