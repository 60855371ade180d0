//! The examples do what they say: each is run as a program, talked to over a socket, and ended by
//! SIGTERM.
#![cfg(unix)]

mod answering;
mod docs;
mod gathering;
mod program;
mod sending;
mod serving;
mod systemd;
mod table;
mod visitor;
mod watching;
