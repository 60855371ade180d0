//! Several things awaited together: `all` of them, `any` of them, at least `some` of them.
//!
//! ```text
//! cargo run --example combine
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/ann` in one terminal and, in another,
//! `websocat ws://127.0.0.1:1337/bob`, where you enter:
//!
//! ```text
//! all ann bob
//! all ann carl
//! any ann carl
//! some ann carl
//! some carl
//! ```

mod common;

use std::process::ExitCode;

use aerys::{
    Accepted, Client, Endpoint, Failure, Handshake, Host, Message, Refusal, Status, Websocket, all,
    any, some,
};

struct Street;

/// What is kept for each client: its name, from the path.
type Name = String;

impl Websocket<Name> for Street {
    async fn on_open(&self, handshake: Handshake<Name>) -> Result<Accepted<Name>, Refusal> {
        match handshake.param("name").map(str::to_owned) {
            Some(name) => Ok(handshake.accept_with(name)),
            None => Err(handshake.refuse(Status::BAD_REQUEST)),
        }
    }

    async fn on_data(&self, client: &Client<Name>, message: Message) -> Result<(), Failure> {
        let message = message.to_string();
        let mut words = message.split_whitespace();
        let how = words.next();
        let visits = words.map(|name| knock(client.endpoint(), name));
        let answer = match how {
            Some("all") => match all(visits).await {
                Ok(names) => format!("all were in: {}", names.join(", ")),
                Err(out) => format!("not all were in: {out}"),
            },
            Some("any") => {
                let outcomes = any(visits).await;
                format!("{} in, {} out", outcomes.succeeded.len(), outcomes.failed.len())
            }
            Some("some") => match some(visits).await {
                Ok(outcomes) => format!("{} in at least", outcomes.succeeded.len()),
                Err(nobody) => nobody.to_string(),
            },
            _ => "say all, any or some, and some names".to_owned(),
        };
        client.send(answer).await?;
        Ok(())
    }
}

async fn knock(street: &Endpoint<Name>, name: &str) -> Result<Name, Out> {
    let out = || Out { name: name.to_owned() };
    let neighbour = street.clients().into_iter().find(|it| it.state() == name).ok_or_else(out)?;
    neighbour.send("knock, knock").await.map_err(|_| out())?;
    Ok(name.to_owned())
}

#[derive(Debug, thiserror::Error)]
#[error("{name} is out")]
struct Out {
    name: Name,
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/{name}", Street))
}
