//! Every option there is, with its unit, on an endpoint that echoes.
//!
//! ```text
//! cargo run --example options
//! ```
//!
//! Then try what is too much for it, with `websocat ws://127.0.0.1:1337/`; or, with
//! `websocat --binary ws://127.0.0.1:1337/`, what it does not take at all.

mod common;

use std::{process::ExitCode, time::Duration};

use aerys::{
    Accepted, Client, Compression, Failure, Handshake, Host, Message, Options, Origins, Overflow,
    Refusal, Websocket,
};

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}

fn options() -> Options {
    Options::new()
        // What it takes in, in bytes: more is closed with 1009.
        .max_frame_size(64 * KIB)
        .max_msg_size(256 * KIB)
        // Text alone, and that it is UTF-8: else 1003, and 1007.
        .text_only(true)
        .validate_utf8(true)
        // Who says nothing for half a minute is pinged, who leaves two pings unanswered is closed.
        .heartbeat_period(Duration::from_secs(30))
        .queued_ping_limit(2)
        // Who begins a message goes on with it.
        .message_period(Duration::from_secs(20))
        // What it sends is cut into frames of so many bytes.
        .auto_frame_size(16 * KIB)
        // Messages from 4 KiB up are compressed, fast rather than small, for clients that can.
        .compression(Compression::new().threshold(4 * KIB).level(1))
        // A slow reader is owed so many bytes at most; then the oldest messages are dropped.
        .max_queued_bytes(1024 * KIB)
        .overflow(Overflow::DropOldest)
        // How long `on_open` may think, and how long a client may take to answer a close.
        .open_period(Duration::from_secs(5))
        .close_period(Duration::from_secs(2))
        // How many clients it has at a time: more are answered 503.
        .max_clients(1000)
        // Whose pages may connect, and what they may speak.
        .allowed_origins(Origins::Any)
        .subprotocols(["echo.v2", "echo.v1"])
}

const KIB: usize = 1024;

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket_with("/", Echo, options()))
}
