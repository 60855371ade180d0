//! `on_start` and `on_stop`: what comes before the first client and after the last.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Host, Message, Refusal, Server,
    ServerError, Tally, Websocket,
};
use tokio::{net::TcpStream, time::sleep};

use crate::common::{
    Dropped, Journal, Raw, connect, connect_to, departure, frame, on_a_thread, serve, serve_host,
    soon, try_start,
};

/// Keeps its endpoint, and notes everything.
#[derive(Clone, Default)]
struct Station {
    journal: Journal,
    name: &'static str,
    endpoint: Arc<OnceLock<Endpoint>>,
}

impl Station {
    fn note(&self, line: impl Into<String>) {
        let line = line.into();
        self.journal.note(if self.name.is_empty() {
            line
        } else {
            format!("{}: {line}", self.name)
        });
    }
}

impl Websocket for Station {
    async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        self.note(format!("starts with {}", endpoint.len()));
        // It is waited for.
        sleep(Duration::from_millis(20)).await;
        self.endpoint.set(endpoint.clone()).map_err(|_| Failure::new("started twice"))?;
        self.note("started");
        match self.name {
            "fails" => Err(Failure::new("no line")),
            "panics" => panic!("no power"),
            _ => Ok(()),
        }
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        self.note("opens");
        Ok(handshake.accept())
    }

    async fn on_close(&self, gone: &Departure) {
        // Long enough for an `on_stop` that does not wait to overtake it.
        sleep(Duration::from_millis(20)).await;
        self.note(departure(gone));
    }

    async fn on_stop(&self, endpoint: &Endpoint) {
        self.note(format!("stops with {}", endpoint.len()));
        let tally = endpoint.broadcast("anybody?").await;
        sleep(Duration::from_millis(20)).await;
        self.note(format!("stopped, {} heard", tally.delivered));
    }
}

#[tokio::test]
async fn on_start_is_over_before_the_first_client_comes() {
    let station = Station::default();
    let server = serve(station.clone()).await;
    assert_eq!(station.journal.lines(), ["starts with 0", "started"]);
    drop(connect(&server).await);
    soon(server.stop()).await;
    assert_eq!(station.journal.lines()[..3], ["starts with 0", "started", "opens"]);
}

#[tokio::test]
async fn on_stop_runs_once_after_every_on_close_and_is_waited_for() {
    let station = Station::default();
    let server = serve(station.clone()).await;
    let mut room = Vec::new();
    for _ in 0..4 {
        room.push(connect(&server).await);
    }
    let leave = async {
        for mut ws in room {
            assert_eq!(ws.hear_close().await.0, 1001);
            ws.ends().await;
        }
    };
    tokio::join!(soon(server.stop()), leave);
    let lines = station.journal.lines();
    assert_eq!(lines[6..10], ["gone 1001"; 4]);
    assert_eq!(lines[10..], ["stops with 0", "stopped, 0 heard"]);
}

#[tokio::test]
async fn who_keeps_the_endpoint_can_publish_from_outside() {
    let station = Station::default();
    let server = serve(station.clone()).await;
    let endpoint = station.endpoint.get().expect("it has started").clone();
    let published = endpoint.clone();
    assert_eq!(on_a_thread(async move { published.broadcast("early").await }).await.delivered, 0);
    let (mut one, mut two) = (connect(&server).await, connect(&server).await);
    let published = endpoint.clone();
    let thread = thread::spawn(move || {
        for number in 0..20 {
            published.broadcast(number.to_string()).nowait();
        }
    });
    for number in 0..20 {
        assert_eq!(one.hear_text().await, number.to_string());
        assert_eq!(two.hear_text().await, number.to_string());
    }
    thread.join().expect("it does not panic");
    let published = endpoint.clone();
    let tally = on_a_thread(async move { published.broadcast("counted").await }).await;
    assert_eq!(tally, crate::common::tally(2, 0, 0));
    let found = on_a_thread(async move { endpoint.clients() }).await;
    assert_eq!(soon(found[0].send("to one")).await, Ok(()));
    drop((one, two));
    server.stop().await;
}

#[tokio::test]
async fn every_application_has_a_life_of_its_own() {
    let journal = Journal::default();
    let station = |name| Station { journal: journal.clone(), name, ..Station::default() };
    let (a, b) = (station("a"), station("b"));
    let host = Host::new("localhost").websocket("/a", a.clone()).websocket("/b", b.clone());
    let server = serve_host(host).await;
    let lines = ["a: starts with 0", "a: started", "b: starts with 0", "b: started"];
    assert_eq!(journal.lines(), lines);
    let (mut at_a, mut at_b) = (connect_to(&server, "/a").await, connect_to(&server, "/b").await);
    for (station, text) in [(&a, "for a"), (&b, "for b")] {
        station.endpoint.get().expect("it has started").broadcast(text).nowait();
    }
    assert_eq!(at_a.hear_text().await, "for a");
    assert_eq!(at_b.hear_text().await, "for b");
    let leave = async {
        for mut ws in [at_a, at_b] {
            assert_eq!(ws.hear_close().await.0, 1001);
            ws.ends().await;
        }
    };
    tokio::join!(soon(server.stop()), leave);
    let mut lines = journal.lines().split_off(6);
    // Not even the one stops before the other's clients have gone.
    lines[..2].sort();
    assert_eq!(lines[..2], ["a: gone 1001", "b: gone 1001"]);
    lines[2..].sort();
    assert_eq!(lines[2..4], ["a: stopped, 0 heard", "a: stops with 0"]);
    assert_eq!(lines[4..], ["b: stopped, 0 heard", "b: stops with 0"]);
}

