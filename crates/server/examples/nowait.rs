//! Three ways not to wait: a `send` and a `broadcast` that are let go, and a task beside the
//! handlers.
//!
//! ```text
//! cargo run --example nowait
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` in two terminals and write something in one of them.
//! Enter `work` and something else right after it: the answer to that comes while the work goes on.

mod common;

use std::{process::ExitCode, time::Duration};

use aerys::{Accepted, Client, Failure, Handshake, Host, Message, Refusal, Websocket};
use tokio::time::sleep;

struct Relay;

impl Websocket for Relay {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("welcome").nowait();
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if message.as_text().map(str::trim) == Some("work") {
            client.spawn(work(client.clone()));
            return Ok(());
        }
        // With `.await` a single listener that does not read would hold up whoever speaks.
        client.endpoint().broadcast(message).except([client.id()]).nowait();
        client.send("passed on").nowait();
        Ok(())
    }
}

/// Ends early if the client goes.
async fn work(client: Client) -> Result<(), Failure> {
    sleep(Duration::from_secs(1)).await;
    client.send("done").await?;
    Ok(())
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", Relay))
}
