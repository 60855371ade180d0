//! Handlers are made of plain async functions: whatever has a `&Client` can send to it, wait, and
//! return a value, and `?` brings an error up.
//!
//! ```text
//! cargo run --example nested
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` and enter `3`; and then something that is no number,
//! which closes the connection with 1011 and is logged.

mod common;

use std::{process::ExitCode, time::Duration};

use aerys::{Accepted, Client, Failure, Handshake, Host, Message, Refusal, SendError, Websocket};
use tokio::time::sleep;

struct Launchpad;

impl Websocket for Launchpad {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("From which number shall I count down?").await?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let from = message.to_string().trim().parse()?;
        let steps = count_down(client, from).await?;
        client.send(format!("lift-off after {steps} steps")).await?;
        Ok(())
    }
}

async fn count_down(client: &Client, from: u8) -> Result<usize, SendError> {
    for number in (1..=from).rev() {
        client.send(number.to_string()).await?;
        sleep(Duration::from_millis(200)).await;
    }
    Ok(from.into())
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", Launchpad))
}
