//! What the server knows of each client, and that any client can be reached by its id.
//!
//! ```text
//! cargo run --example inspect
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` in two terminals. Enter `stats`, or `who`; with an id
//! from that, `stats ID` shows what the server knows of another client, and `close ID` closes it.

mod common;

use std::process::ExitCode;

use aerys::{
    Accepted, Client, CloseCode, Endpoint, Failure, Handshake, Host, Message, Refusal, Stats,
    Websocket,
};

struct Inspector;

impl Websocket for Inspector {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send(format!("You are {}", client.id())).await?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let message = message.to_string();
        let words: Vec<_> = message.split_whitespace().collect();
        let answer = match words[..] {
            ["who"] => who(client.endpoint()),
            ["stats"] => describe(&client.inspect()),
            ["stats", id] => match find(client.endpoint(), id) {
                Some(other) => describe(&other.inspect()),
                None => format!("{id} is not here"),
            },
            ["close", id] => match find(client.endpoint(), id) {
                Some(other) => {
                    let reason = format!("closed by {}", client.id());
                    other.close().code(CloseCode::POLICY).reason(reason).await;
                    format!("{id} has gone")
                }
                None => format!("{id} is not here"),
            },
            _ => "say who, stats, stats ID or close ID".to_owned(),
        };
        client.send(answer).await?;
        Ok(())
    }
}

fn who(everyone: &Endpoint) -> String {
    let ids: Vec<_> = everyone.clients().iter().map(|it| it.id().to_string()).collect();
    ids.join(" ")
}

fn find(everyone: &Endpoint, id: &str) -> Option<Client> {
    everyone.client(id.parse().ok()?)
}

fn describe(stats: &Stats) -> String {
    format!(
        "{}, here for {} s: {} messages and {} bytes read, {} messages and {} bytes sent, \
         {} bytes waiting",
        stats.peer_addr,
        stats.connected.elapsed().as_secs(),
        stats.messages_read,
        stats.bytes_read,
        stats.messages_sent,
        stats.bytes_sent,
        stats.queued_bytes,
    )
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", Inspector))
}
