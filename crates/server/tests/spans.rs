//! What a handler logs is in a span that says where, in which handler and for whom.

use std::{
    future::pending,
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Message, Refusal, Websocket,
    test::{TestClient, TestServer},
};
use tokio::{
    sync::{Barrier, Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard},
    task::yield_now,
};
use tracing::{
    Event, Level, Metadata, Subscriber, info,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, set_default},
};
use tracing_subscriber::fmt::format::FmtSpan;

/// One test at a time has a subscriber: `tracing` remembers for each place in the code whether anybody is
/// interested, and may miss one that comes while another thread is the first to ask there.
static TURN: AsyncMutex<()> = AsyncMutex::const_new(());

/// The subscriber of a test's thread, which is where its server runs.
struct Subscribed {
    _subscriber: DefaultGuard,
    _turn: AsyncMutexGuard<'static, ()>,
}

/// Until the guard is dropped.
async fn subscribe(subscriber: impl Subscriber + Send + Sync + 'static) -> Subscribed {
    let turn = TURN.lock().await;
    Subscribed { _subscriber: set_default(subscriber), _turn: turn }
}

/// What a formatting subscriber has written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps what is logged on this thread until the guard is dropped.
    async fn keep(level: Level) -> (Self, Subscribed) {
        Self::keep_with(level, FmtSpan::NONE).await
    }

    /// As [`keep`](Self::keep), and tells of what happens to spans.
    async fn keep_with(level: Level, events: FmtSpan) -> (Self, Subscribed) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_span_events(events)
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_writer({
                let log = log.clone();
                move || log.clone()
            })
            .finish();
        (log, subscribe(subscriber).await)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The application's lines, which are those at level info.
    fn lines(&self) -> Vec<String> {
        self.text()
            .lines()
            .filter_map(|line| line.strip_prefix(" INFO ").map(str::to_owned))
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says in each handler that it begins, and after a wait that it goes on.
struct Talker;

async fn talk() {
    info!("begins");
    yield_now().await;
    info!("goes on");
}

/// Says that it is dropped.
struct Talkative;

impl Drop for Talkative {
    fn drop(&mut self) {
        info!("is dropped");
    }
}

impl Websocket for Talker {
    async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        talk().await;
        endpoint.spawn(async {
            talk().await;
            Ok(())
        });
        Ok(())
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        talk().await;
        let client = handshake.accept();
        info!("has let in");
        Ok(client)
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        talk().await;
        client.once(Duration::ZERO, async |client| {
            talk().await;
            client.send(client.id().to_string()).await?;
            Ok(())
        });
        client.spawn(async {
            let _talkative = Talkative;
            pending().await
        });
        Ok(())
    }

    async fn on_close(&self, _: &Departure) {
        talk().await;
    }

    async fn on_stop(&self, _: &Endpoint) {
        talk().await;
    }
}

async fn connect(server: &TestServer, name: &str) -> TestClient {
    server.ask("/").from(name).connect().await.expect("it is let in")
}

/// Starts a server, has one client say something, and stops; the client's id.
async fn come_and_go() -> String {
    let server = TestServer::of(Talker).await;
    let mut ann = connect(&server, "ann").await;
    ann.send("hello").await;
    let id = ann.hear().await;
    info!("outside");
    server.stop().await;
    id
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_logs_says_where_and_for_whom_also_after_a_wait() {
    let (log, _guard) = Log::keep(Level::DEBUG).await;
    let id = come_and_go().await;
    let lines = log.lines();
    let on = |handler: &str, about: &str, said: &str| {
        format!("handler{{path=\"/\" handler=\"{handler}\"{about}}}: {said}")
    };
    let (nobody, asking) = ("", " address=ann");
    let (known, accepted) =
        (&format!(" client={id} address=ann"), &format!("{asking} client={id}"));
    for (handler, about) in [
        ("on_start", nobody),
        ("watcher", nobody),
        ("on_open", asking),
        ("on_data", known),
        ("watcher", known),
        ("on_close", known),
        ("on_stop", nobody),
    ] {
        for said in ["begins", "goes on"] {
            let line = on(handler, about, said);
            assert_eq!(lines.iter().filter(|it| **it == line).count(), 1, "{line} in {lines:#?}");
        }
    }
    assert!(lines.contains(&on("on_open", accepted, "has let in")), "{lines:#?}");
    assert!(lines.contains(&on("watcher", known, "is dropped")), "{lines:#?}");
    assert!(lines.contains(&"outside".to_owned()), "{lines:#?}");
    assert_eq!(lines.len(), 2 * 7 + 3, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_span_ends_with_its_handler_and_not_with_the_next() {
    let (log, _guard) = Log::keep_with(Level::DEBUG, FmtSpan::CLOSE).await;
    let server = TestServer::of(Talker).await;
    let mut ann = connect(&server, "ann").await;
    ann.send("hello").await;
    ann.hear().await;
    let ended = |handler: &str| {
        let named = format!("handler=\"{handler}\"");
        log.text().lines().filter(|it| it.contains(&named) && it.contains(": close")).count()
    };
    assert_eq!((ended("on_start"), ended("on_open"), ended("on_data")), (1, 1, 1));
    server.stop().await;
    assert_eq!((ended("on_data"), ended("on_close")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_level_debug_there_is_no_span() {
    let (log, _guard) = Log::keep(Level::INFO).await;
    come_and_go().await;
    let lines = log.lines();
    assert_eq!(lines.len(), 2 * 7 + 3);
    assert!(lines.iter().all(|line| !line.contains("handler")), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn handlers_that_take_turns_are_each_in_their_own_span() {
    /// Has two clients wait for each other in the middle of a handler, twice.
    struct Pair(Barrier);

    impl Websocket for Pair {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            Ok(handshake.accept())
        }

        async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
            for _ in 0..2 {
                info!("before {}", client.id());
                self.0.wait().await;
                info!("after {}", client.id());
            }
            client.send(message).await?;
            Ok(())
        }
    }

    let (log, _guard) = Log::keep(Level::DEBUG).await;
    let server = TestServer::of(Pair(Barrier::new(2))).await;
    let (mut ann, mut bob) = (connect(&server, "ann").await, connect(&server, "bob").await);
    ann.send("hello").await;
    bob.send("hello").await;
    assert_eq!((ann.hear().await, bob.hear().await), ("hello".into(), "hello".into()));
    server.stop().await;
    let lines = log.lines();
    assert_eq!(lines.len(), 8, "{lines:#?}");
    for line in &lines {
        let (span, said) = line.split_once("}: ").expect("it is in a span");
        let (_, id) = said.split_once(' ').expect("an id");
        assert!(span.contains(&format!(" client={id} ")), "{line}");
        assert_eq!(line.matches("handler{").count(), 1, "{line}");
    }
}

/// Panics at one thing that may happen to a span.
struct Fragile {
    at: &'static str,
    panics: Arc<AtomicUsize>,
}

impl Fragile {
    fn pass(&self, at: &str) {
        if at == self.at {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("no span can be had");
        }
    }
}

impl Subscriber for Fragile {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.pass("new_span");
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        self.pass("record");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {
        self.pass("enter");
    }

    fn exit(&self, _: &Id) {
        self.pass("exit");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.pass("clone_span");
        id.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        self.pass("try_close");
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_harms_no_handler() {
    for at in ["new_span", "record", "enter", "exit", "clone_span", "try_close"] {
        let panics = Arc::default();
        let _guard = subscribe(Fragile { at, panics: Arc::clone(&panics) }).await;
        come_and_go().await;
        assert!(panics.load(Ordering::Relaxed) > 0, "{at}");
    }
}
