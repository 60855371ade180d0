//! Lets in the pages of two sites and no others: a browser says from where a page comes, and the
//! server answers 403 before the application hears of it. Without a list only the pages of the
//! server's own host may connect.
//!
//! ```text
//! cargo run --example origin
//! ```
//!
//! Then try one site, and another:
//!
//! ```text
//! websocat --origin https://mysite.com ws://127.0.0.1:1337/
//! websocat --origin https://evil.example ws://127.0.0.1:1337/
//! ```

mod common;

use std::process::ExitCode;

use aerys::{Accepted, Handshake, Host, Options, Origins, Refusal, Websocket};

struct Friends;

impl Websocket for Friends {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let origin = handshake.origin().unwrap_or("no page at all").to_owned();
        let client = handshake.accept();
        client.send(format!("Welcome, you who come from {origin}")).await?;
        Ok(client)
    }
}

fn main() -> ExitCode {
    let friends = Origins::list(["https://mysite.com", "https://www.mysite.com"]);
    let options = Options::new().allowed_origins(friends);
    common::run(Host::new("localhost").websocket_with("/", Friends, options))
}