#[tokio::test]
async fn an_on_start_that_fails_keeps_the_server_from_starting() {
    for (name, reason) in [("fails", "no line"), ("panics", "panicked")] {
        let journal = Journal::default();
        let station = |name| Station { journal: journal.clone(), name, ..Station::default() };
        let first = station("first");
        let host = Host::new("localhost")
            .websocket("/first", first.clone())
            .websocket("/second", station(name))
            .websocket("/third", station("third"));
        let server = Server::new().host(host).workers(2);
        let error = soon(try_start(server)).await.map(drop).expect_err("it cannot start");
        assert!(matches!(&error, ServerError::Start { path, .. } if path == "/second"), "{error}");
        let text = error.to_string();
        assert!(text.contains("/second") && text.contains(reason), "{text}");
        assert!(!journal.lines().iter().any(|line| line.starts_with("third")));
        // Nothing is left running, of what had started either.
        let guard = Dropped(Journal::default());
        let ended = guard.0.clone();
        let endpoint = first.endpoint.get().expect("it had started");
        endpoint.repeat(Duration::from_millis(1), move |_| {
            guard.0.note("still running");
            async { Ok(()) }
        });
        assert_eq!(ended.until_noted("dropped").await.last().unwrap(), "dropped");
        assert_eq!(soon(endpoint.broadcast("anybody?")).await, Tally::default());
    }
}

#[tokio::test]
async fn what_has_started_is_stopped_in_reverse_order_if_another_does_not_start() {
    for name in ["fails", "panics"] {
        let journal = Journal::default();
        let station = |name| Station { journal: journal.clone(), name, ..Station::default() };
        let host = Host::new("localhost")
            .websocket("/a", station("a"))
            .websocket("/b", station("b"))
            .websocket("/c", station(name))
            .websocket("/d", station("d"));
        let server = Server::new().host(host).workers(2);
        soon(try_start(server)).await.map(drop).expect_err("it cannot start");
        let stops = ["b: stops with 0", "b: stopped, 0 heard", "a: stops with 0"];
        let lines = journal.lines();
        assert_eq!(lines[6..], [&stops[..], &["a: stopped, 0 heard"]].concat(), "{name}");
    }
}

#[tokio::test]
async fn an_on_stop_that_never_ends_leaves_the_others_and_the_start_that_failed_their_time() {
    for (fails, held) in [(true, true), (true, false), (false, true)] {
        let journal = Journal::default();
        let host = Host::new("localhost")
            .websocket("/a", Station { journal: journal.clone(), name: "a", ..Station::default() })
            .websocket("/held", Held { journal: journal.clone(), held });
        let last = Station { journal: journal.clone(), name: "fails", ..Station::default() };
        let host = if fails { host.websocket("/fails", last) } else { host };
        let server = Server::new().host(host).workers(2);
        let server = server.stop_period(Duration::from_millis(600));
        let began = Instant::now();
        match soon(try_start(server)).await {
            Ok(running) => soon(running.stop()).await,
            Err(error) => assert!(matches!(error, ServerError::Start { .. }), "{error}"),
        }
        // What it takes is the period and what the machine adds, or less where nothing is held up.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let lines = journal.lines();
        let stops: Vec<_> = lines.iter().filter(|line| line.contains("stop")).collect();
        let all = ["held: stops", "a: stops with 0", "a: stopped, 0 heard"];
        assert_eq!(stops, all, "fails: {fails}, held: {held}");
    }
}

/// Its `on_stop` never ends if it is `held`, and panics else.
struct Held {
    journal: Journal,
    held: bool,
}

impl Websocket for Held {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_stop(&self, _: &Endpoint) {
        self.journal.note("held: stops");
        assert!(self.held, "no brakes");
        std::future::pending::<()>().await;
    }
}

/// Keeps a number for each client, and what it heard of all of them.
#[derive(Default)]
struct Counter {
    journal: Journal,
    sum: AtomicU32,
}

impl Websocket<u32> for Counter {
    async fn on_start(&self, _: &Endpoint<u32>) -> Result<(), Failure> {
        self.journal.told("starts")
    }

    async fn on_open(&self, handshake: Handshake<u32>) -> Result<Accepted<u32>, Refusal> {
        self.journal.note("opens");
        Ok(handshake.accept_with(7))
    }

