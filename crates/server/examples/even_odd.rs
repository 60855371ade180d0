//! A chat in two groups: who came in an even second hears those who came in an even second, and
//! who came in an odd one hears the odd.
//!
//! ```text
//! cargo run --example even_odd
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` in three terminals or more, and write something in
//! each: it is heard by those whose greeting names the same kind of second.

mod common;

use std::{
    process::ExitCode,
    time::{SystemTime, SystemTimeError},
};

use aerys::{Accepted, Client, Failure, Handshake, Host, Message, Refusal, Websocket};

struct EvenOdd;

/// What is kept for each client: the group it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    Even,
    Odd,
}

impl Websocket<Second> for EvenOdd {
    async fn on_open(&self, handshake: Handshake<Second>) -> Result<Accepted<Second>, Refusal> {
        let client = handshake.accept_with(this_second()?);
        client.send(format!("Hello, {}! Your second: {:?}", client.id(), client.state())).await?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client<Second>, message: Message) -> Result<(), Failure> {
        let everyone = client.endpoint();
        let group = everyone.clients().into_iter().filter(|it| it.state() == client.state());
        let tally = everyone
            .broadcast(format!("{}: {message}", client.id()))
            .only(group.map(|it| it.id()))
            .except([client.id()])
            .await;
        client.send(format!("heard by {}", tally.delivered)).await?;
        Ok(())
    }
}

fn this_second() -> Result<Second, SystemTimeError> {
    let seconds = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    Ok(if seconds.is_multiple_of(2) { Second::Even } else { Second::Odd })
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", EvenOdd))
}
