//! An application that lets everybody in and hands them to the test, which speaks for it.

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Message, Options, Refusal, Tally,
    Websocket,
};
use tokio::sync::mpsc;

use super::{Journal, Running, serve_with, soon};

/// Notes each message as its text, and each departure as `gone`, code and reason.
pub(crate) struct Lobby {
    door: mpsc::UnboundedSender<Client>,
    journal: Journal,
}

/// The test's side of a [`Lobby`].
pub(crate) struct Guests {
    door: mpsc::UnboundedReceiver<Client>,
    pub(crate) journal: Journal,
}

impl Lobby {
    pub(crate) fn new() -> (Self, Guests) {
        let (journal, (sender, receiver)) = (Journal::default(), mpsc::unbounded_channel());
        (Self { door: sender, journal: journal.clone() }, Guests { door: receiver, journal })
    }

    /// One at `/`, on two workers.
    pub(crate) async fn serve(options: Options) -> (Running, Guests) {
        let (lobby, guests) = Self::new();
        (serve_with(lobby, options).await, guests)
    }
}

impl Guests {
    /// The next one let in.
    pub(crate) async fn next(&mut self) -> Client {
        soon(self.door.recv()).await.expect("the application is there")
    }
}

impl Websocket for Lobby {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        // A test may not care who came.
        let _ = self.door.send(client.clone());
        Ok(client)
    }

    async fn on_data(&self, _: &Client, message: Message) -> Result<(), Failure> {
        self.journal.note(message.to_string());
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }

    async fn on_stop(&self, _: &Endpoint) {
        self.journal.note("stopped");
    }
}

/// What became of a broadcast.
pub(crate) fn tally(delivered: usize, gone: usize, dropped: usize) -> Tally {
    let mut tally = Tally::default();
    (tally.delivered, tally.gone, tally.dropped) = (delivered, gone, dropped);
    tally
}

/// `gone`, code and reason.
pub(crate) fn departure<S>(gone: &Departure<S>) -> String {
    format!("gone {} {}", gone.code(), gone.reason()).trim_end().to_owned()
}
