//! Echoes what each client says, and tells everyone how many are here whenever one comes or goes.
//!
//! ```text
//! cargo run --example user_count
//! ```
//!
//! Then open <http://127.0.0.1:1337/> in two tabs of a browser, and in the console of each:
//!
//! ```text
//! ws = new WebSocket("ws://127.0.0.1:1337/"); ws.onmessage = event => console.log(event.data)
//! ws.send("hello")
//! ```
//!
//! or, in two terminals, `websocat ws://127.0.0.1:1337/`.

mod common;

use std::process::ExitCode;

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Host, Message, Refusal, Tally,
    Websocket,
};

struct UserCount;

impl Websocket for UserCount {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        tell_count(client.endpoint()).await;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(format!("echo chamber: {message}")).await?;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        tell_count(gone.endpoint()).await;
    }
}

async fn tell_count(everyone: &Endpoint) -> Tally {
    everyone.broadcast(format!("user count: {}", everyone.len())).await
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", UserCount))
}
