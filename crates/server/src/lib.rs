//! A websocket application server: three methods, and the server does the rest.

mod client;
mod command;
mod departure;
mod driver;
mod endpoint;
mod error;
mod handshake;
mod host;
mod http;
mod inbox;
mod line;
mod listener;
mod mount;
mod options;
mod outbox;
mod refusal;
mod registry;
mod server;
mod session;
mod signal;
mod websocket;
mod worker;

pub use aerys_proto::{CloseCode, Message};

pub use crate::{
    client::{Client, ClientId},
    command::{Broadcast, Close, Send, Tally},
    departure::Departure,
    endpoint::Endpoint,
    error::{ClientGone, Failure, ServerError},
    handshake::Handshake,
    host::Host,
    options::Options,
    refusal::{NotARefusal, Refusal, Status},
    server::{Running, Server},
    websocket::Websocket,
};