    async fn on_data(&self, client: &Client<u32>, message: Message) -> Result<(), Failure> {
        self.sum.fetch_add(*client.state(), Ordering::Relaxed);
        self.journal.told(&message.to_string())
    }

    async fn on_close(&self, gone: &Departure<u32>) {
        self.journal.note(departure(gone));
    }

    async fn on_stop(&self, _: &Endpoint<u32>) {
        self.journal.note("stops");
    }
}

#[tokio::test]
async fn an_on_start_that_panics_is_told_in_one_clear_sentence() {
    let host = Host::new("localhost")
        .websocket("/second", Station { name: "panics", ..Station::default() });
    let server = Server::new().host(host).workers(1);
    let error = soon(try_start(server)).await.map(drop).expect_err("it cannot start");
    let sentence =
        "the application at \"/second\" could not start: its `on_start` panicked: no power";
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test]
async fn run_within_a_runtime_says_what_to_use_there() {
    let run = || {
        let host = Host::new("localhost").websocket("/", Station::default());
        Server::new().host(host).listen(([127, 0, 0, 1], 0)).run()
    };
    let in_a_task = run();
    let for_blocking = tokio::task::spawn_blocking(run);
    for outcome in [in_a_task, soon(for_blocking).await.expect("it does not panic")] {
        let error = outcome.expect_err("it cannot run here");
        assert!(matches!(error, ServerError::InsideRuntime), "{error}");
        assert!(error.to_string().contains("use `Server::start` there"), "{error}");
    }
}

#[tokio::test]
async fn what_is_in_an_arc_is_an_application_and_can_be_looked_at_from_elsewhere() {
    let counter = Arc::new(Counter::default());
    let server = serve(Arc::clone(&counter)).await;
    let mut ws = connect(&server).await;
    ws.say("a").await;
    ws.say("b").await;
    counter.journal.until(4).await;
    assert_eq!(counter.sum.load(Ordering::Relaxed), 14);
    ws.leave().await;
    soon(server.stop()).await;
    assert_eq!(counter.journal.lines(), ["starts", "opens", "a", "b", "gone 1005", "stops"]);
}

#[tokio::test]
async fn one_application_can_be_mounted_on_several_paths() {
    let counter = Arc::new(Counter::default());
    let host = Host::new("localhost")
        .websocket("/one", Arc::clone(&counter))
        .websocket("/two", Arc::clone(&counter));
    let server = serve_host(host).await;
    for (path, sum) in [("/one", 7), ("/two", 14)] {
        let mut ws = connect_to(&server, path).await;
        ws.say(path).await;
        counter.journal.until_noted(path).await;
        assert_eq!(counter.sum.load(Ordering::Relaxed), sum, "{path}");
        ws.leave().await;
    }
    soon(server.stop()).await;
    let lines = counter.journal.lines();
    let count = |line: &str| lines.iter().filter(|it| *it == line).count();
    assert_eq!([count("starts"), count("opens"), count("stops")], [2; 3], "{lines:?}");
}

#[test]
fn a_server_runs_until_a_future_resolves() {
    let station = Station::default();
    let host = Host::new("localhost").websocket("/", station.clone());
    let server = Server::new().listen("127.0.0.1:0").workers(1).host(host);
    let (ended, has_ended) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let until = async { sleep(Duration::from_millis(50)).await };
        ended.send(server.run_until(until).map_err(|error| error.to_string()))
    });
    let outcome = has_ended.recv_timeout(crate::common::PATIENCE).expect("it ends in time");
    assert_eq!(outcome, Ok(()));
    let lines = station.journal.lines();
    assert_eq!(lines.last().map(String::as_str), Some("stopped, 0 heard"), "{lines:?}");
}

#[tokio::test]
async fn whoever_has_a_shutdown_may_stop_the_server_whatever_it_waits_for() {
    for waits_for_signals in [true, false] {
        let station = Station::default();
        let host = Host::new("localhost").websocket("/", station.clone());
        let running = Server::new().host(host).listen("127.0.0.1:0").workers(2).start();
        let running = soon(running).await.expect("the server starts");
        let mut raw = Raw::from(TcpStream::connect(running.address()).await.unwrap());
        raw.upgrade("/").await;
        let shutdown = running.shutdown();
        // From a thread that knows of no runtime, and twice.
        let stops = thread::spawn(move || [shutdown.clone(), shutdown].map(|it| it.stop()));
        let serving = async {
            match waits_for_signals {
                true => running.until_signalled().await.expect("nobody sends a signal"),
                false => running.until(std::future::pending()).await,
            }
        };
        let leaving = async {
            assert_eq!(raw.hear_close().await.0, 1001);
            raw.write(frame(8, &1001_u16.to_be_bytes())).await;
            raw.rest().await;
        };
        tokio::join!(soon(serving), leaving);
        stops.join().expect("it does not panic");
        let lines = station.journal.lines();
        assert_eq!(lines.last().map(String::as_str), Some("stopped, 0 heard"), "{lines:?}");
    }
}
