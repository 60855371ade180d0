//! Closes each client as soon as it has come, and shows that awaiting a close is awaiting
//! `on_close`: the three lines are printed in the order in which they are to be read.
//!
//! ```text
//! cargo run --example close_in_open
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` and look at what the example prints.

mod common;

use std::process::ExitCode;

use aerys::{
    Accepted, ClientGone, CloseCode, Departure, Handshake, Host, Refusal, SendError, Websocket,
};

struct Goodbye;

impl Websocket for Goodbye {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("hi and goodbye").await?;
        println!("on_open: before the close");
        client.close().code(CloseCode::AWAY).reason("see you").await;
        println!("on_open: after the close");
        let too_late: Result<(), SendError> = client.send("are you there?").await;
        assert_eq!(too_late, Err(ClientGone));
        Ok(client)
    }

    async fn on_close(&self, gone: &Departure) {
        println!("on_close: {} {}", gone.code().as_u16(), gone.reason());
    }
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", Goodbye))
}
