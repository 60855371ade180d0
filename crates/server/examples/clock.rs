//! Timers: one that all clients hear, which belongs to the endpoint, and two for each client, which
//! end with it. `stop` and `go` disable and enable a client's stopwatch, `end` cancels it.
//!
//! ```text
//! cargo run --example clock
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` and enter `stop`, `go` and `end`.

mod common;

use std::{process::ExitCode, sync::OnceLock, time::Duration};

use aerys::{
    Accepted, Client, Endpoint, Failure, Handshake, Host, Message, Refusal, Watcher, Websocket,
};

struct Clock;

/// What is kept for each client: the timer that it can stop.
type Stopwatch = OnceLock<Watcher>;

impl Websocket<Stopwatch> for Clock {
    async fn on_start(&self, endpoint: &Endpoint<Stopwatch>) -> Result<(), Failure> {
        let mut seconds = 0;
        endpoint.repeat(Duration::from_secs(1), move |everyone| {
            seconds += 1;
            async move {
                everyone.broadcast(format!("clock: {seconds}")).nowait();
                Ok(())
            }
        });
        Ok(())
    }

    async fn on_open(
        &self,
        handshake: Handshake<Stopwatch>,
    ) -> Result<Accepted<Stopwatch>, Refusal> {
        let client = handshake.accept_with(Stopwatch::new());
        client.state().get_or_init(|| start_stopwatch(&client));
        client.once(Duration::from_millis(500), async |client| {
            client.send("half a second is over").await?;
            Ok(())
        });
        Ok(client)
    }

    async fn on_data(&self, client: &Client<Stopwatch>, message: Message) -> Result<(), Failure> {
        let Some(stopwatch) = client.state().get() else { return Ok(()) };
        match message.as_text().map(str::trim) {
            Some("stop") => stopwatch.disable(),
            Some("go") => stopwatch.enable(),
            Some("end") => stopwatch.cancel(),
            _ => return Ok(client.send("say stop, go or end").await?),
        }
        client.send("as you wish").await?;
        Ok(())
    }
}

fn start_stopwatch(client: &Client<Stopwatch>) -> Watcher {
    let mut tenths = 0;
    client.repeat(Duration::from_millis(100), move |client| {
        tenths += 1;
        async move {
            client.send(format!("stopwatch: {tenths}")).await?;
            Ok(())
        }
    })
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/", Clock))
}
