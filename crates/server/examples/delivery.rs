//! Counts what was delivered: an awaited `send` is `Ok` once the message has been handed to the
//! kernel, and `Err(ClientGone)` if the client went first. Caught, it is an answer like any other.
//! When the server stops, the application says how many there were in all.
//!
//! ```text
//! cargo run --example delivery
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/`, enter `1000000000`, press Ctrl-C, and look at what the
//! example prints, also when you end it.

mod common;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use aerys::{
    Accepted, Client, ClientGone, Endpoint, Failure, Handshake, Host, Message, Refusal, Websocket,
};

#[derive(Default)]
struct Delivery {
    in_all: AtomicU64,
}

impl Websocket for Delivery {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("How many lines do you want?").await?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let wanted: u64 = message.to_string().trim().parse()?;
        let mut delivered = 0;
        for line in 1..=wanted {
            if let Err(ClientGone) = client.send(format!("line {line}")).await {
                break;
            }
            delivered += 1;
        }
        println!("{delivered} of {wanted} lines delivered");
        self.in_all.fetch_add(delivered, Relaxed);
        Ok(())
    }

    async fn on_stop(&self, _: &Endpoint) {
        println!("{} lines delivered in all", self.in_all.load(Relaxed));
    }
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", Delivery::default()))
}
