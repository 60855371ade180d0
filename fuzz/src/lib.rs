//! What is fuzzed, as plain functions: each takes an input and panics if a promise is broken.
//!
//! The fuzzers in `targets/` feed them what they make up; `tests/corpus.rs` replays what was kept
//! of it, without a fuzzer. `oracle` is the protocol a second time, written from the RFCs for whole
//! inputs, and `peer` is the client's side of the wire.

#![forbid(unsafe_code)]

mod client;
mod connection;
mod content;
mod decode;
mod inflate;
mod inflater;
mod life;
mod negotiate;
mod oracle;
pub mod pack;
mod peer;
mod process;
mod upgrade;
mod wire;

pub use self::{
    connection::connection, decode::decode, inflate::inflate, negotiate::negotiate,
    process::process, upgrade::upgrade,
};
