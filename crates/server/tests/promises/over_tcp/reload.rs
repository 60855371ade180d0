//! A reload changes what is served, and closes nobody who may stay.

use std::{net::TcpListener, time::Duration};

use aerys::{
    Accepted, Client, Departure, Drain, Endpoint, Failure, Handshake, Host, Listener, Message,
    Options, Refusal, ReloadError, Reloaded, Running, Server, ServerError, Websocket,
};
use axum::{Router, routing::get as on_get};
use tokio::{net::TcpStream, time::timeout};

use crate::common::{
    Journal, Raw, accesses_at, departure, frame, get, handshake, keep_errors, soon,
};

/// Tells everyone what anyone says. Fails to start if it is told to.
struct Room {
    journal: Journal,
    fails: bool,
}

impl Websocket for Room {
    async fn on_start(&self, _: &Endpoint) -> Result<(), Failure> {
        self.journal.note("start");
        if self.fails { Err(Failure::new("a fault")) } else { Ok(()) }
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.endpoint().broadcast(message).await;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }

    async fn on_stop(&self, _: &Endpoint) {
        self.journal.note("stop");
    }
}

/// How a client goes that says more than ten bytes where those are too many.
const TOO_LARGE: &str = "gone 1009 frame of 19 bytes exceeds 10";

/// Another type of application.
struct Other;

