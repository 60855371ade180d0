//! What the server promises, each promise over a real socket: one file for each.

mod common;
mod send;
