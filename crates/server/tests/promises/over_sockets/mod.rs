//! What takes a server that has threads of its own.

mod blocking;
mod switching;
