//! Code of the application's that runs when nobody calls it, the `Drop` of what a handler leaves behind
//! and the words of its error, ends its own client and nobody else's if it panics.

use std::{
    error::Error,
    fmt,
    future::pending,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Options, Refusal, Server,
    Websocket,
};
use tokio::sync::Notify;

use crate::common::{
    Journal, Raw, Running, departure, errors_at, frame, handshake, keep_errors, soon, start_on,
};

/// Cannot be dropped, unless something panics already.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "it cannot be dropped");
    }
}

/// An error that has one, or no words.
#[derive(Debug)]
struct Unfit {
    how: How,
    _bomb: Option<Bomb>,
    source: Option<Box<Unfit>>,
}

impl fmt::Debug for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.how != How::Speechless, "there are no words for it");
        f.write_str("unfit")
    }
}

impl Error for Unfit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|it| it as _)
    }
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Well,
    /// A local of it cannot be dropped.
    Local,
    /// Its future cannot be dropped when it is done.
    Future,
    /// And it fails.
    FutureOfFailure,
    /// Its future cannot be dropped when it has panicked.
    FutureOfPanic,
    /// Its error cannot be dropped.
    Failure,
    /// Its error's `Display` panics.
    Speechless,
    /// That of what lies under its error.
    SpeechlessSource,
}

const ALL: [How; 7] = [
    How::Local,
    How::Future,
    How::FutureOfFailure,
    How::FutureOfPanic,
    How::Failure,
    How::Speechless,
    How::SpeechlessSource,
];

/// In which handler, and how long that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Decision,
    Open,
    Data,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    No,
    /// Until the client has gone, as far as its handler is told of that; else until the test says so.
    Gone,
    ForEver,
}

impl How {
    fn end(self) -> Result<(), Failure> {
        let unfit = |how, bomb, source| Err(Unfit { how, _bomb: bomb, source }.into());
        match self {
            Self::Well | Self::Local | Self::Future => Ok(()),
            Self::FutureOfPanic => panic!("and it panics"),
            Self::FutureOfFailure => unfit(self, None, None),
            Self::Failure => unfit(self, Some(Bomb), None),
            Self::Speechless => unfit(self, None, None),
            Self::SpeechlessSource => {
                let source = Unfit { how: Self::Speechless, _bomb: None, source: None };
                unfit(self, None, Some(Box::new(source)))
            }
        }
    }
}

/// A handler's future, which may keep what cannot be dropped longer than its own code.
struct Work<F> {
    code: Pin<Box<F>>,
    _bomb: Option<Bomb>,
}

impl<F: Future> Future for Work<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.code.as_mut().poll(cx)
    }
}

/// Ends as it is told to in one of its handlers, for clients at `/?bad`.
struct Fragile {
    place: Place,
    how: How,
    wait: Wait,
    cue: Arc<Notify>,
    journal: Journal,
}

impl Fragile {
    fn how(&self, place: Place, name: &str) -> How {
        if place == self.place && name == "bad" { self.how } else { How::Well }
    }

    async fn end(&self, how: How, client: Option<&Client<String>>) -> Result<(), Failure> {
        let _bomb = (how == How::Local).then(|| Bomb);
        if how != How::Well {
            self.journal.note("begins");
            match self.wait {
                Wait::No => {}
                Wait::Gone => match client {
                    Some(client) => client.gone().await,
                    None => self.cue.notified().await,
                },
                Wait::ForEver => pending().await,
            }
        }
        how.end()
    }
}

fn work<F: Future>(how: How, code: F) -> Work<F> {
    let has_bomb = matches!(how, How::Future | How::FutureOfFailure | How::FutureOfPanic);
    Work { code: Box::pin(code), _bomb: has_bomb.then(|| Bomb) }
}

impl Websocket<String> for Fragile {
    fn on_open(
        &self,
        handshake: Handshake<String>,
    ) -> impl Future<Output = Result<Accepted<String>, Refusal>> + Send {
        let name = handshake.request().uri.query().unwrap_or_default().to_owned();
        let (decision, open) = (self.how(Place::Decision, &name), self.how(Place::Open, &name));
        work(if decision == How::Well { open } else { decision }, async move {
            let outcome = self.end(decision, None).await;
            if decision != How::Well {
                outcome?;
                return Err(handshake.refuse(aerys::Status::FORBIDDEN));
            }
            let client = handshake.accept_with(name);
            self.end(open, Some(&client)).await?;
            Ok(client)
        })
    }

    fn on_data(
        &self,
        client: &Client<String>,
        message: Message,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let how = self.how(Place::Data, client.state());
        work(how, async move {
            client.send(message).nowait();
            self.end(how, Some(client)).await
        })
    }

    fn on_close(&self, gone: &Departure<String>) -> impl Future<Output = ()> + Send {
        let how = self.how(Place::Close, gone.state());
        work(how, async move {
            self.journal.note(departure(gone));
            if let Err(failure) = self.end(how, None).await {
                // Nobody else logs it.
                drop(failure);
            }
        })
    }
}

struct Stage {
    server: Running,
    path: String,
    cue: Arc<Notify>,
    journal: Journal,
    bystander: Raw,
}

impl Stage {
    /// A client that has sent what brings its handler to this place, but for its CLOSE.
    async fn send_to(&self, place: Place) -> Raw {
        let mut raw = Raw::connect(&self.server).await;
        raw.write(handshake(&format!("{}?bad", self.path), "")).await;
        match place {
            Place::Decision | Place::Open => {}
            Place::Data => {
                raw.head().await;
                raw.write(frame(1, b"hello")).await;
            }
            Place::Close => {
                raw.head().await;
            }
        }
        raw
    }

