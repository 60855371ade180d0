//! Peers that are slow and not dead, under the usual periods and so in real time: some minutes, which
//! is why they are ignored unless asked for. The promises have the same with shorter periods.
//!
//! `cargo test -p aerys --test slow_peers -- --ignored --test-threads 32`

mod files;
mod reader;
mod websockets;
