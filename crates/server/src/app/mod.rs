//! What the author of an application reads: three methods, what they are given, and what they can ask
//! for.

mod accepted;
mod client;
mod combine;
mod command;
mod departure;
mod endpoint;
mod fault;
mod group;
mod handshake;
#[cfg(unix)]
mod readiness;
mod request_head;
mod request_info;
mod watcher;
mod websocket;

pub use self::{
    accepted::Accepted,
    client::Client,
    combine::{NoneSucceeded, Outcomes, all, any, some},
    command::{Broadcast, Close, KeyedSend, Send},
    departure::Departure,
    endpoint::Endpoint,
    group::Group,
    handshake::Handshake,
    watcher::Watcher,
    websocket::Websocket,
};
pub(crate) use self::{
    fault::{Fault, tried},
    handshake::ClientCell,
    request_head::RequestHead,
    request_info::{AcceptedId, RequestInfo},
};
