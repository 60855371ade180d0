//! A page and the endpoint that it talks to, on one host: a pond whose ripples everyone sees.
//!
//! ```text
//! cargo run --example static_site
//! ```
//!
//! Then open <http://127.0.0.1:1337/> in two windows side by side and touch the water. The page is
//! in `examples/public`.

mod common;

use std::process::ExitCode;

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Host, Message, Options, Refusal,
    Websocket,
};

struct Pond;

impl Websocket for Pond {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        tell_count(client.endpoint());
        Ok(client)
    }

    /// Where the water was touched, as in `0.25 0.5`: everyone is to see it.
    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.endpoint().broadcast(message).nowait();
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        tell_count(gone.endpoint());
    }
}

fn tell_count(everyone: &Endpoint) {
    everyone.broadcast(format!("here {}", everyone.len())).nowait();
}

fn main() -> ExitCode {
    let options = Options::new().text_only(true).max_msg_size(64);
    common::run(
        Host::new("localhost")
            .websocket_with("/pond", Pond, options)
            .root(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/public")),
    )
}
