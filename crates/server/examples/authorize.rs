//! Lets in only those who have a token, and remembers whose it is.
//!
//! The token comes in an `Authorization` header or, since a page cannot set one on a websocket, with
//! the subprotocols or in a cookie. Who has none is answered 401 before there is any websocket.
//!
//! ```text
//! cargo run --example authorize
//! ```
//!
//! Then try `websocat ws://127.0.0.1:1337/` without a token, and with one:
//!
//! ```text
//! websocat -H "Authorization: Bearer open-sesame" ws://127.0.0.1:1337/
//! ```
//!
//! or open <http://127.0.0.1:1337/> in a browser, and in the console:
//!
//! ```text
//! ws = new WebSocket("ws://127.0.0.1:1337/", ["bearer", "open-sesame"])
//! ws.onmessage = event => console.log(event.data)
//! ```

mod common;

use std::{collections::HashMap, process::ExitCode};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Status, Websocket,
    http::header::WWW_AUTHENTICATE,
};

/// Whose token it is.
struct Cave {
    tokens: HashMap<&'static str, &'static str>,
}

struct User {
    name: &'static str,
}

impl Websocket<User> for Cave {
    async fn on_open(&self, handshake: Handshake<User>) -> Result<Accepted<User>, Refusal> {
        let Some(name) = self.name(&handshake) else {
            return Err(handshake
                .refuse(Status::UNAUTHORIZED)
                .reason("Say the magic words")
                .header(WWW_AUTHENTICATE, "Bearer"));
        };
        let client = handshake.accept_with(User { name });
        client.send(format!("Welcome, {name}!")).await?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client<User>, message: Message) -> Result<(), Failure> {
        let name = client.state().name;
        client.endpoint().broadcast(format!("{name}: {message}")).await;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<User>) {
        gone.endpoint().broadcast(format!("{} has left", gone.state().name)).await;
    }
}

impl Cave {
    fn name(&self, handshake: &Handshake<User>) -> Option<&'static str> {
        let token = match handshake.bearer() {
            Some(token) => token.into(),
            None => handshake.cookie("token")?,
        };
        self.tokens.get(&*token).copied()
    }
}

fn main() -> ExitCode {
    let tokens = HashMap::from([("open-sesame", "Ali Baba"), ("one-thousand-and-one", "Morgiana")]);
    common::run(Host::new("localhost").websocket("/", Cave { tokens }))
}