impl Websocket for Other {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

fn room(journal: &Journal) -> Room {
    Room { journal: journal.clone(), fails: false }
}

fn host() -> Host {
    Host::new("localhost")
}

/// With this page at `/page`.
fn page(text: &'static str) -> Router {
    Router::new().route("/page", on_get(async move || text))
}

fn server(host: Host) -> Server {
    Server::new().listen("127.0.0.1:0").host(host).workers(2)
}

async fn start(server: Server) -> Running {
    soon(server.start()).await.expect("the server starts")
}

async fn reload(running: &mut Running, server: Server) -> Reloaded {
    soon(running.reload(server)).await.expect("it reloads")
}

async fn connect(server: &Running) -> Raw<TcpStream> {
    soon(TcpStream::connect(server.address())).await.unwrap().into()
}

async fn open(server: &Running, path: &str) -> Raw<TcpStream> {
    let mut raw = connect(server).await;
    raw.upgrade(path).await;
    raw
}

async fn hears(raw: &mut Raw<TcpStream>, text: &str) {
    assert_eq!(raw.frame().await, (0x81, text.as_bytes().to_vec()));
}

#[tokio::test]
async fn an_endpoint_that_stays_keeps_its_clients_and_those_who_come_go_by_its_new_options() {
    let (journal, unused) = (Journal::default(), Journal::default());
    let mut running = start(server(host().websocket("/", room(&journal)))).await;
    let mut before = open(&running, "/").await;
    let strict = Options::new().max_msg_size(10);
    let next = host().websocket_with("/", room(&unused), strict).websocket("/new", Other);
    let Reloaded { kept, started, ended, .. } = reload(&mut running, server(next)).await;
    assert_eq!((kept, started, ended), (1, 1, 0));

    let mut after = open(&running, "/").await;
    open(&running, "/new").await;
    before.write(frame(1, b"more than ten bytes")).await;
    for raw in [&mut before, &mut after] {
        hears(raw, "more than ten bytes").await;
    }
    after.write(frame(1, b"more than ten bytes")).await;
    assert_eq!(after.hear_close().await.0, 1009);
    running.endpoint::<()>("/").unwrap().broadcast("to all").nowait();
    hears(&mut before, "to all").await;
    soon(running.stop()).await;
    assert_eq!(journal.lines(), ["start", TOO_LARGE, "gone 1001", "stop"]);
    assert!(unused.lines().is_empty(), "{:?}", unused.lines());
}

#[tokio::test]
async fn an_endpoint_that_goes_is_not_found_and_its_clients_are_seen_off_before_it_stops() {
    let journal = Journal::default();
    let mut running = start(server(host().websocket("/", room(&journal)))).await;
    let mut raw = open(&running, "/").await;
    let next = server(host().websocket("/elsewhere", Other)).drain(Drain::new().restart());
    let Reloaded { kept, started, ended, .. } = reload(&mut running, next).await;
    assert_eq!((kept, started, ended), (0, 1, 1));
    assert_eq!(connect(&running).await.ask(handshake("/", "")).await.status(), 404);
    assert!(running.endpoint::<()>("/").is_err());
    assert_eq!(raw.hear_close().await.0, 1012);
    raw.write(frame(8, &[])).await;
    assert_eq!(journal.until(3).await, ["start", "gone 1012", "stop"]);
    soon(running.stop()).await;
    assert_eq!(journal.lines().len(), 3);
}

#[tokio::test]
async fn another_application_at_the_same_path_is_another_endpoint() {
    let journal = Journal::default();
    let mut running = start(server(host().websocket("/", room(&journal)))).await;
    let mut raw = open(&running, "/").await;
    let Reloaded { kept, started, ended, .. } =
        reload(&mut running, server(host().websocket("/", Other))).await;
    assert_eq!((kept, started, ended), (0, 1, 1));
    assert_eq!(raw.hear_close().await.0, 1001);
    let mut other = open(&running, "/").await;
    drop(raw);
    assert_eq!(journal.until(3).await[2], "stop");
    assert!(other.is_silent());
}

#[tokio::test]
async fn the_next_request_of_a_connection_is_answered_as_things_are_then() {
    let mut running = start(server(host().service(page("one")))).await;
    let mut raw = connect(&running).await;
    assert_eq!(raw.ask(get("/page", "")).await.body, b"one");
    reload(&mut running, server(host().service(page("two")).websocket("/ws", Other))).await;
    assert_eq!(raw.ask(get("/page", "")).await.body, b"two");
    reload(&mut running, server(Host::new("mysite.com").service(page("three")))).await;
    let elsewhere = get("/page", "").replace("localhost", "yoursite.com");
    assert_eq!(raw.ask(elsewhere).await.status(), 421);
    assert_eq!(raw.ask(get("/page", "")).await.body, b"three");
}

#[tokio::test]
async fn a_listener_stays_if_its_address_does_and_else_it_is_closed() {
    let mut running = start(server(host().websocket("/", Other))).await;
    let first = running.address();
    let more = || server(host().websocket("/", Other)).listen("127.0.0.2:0");
    reload(&mut running, more()).await;
    let addresses = running.addresses().to_vec();
    let snapshot = running.metrics().snapshot();
    assert_eq!((snapshot.reloads, snapshot.listeners.len()), (1, 2));
    assert_eq!((addresses.len(), addresses[0]), (2, first));
    let mut raw: Raw<TcpStream> = soon(TcpStream::connect(addresses[1])).await.unwrap().into();
    raw.upgrade("/").await;

    reload(&mut running, server(host().websocket("/", Other))).await;
    assert_eq!(running.addresses(), [first]);
    open(&running, "/").await;
    soon(async { while TcpStream::connect(addresses[1]).await.is_ok() {} }).await;
    // Whoever was there stays.
    raw.write(frame(9, b"there?")).await;
    assert_eq!(raw.frame().await, (0x8a, b"there?".to_vec()));
}

#[tokio::test]
async fn limits_and_trust_are_the_new_ones_for_whoever_comes() {
    let with = |server: Server| server.host(host().websocket("/", Other));
    let base = || Server::new().listen("127.0.0.1:0").workers(2);
    let mut running = start(with(base())).await;
    let for_client = handshake("/", "X-Forwarded-For: 1.1.1.1\r\n");
    for _ in 0..3 {
        assert_eq!(connect(&running).await.ask(&for_client).await.status(), 101);
    }
    let strict = base().trusted_proxies(["127.0.0.1"]).handshakes_per_ip(1, 1);
    reload(&mut running, with(strict)).await;
    assert_eq!(connect(&running).await.ask(&for_client).await.status(), 101);
    assert_eq!(connect(&running).await.ask(&for_client).await.status(), 429);
    reload(&mut running, with(base().max_connections(0))).await;
    assert_eq!(connect(&running).await.rest().await, b"");
    assert_eq!(running.limits_hit().connections, 1);
}

#[tokio::test]
async fn if_anything_is_wrong_everything_stays() {
    let (journal, started) = (Journal::default(), Journal::default());
    let listens = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listens.local_addr().unwrap();
    let mut running = start(server(host().websocket("/", room(&journal)))).await;
    let mut raw = open(&running, "/").await;
    let (address, strict) = (running.address(), Options::new().max_msg_size(2));
    let fails = Room { journal: Journal::default(), fails: true };
    let next = host()
        .websocket_with("/", room(&journal), strict)
        .websocket("/starts", room(&started))
        .websocket("/fails", fails);
    let wrong = [
        server(next),
        server(host()).host(host()),
        server(host()).listen(taken),
        server(host().websocket("chat", Other)),
        server(host()).trusted_proxies(["nonsense"]),
        server(host()).listen(Listener::from("127.0.0.1:0").proxy_protocol()),
        server(host()).drain(Drain::new().spread(Duration::from_secs(100))),
        Server::new(),
    ];
    for wrong in wrong {
        let error: ServerError = soon(running.reload(wrong)).await.unwrap_err();
        raw.write(frame(1, error.to_string().as_bytes())).await;
        hears(&mut raw, &error.to_string()).await;
    }
    let snapshot = running.metrics().snapshot();
    assert_eq!((snapshot.reloads, snapshot.reloads_refused), (0, 8));
    assert_eq!(running.addresses(), [address]);
    assert_eq!(started.lines(), ["start", "stop"]);
    let mut after = open(&running, "/").await;
    after.write(frame(1, b"more than two bytes")).await;
    hears(&mut after, "more than two bytes").await;
    assert_eq!(connect(&running).await.ask(handshake("/starts", "")).await.status(), 404);
    drop((raw, after));
    soon(running.stop()).await;
    assert_eq!(journal.lines().iter().filter(|it| *it == "start" || *it == "stop").count(), 2);
}

#[tokio::test]
async fn an_endpoint_that_goes_while_the_server_stops_is_stopped_once() {
    let journal = Journal::default();
    let mut running = start(server(host().websocket("/", room(&journal)))).await;
    let mut raw = open(&running, "/").await;
    let slowly = Drain::new().spread(Duration::from_secs(4));
    reload(&mut running, server(host().websocket("/other", Other)).drain(slowly)).await;
    let stopping = tokio::spawn(running.stop());
    assert_eq!(raw.hear_close().await.0, 1001);
    raw.write(frame(8, &[])).await;
    assert_eq!(raw.rest().await, b"");
    timeout(Duration::from_secs(3), stopping).await.expect("it is not as slow").unwrap();
    assert_eq!(journal.lines(), ["start", "gone 1001", "stop"]);
}

#[tokio::test]
async fn who_is_elsewhere_has_it_reload_and_is_told_what_came_of_it() {
    let unserved = start(server(host().websocket("/", Other))).await;
    let reloader = unserved.reloader();
    soon(unserved.stop()).await;
    assert_eq!(soon(reloader.reload()).await, Err(ReloadError::NotReloading));

    let running = start(server(host().websocket("/", Other))).await;
    let (reloader, shutdown) = (running.reloader(), running.shutdown());
    let address = running.address();
    let mut nexts = vec![
        Ok(server(host().websocket("/", Other).websocket("/new", Other))),
        Err("a file that is not there"),
        Ok(Server::new()),
    ]
    .into_iter();
    let serving = tokio::spawn(running.until_signalled_reloading(move || nexts.next().unwrap()));
    let Reloaded { kept, started, .. } = soon(reloader.reload()).await.unwrap();
    assert_eq!((kept, started), (1, 1));
    for sentence in ["a file that is not there", &ServerError::NoHost.to_string()] {
        let refused = ReloadError::Refused(sentence.to_owned());
        assert_eq!(soon(reloader.reload()).await, Err(refused));
    }
    let mut raw: Raw<TcpStream> = soon(TcpStream::connect(address)).await.unwrap().into();
    raw.upgrade("/new").await;
    shutdown.drain();
    assert_eq!(raw.hear_close().await.0, 1001);
    drop(raw);
    soon(serving).await.unwrap().unwrap();
    assert_eq!(soon(reloader.reload()).await, Err(ReloadError::NotReloading));
}

#[tokio::test]
async fn the_access_log_is_switched_on_and_off() {
    keep_errors();
    let path = "/reload/access";
    let made = |is_on| server(host().websocket(path, Other)).access_log(is_on);
    let mut running = start(made(false)).await;
    for (is_on, lines) in [(false, 0), (true, 1), (false, 1)] {
        reload(&mut running, made(is_on)).await;
        drop(open(&running, path).await);
        assert_eq!(accesses_at(path).len(), lines);
    }
    running.stop().await;
}