    /// On a single worker, which a fault would take everybody down with.
    async fn set(place: Place, how: How, wait: Wait) -> Self {
        keep_errors();
        let (cue, journal) = (Arc::new(Notify::new()), Journal::default());
        let app = Fragile { place, how, wait, cue: Arc::clone(&cue), journal: journal.clone() };
        let path = format!("/destructors/{place:?}/{how:?}/{wait:?}");
        // Bare sockets answer no CLOSE.
        let options = Options::new().close_period(Duration::from_millis(100));
        let host = Host::new("localhost").websocket_with(&path, app, options);
        let server = Server::new().host(host).stop_period(Duration::from_secs(1));
        let server = start_on(1, server).await;
        let bystander = Raw::open_at(&server, &path).await;
        Self { server, path, cue, journal, bystander }
    }

    /// A handshake that is answered as the test expects.
    async fn ask(&self, status: u16) -> Raw {
        let mut raw = Raw::connect(&self.server).await;
        raw.write(handshake(&format!("{}?bad", self.path), "")).await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {head}", self.path);
        raw
    }

    /// Others are served as before, and the server ends in time.
    async fn goes_on(mut self, noted: &[&str]) {
        echoes(&mut self.bystander).await;
        let mut newcomer = Raw::open_at(&self.server, &self.path).await;
        echoes(&mut newcomer).await;
        let lines = self.journal.lines();
        assert_eq!(lines, noted, "{}", self.path);
        drop((newcomer, self.bystander));
        self.journal.until(noted.len() + 2).await;
        soon(self.server.stop()).await;
        assert_eq!(self.journal.lines().len(), noted.len() + 2, "{}", self.path);
    }
}

async fn echoes(raw: &mut Raw) {
    raw.write(frame(1, b"hello")).await;
    assert_eq!(raw.frame().await, (0x81, b"hello".to_vec()));
}

#[tokio::test]
async fn while_it_is_let_in_the_client_is_answered_500() {
    for how in ALL {
        let stage = Stage::set(Place::Decision, how, Wait::No).await;
        let raw = stage.ask(500).await;
        drop(raw);
        stage.goes_on(&["begins"]).await;
    }
}

#[tokio::test]
async fn once_it_is_let_in_the_client_is_closed_with_1011() {
    for how in ALL {
        for place in [Place::Open, Place::Data] {
            let stage = Stage::set(place, how, Wait::No).await;
            let mut raw = stage.ask(101).await;
            if place == Place::Data {
                echoes(&mut raw).await;
            }
            assert_eq!(raw.hear_close().await, (1011, String::new()), "{}", stage.path);
            raw.write(frame(8, &1011_u16.to_be_bytes())).await;
            assert_eq!(raw.rest().await, b"");
            stage.journal.until(2).await;
            let path = stage.path.clone();
            stage.goes_on(&["begins", "gone 1011"]).await;
            let is_told = !matches!(how, How::Speechless | How::SpeechlessSource);
            assert_eq!(errors_at(&path).len(), usize::from(is_told), "{path}");
        }
    }
}

#[tokio::test]
async fn in_on_close_the_client_has_its_answer() {
    for how in ALL {
        let stage = Stage::set(Place::Close, how, Wait::No).await;
        let mut raw = stage.ask(101).await;
        raw.write(frame(8, &1000_u16.to_be_bytes())).await;
        assert_eq!(raw.rest().await, [&[0x88, 2][..], &1000_u16.to_be_bytes()].concat());
        stage.journal.until(2).await;
        stage.goes_on(&["gone 1000", "begins"]).await;
    }
}

#[tokio::test]
async fn when_the_client_has_gone_meanwhile_on_close_runs_once() {
    for how in ALL {
        for (place, noted) in [
            (Place::Decision, &["begins"][..]),
            (Place::Open, &["begins", "gone 1006"]),
            (Place::Data, &["begins", "gone 1006"]),
            (Place::Close, &["gone 1006", "begins"]),
        ] {
            let stage = Stage::set(place, how, Wait::Gone).await;
            let raw = stage.send_to(place).await;
            if place != Place::Close {
                stage.journal.until_noted("begins").await;
            }
            drop(raw);
            if place == Place::Close {
                stage.journal.until(2).await;
            }
            stage.cue.notify_one();
            stage.journal.until(noted.len()).await;
            stage.goes_on(noted).await;
        }
    }
}

#[tokio::test]
async fn a_handler_that_is_at_work_for_ever_does_not_keep_the_server() {
    for how in [How::Local, How::Future] {
        for place in [Place::Decision, Place::Open, Place::Data, Place::Close] {
            let mut stage = Stage::set(place, how, Wait::ForEver).await;
            let mut raw = stage.send_to(place).await;
            if place == Place::Close {
                raw.write(frame(8, &1000_u16.to_be_bytes())).await;
            }
            stage.journal.until_noted("begins").await;
            echoes(&mut stage.bystander).await;
            soon(stage.server.stop()).await;
            let gone = |line: &&String| line.starts_with("gone");
            let lines = stage.journal.lines();
            // The bystander's is one.
            let expected = if place == Place::Decision { 1 } else { 2 };
            assert_eq!(lines.iter().filter(gone).count(), expected, "{}: {lines:?}", stage.path);
        }
    }
}
