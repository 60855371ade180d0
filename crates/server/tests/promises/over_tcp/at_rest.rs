//! A broadcast to one that has nothing else to do, and is not there any more.

use std::sync::{Mutex, mpsc};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Server, Websocket,
};

use crate::common::{Journal, Raw, departure, frame, start_on};

/// Broadcasts what it hears when the test lets it, and blocks its thread until then.
struct Blocks {
    journal: Journal,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Websocket for Blocks {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        self.journal.note("blocks");
        // Also if the test has failed.
        let _ = self.released.lock().expect("it does not panic").recv();
        let tally = client.endpoint().broadcast(message).await;
        self.journal.note(format!("delivered {}, gone {}", tally.delivered, tally.gone));
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }
}

#[tokio::test]
async fn one_that_has_gone_while_its_worker_was_busy_is_counted_as_gone() {
    let journal = Journal::default();
    let (release, released) = mpsc::channel();
    let blocks = Blocks { journal: journal.clone(), released: Mutex::new(released) };
    let host = Host::new("localhost").websocket("/", blocks);
    let server = start_on(1, Server::new().host(host)).await;
    let (mut speaks, goes) = (Raw::open(&server).await, Raw::open(&server).await);
    speaks.write(frame(1, b"anybody?")).await;
    journal.until(1).await;
    // The kernel knows of it when this has been called, and the worker cannot.
    goes.stream.reset();
    release.send(()).unwrap();
    assert_eq!(speaks.frame().await, (0x81, b"anybody?".to_vec()));
    let mut lines = journal.until(3).await;
    lines[1..].sort();
    assert_eq!(lines, ["blocks", "delivered 1, gone 1", "gone 1006"]);
    drop(release);
    server.stop().await;
}
