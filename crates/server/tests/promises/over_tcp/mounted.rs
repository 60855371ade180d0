//! `Server::mount`: endpoints in a program that has axum, or another hyper server.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Endpoint, EndpointError, Failure, Handshake, Host, Message, Mount,
    Options, PeerAddr, Refusal, Server, ServerError, Websocket,
};
use axum::{
    Extension, Router,
    extract::{ConnectInfo, Request},
    middleware::{map_request, map_response},
    response::Response,
    routing::get as on_get,
};
use http::{HeaderValue, StatusCode};
use hyper::{server::conn::http1, upgrade::OnUpgrade};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::oneshot,
};

use crate::common::{
    Journal, Raw, Stream, accesses_at, errors_at, eventually, frame, get, handshake, keep_errors,
    serve_host, soon,
};

/// Decides by the path, and answers what it is told.
#[derive(Clone, Default)]
struct Guide {
    journal: Journal,
}

impl Websocket for Guide {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let thread = thread::current();
        assert!(thread.name().is_some_and(|name| name.starts_with("aerys-")), "{thread:?}");
        let said = handshake.request().extensions.get::<&str>().copied().unwrap_or_default();
        let (room, address) = (handshake.param("room").unwrap_or_default(), handshake.peer_addr());
        let line = format!("{room} {address} {said}").trim_end().to_owned();
        match room {
            "closed" => return Err(handshake.header("x-why", "late").refuse(403).reason("Closed")),
            "undecided" => {
                self.journal.note("undecided");
                let _dropped = crate::common::Dropped(self.journal.clone());
                pending::<()>().await;
            }
            "silent" => {
                let client = handshake.accept();
                self.journal.note("silent");
                return Ok(client);
            }
            _ => {}
        }
        let client = handshake.header("x-room", "yes").accept();
        client.send(line).await?;
        self.journal.note("opened");
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        Ok(client.send(message).await?)
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(format!("closed {}", gone.code().as_u16()));
    }

    async fn on_stop(&self, _: &Endpoint) {
        self.journal.note("stopped");
    }
}

async fn mount(journal: &Journal) -> Mount {
    let guide = Guide { journal: journal.clone() };
    // Bare sockets answer no CLOSE.
    let options = Options::new().close_period(Duration::from_millis(100));
    let host = Host::new("mysite.com").websocket_with("/rooms/{room}", guide, options);
    let server = Server::new().host(host).workers(2).stop_period(Duration::from_secs(2));
    server.mount().await.expect("it is mounted")
}

/// A router with a mount in it, a page beside it, and a layer around both.
fn router(mount: &Mount) -> Router {
    let marked = async |mut response: Response| {
        response.headers_mut().insert("x-layer", HeaderValue::from_static("seen"));
        response
    };
    Router::new()
        .route("/page", on_get(async || "a page"))
        .route_service("/rooms/{room}", mount.service())
        .layer(map_response(marked))
}

/// What axum serves, until it is told to stop.
struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl Serving {
    async fn new(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown(async { drop(stopped.await) })
            .into_future();
        Self { address, stop, serving: tokio::spawn(serving) }
    }

    async fn connect(&self) -> Raw {
        connect(self.address).await
    }

    async fn stop(self) {
        drop(self.stop);
        soon(self.serving).await.unwrap().unwrap();
    }
}

async fn connect(address: SocketAddr) -> Raw {
    let stream = soon(TcpStream::connect(address)).await.unwrap();
    Raw::from(Box::new(stream) as Stream)
}

#[tokio::test]
async fn a_handshake_is_decided_before_axum_answers_and_the_client_is_ours_then() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let serving = Serving::new(router(&mount)).await;
    let mut raw = serving.connect().await;
    assert_eq!(raw.ask(get("/page", "")).await.text(), "a page");
    // Behind another request, and with a message behind it, in one packet.
    let mut packet = [get("/page", ""), handshake("/rooms/a%20b", "")].concat().into_bytes();
    packet.extend(frame(1, b"early"));
    raw.write(packet).await;
    assert_eq!(raw.answer().await.text(), "a page");
    let answer = raw.answer().await;
    let headers = ["x-layer", "x-room"].map(|name| answer.header(name));
    assert_eq!((answer.status(), headers), (101, [Some("seen"), Some("yes")]));
    assert_eq!(raw.frame().await, (0x81, b"a b unknown".to_vec()));
    assert_eq!(raw.frame().await, (0x81, b"early".to_vec()));
    // Axum is through with the connection.
    serving.stop().await;
    for size in [1, 1000, 30_000] {
        let payload = vec![b'x'; size];
        raw.write(frame(2, &payload)).await;
        assert_eq!(raw.frame().await, (0x82, payload));
    }
    raw.write(frame(8, &1000u16.to_be_bytes())).await;
    assert_eq!(raw.hear_close().await.0, 1000);
    assert_eq!(raw.rest().await, b"");
    mount.stop().await;
    assert_eq!(journal.lines(), ["opened", "closed 1000", "stopped"]);
}

#[tokio::test]
async fn what_is_refused_or_no_handshake_leaves_the_connection_to_axum() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let everything = Router::new().nest("/api", router(&mount)).fallback_service(mount.service());
    let serving = Serving::new(everything).await;
    let mut raw = serving.connect().await;
    let refused = raw.ask(handshake("/api/rooms/closed", "")).await;
    let headers = ["x-layer", "x-why"].map(|name| refused.header(name));
    assert_eq!(
        (refused.status_line(), headers),
        ("HTTP/1.1 403 Closed", [Some("seen"), Some("late")])
    );
    let foreign = handshake("/rooms/a", "Origin: https://else.com\r\n");
    for (request, status) in [
        (get("/rooms/a", ""), 426),
        (get("/api/rooms/a", ""), 426),
        (get("/nothing", ""), 404),
        (handshake("/nothing", ""), 404),
        (handshake("/rooms/a", "").replacen("Version: 13", "Version: 12", 1), 426),
        (foreign, 403),
        (handshake("/rooms/a", "").replacen("GET", "PUT", 1), 405),
    ] {
        assert_eq!(raw.ask(&request).await.status(), status, "{request}");
    }
    assert_eq!(raw.ask(handshake("/api/rooms/a", "")).await.status(), 101);
    assert_eq!(raw.frame().await, (0x81, b"a unknown".to_vec()));
    serving.stop().await;
    mount.stop().await;
}

#[tokio::test]
async fn a_client_stays_when_the_runtime_around_has_ended() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let router = router(&mount);
    let around = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let serving = around.spawn(Serving::new(router)).await.unwrap();
    let address = serving.address;
    let mut raw = connect(address).await;
    assert_eq!(raw.ask(handshake("/rooms/a", "")).await.status(), 101);
    assert_eq!(raw.frame().await.1, b"a unknown");
    journal.until_noted("opened").await;
    raw.write(frame(1, b"before")).await;
    assert_eq!(raw.frame().await.1, b"before");
    around.shutdown_background();
    for _ in 0..3 {
        raw.write(frame(1, b"after")).await;
        assert_eq!(raw.frame().await.1, b"after");
    }
    mount.stop().await;
    assert_eq!(raw.hear_close().await.0, 1001);
}

#[tokio::test]
async fn an_endpoint_knows_from_the_layers_who_comes_and_what_they_have_found_out() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    async fn peer_addr(
        ConnectInfo(address): ConnectInfo<SocketAddr>,
        mut request: Request,
    ) -> Request {
        request.extensions_mut().insert(PeerAddr::from(address));
        request
    }
    let router = router(&mount).layer(map_request(peer_addr)).layer(Extension("an admin"));
    let serving = Serving::new(router).await;
    let mut raw = serving.connect().await;
    let address = raw.stream.peer_addr();
    assert_eq!(raw.ask(handshake("/rooms/a", "")).await.status(), 101);
    let line = format!("a {address} an admin");
    assert_eq!(raw.frame().await, (0x81, line.into_bytes()));
    serving.stop().await;
    mount.stop().await;
}

#[tokio::test]
async fn a_stop_closes_every_client_turns_away_who_waits_and_refuses_who_comes() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let service = mount.service();
    let serving = Serving::new(router(&mount)).await;
    let mut raw = serving.connect().await;
    assert_eq!(raw.ask(handshake("/rooms/a", "")).await.status(), 101);
    assert_eq!(raw.frame().await.1, b"a unknown");
    let mut waits = serving.connect().await;
    waits.write(handshake("/rooms/undecided", "")).await;
    journal.until_noted("undecided").await;
    let stopping = tokio::spawn(mount.stop());
    assert_eq!(raw.hear_close().await.0, 1001);
    assert_eq!(waits.answer().await.status(), 503);
    raw.write(frame(8, &1001u16.to_be_bytes())).await;
    drop((raw, waits));
    soon(stopping).await.unwrap();
    assert!(journal.lines().contains(&"stopped".to_owned()), "{:?}", journal.lines());
    let late = serving.connect().await.ask(handshake("/rooms/a", "")).await;
    assert_eq!(late.status(), 503);
    drop(service);
    serving.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_while_it_is_decided_on_is_let_go_of() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let serving = Serving::new(router(&mount)).await;
    let mut raw = serving.connect().await;
    raw.write(handshake("/rooms/undecided", "")).await;
    journal.until_noted("undecided").await;
    drop(raw);
    serving.stop().await;
    // `on_open` is not dropped half-way; the end of the server is its end.
    mount.stop().await;
    assert!(
        !journal.lines().iter().any(|line| line.starts_with("closed")),
        "{:?}",
        journal.lines()
    );
}

#[tokio::test]
async fn a_client_whose_answer_a_layer_replaces_has_gone() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let replaced = async |_: Response| StatusCode::IM_A_TEAPOT;
    let serving = Serving::new(router(&mount).layer(map_response(replaced))).await;
    let mut raw = serving.connect().await;
    assert_eq!(raw.ask(handshake("/rooms/silent", "")).await.status(), 418);
    // The server around does not say that it is none before this.
    drop(raw);
    assert_eq!(journal.until_noted("closed 1006").await, ["silent", "closed 1006"]);
    serving.stop().await;
    mount.stop().await;
}

#[tokio::test]
async fn an_upgrade_that_is_not_to_be_had_is_answered_500_and_the_log_says_so() {
    keep_errors();
    let journal = Journal::default();
    let guide = Guide { journal: journal.clone() };
    let host = Host::new("mysite.com").websocket("/taken", guide);
    let mount = Server::new().host(host).workers(1).mount().await.unwrap();
    let take = async |mut request: Request| {
        request.extensions_mut().remove::<OnUpgrade>();
        request
    };
    let router = Router::new().route_service("/taken", mount.service()).layer(map_request(take));
    let serving = Serving::new(router).await;
    assert_eq!(serving.connect().await.ask(handshake("/taken", "")).await.status(), 500);
    let errors = errors_at("/taken");
    assert!(errors.len() == 1 && errors[0].contains("no upgrades"), "{errors:?}");
    serving.stop().await;
    mount.stop().await;
    assert_eq!(journal.lines(), ["stopped"]);
}

#[tokio::test]
async fn each_handshake_has_its_line_in_the_access_log_here_too() {
    keep_errors();
    let guide = Guide::default();
    let journal = guide.journal.clone();
    let host = Host::new("mysite.com").websocket("/mounted-access/{room}", guide);
    let server = Server::new().host(host).workers(1).access_log(true);
    let mount = server.mount().await.unwrap();
    let serving = Serving::new(Router::new().fallback_service(mount.service())).await;
    let at = |path: &str| format!("/mounted-access/{path}");
    let foreign = "Origin: https://else.com\r\n";
    for (path, request, told) in [
        ("a", handshake(&at("a"), ""), (101, "accepted")),
        ("closed", handshake(&at("closed"), ""), (403, "refused")),
        ("foreign", handshake(&at("foreign"), foreign), (403, "foreign_origin")),
        ("get", get(&at("get"), ""), (426, "invalid")),
        ("no/where", handshake(&at("no/where"), ""), (404, "elsewhere")),
    ] {
        let (status, outcome) = told;
        let mut raw = serving.connect().await;
        assert_eq!(raw.ask(request).await.status(), status, "{path}");
        let lines = accesses_at(&at(path));
        let told = format!("http=\"1.1\" status={status} outcome=\"{outcome}\" ");
        assert!(lines.len() == 1 && lines[0].contains(&told), "{path}: {lines:?}");
        assert_eq!(lines[0].contains(" client="), status == 101, "{lines:?}");
    }
    let mut raw = serving.connect().await;
    raw.write(handshake(&at("undecided"), "")).await;
    journal.until_noted("undecided").await;
    drop(raw);
    eventually(|| !accesses_at(&at("undecided")).is_empty()).await;
    assert!(accesses_at(&at("undecided"))[0].contains("outcome=\"gone\" "));
    serving.stop().await;
    mount.stop().await;
}

/// A stream of a kind that nobody knows, which takes and gives little at a time.
struct Narrow(TcpStream);

impl AsyncRead for Narrow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut part = [0; 100];
        let mut part = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &buf[..buf.len().min(1000)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// One connection of a plain hyper server, over a stream of this kind.
async fn serve_one<S>(router: Router, wrap: impl Fn(TcpStream) -> S + Send + 'static) -> Raw
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let raw = connect(listener.local_addr().unwrap()).await;
    let (stream, _) = listener.accept().await.unwrap();
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(wrap(stream)), TowerToHyperService::new(router))
        .with_upgrades();
    tokio::spawn(connection);
    raw
}

#[tokio::test]
async fn a_stream_of_any_kind_is_driven_as_it_is() {
    for is_narrow in [false, true] {
        let journal = Journal::default();
        let mount = mount(&journal).await;
        let mut raw = match is_narrow {
            true => serve_one(router(&mount), Narrow).await,
            false => serve_one(router(&mount), |stream| stream).await,
        };
        let mut packet = handshake("/rooms/a", "").into_bytes();
        packet.extend(frame(1, b"early"));
        raw.write(packet).await;
        assert_eq!(raw.answer().await.status(), 101);
        assert_eq!(raw.frame().await.1, b"a unknown");
        assert_eq!(raw.frame().await.1, b"early");
        for size in [1, 20_000, 30_000] {
            let payload = vec![b'x'; size];
            raw.write(frame(2, &payload)).await;
            assert!(raw.frame().await == (0x82, payload), "{size}");
        }
        let two = [frame(1, b"one"), frame(8, &1000u16.to_be_bytes())].concat();
        raw.write(two).await;
        assert_eq!(raw.frame().await.1, b"one");
        assert_eq!(raw.hear_close().await.0, 1000);
        assert_eq!(raw.rest().await, b"");
        mount.stop().await;
        assert_eq!(journal.lines(), ["opened", "closed 1000", "stopped"]);
    }
}

#[tokio::test]
async fn a_client_on_a_stream_of_any_kind_that_vanishes_has_gone() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let mut raw = serve_one(router(&mount), Narrow).await;
    assert_eq!(raw.ask(handshake("/rooms/a", "")).await.status(), 101);
    assert_eq!(raw.frame().await.1, b"a unknown");
    drop(raw);
    journal.until_noted("closed 1006").await;
    mount.stop().await;
}

#[tokio::test]
async fn one_server_of_ours_may_be_mounted_in_another() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let server = serve_host(Host::new("localhost").service(router(&mount))).await;
    let mut raw = Raw::connect(&server).await;
    let address = raw.stream.peer_addr();
    assert_eq!(raw.ask(get("/page", "")).await.text(), "a page");
    assert_eq!(raw.ask(handshake("/rooms/a", "")).await.status(), 101);
    assert_eq!(raw.frame().await.1, format!("a {address}").into_bytes());
    raw.write(frame(1, b"hello")).await;
    assert_eq!(raw.frame().await.1, b"hello");
    mount.stop().await;
    assert_eq!(raw.hear_close().await.0, 1001);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_taken_over_too() {
    let journal = Journal::default();
    let mount = mount(&journal).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axum.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let router = router(&mount);
    let around = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    {
        let _context = around.enter();
        let listener = listener.into_std().unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        around.spawn(axum::serve(listener, router).into_future());
    }
    let mut raw = Raw::from(tokio::net::UnixStream::connect(&path).await.unwrap());
    raw.upgrade("/rooms/a").await;
    assert_eq!(raw.frame().await.1, b"a unknown");
    around.shutdown_background();
    raw.write(frame(1, b"after")).await;
    assert_eq!(raw.frame().await.1, b"after");
    mount.stop().await;
}

#[tokio::test]
async fn what_the_server_around_has_cannot_be_mounted() {
    let host = || Host::new("mysite.com").websocket("/", Guide::default());
    for (server, what) in [
        (Server::new().host(host()).listen("127.0.0.1:0"), "a listener"),
        #[cfg(feature = "files")]
        (Server::new().host(host().root("public")), "a document root"),
        (Server::new().host(host().service(Router::new())), "an HTTP service"),
    ] {
        match server.mount().await {
            Err(ServerError::NotMountable { what: it }) => assert_eq!(it, what),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_endpoint_is_found_by_its_path_and_its_clients_state() {
    struct Numbered;

    impl Websocket<u32> for Numbered {
        async fn on_open(&self, handshake: Handshake<u32>) -> Result<Accepted<u32>, Refusal> {
            Ok(handshake.accept_with(7))
        }
    }

    let host = |name: &str| Host::new(name).websocket("/rooms/{room}", Guide::default());
    let server = Server::new()
        .host(host("a.com"))
        .host(host("b.com").websocket("/numbers", Numbered))
        .listen("127.0.0.1:0");
    let running = server.start().await.unwrap();
    let mut raw = connect(running.address()).await;
    let asks = handshake("/rooms/x", "").replacen("localhost", "b.com", 1);
    assert_eq!(raw.ask(asks).await.status(), 101);
    assert!(raw.frame().await.1.starts_with(b"x "));
    let sizes = ["/rooms/{room}", "a.com/rooms/{room}", "b.com/rooms/{room}"]
        .map(|path| running.endpoint::<()>(path).unwrap().len());
    assert_eq!(sizes, [0, 0, 1]);
    let everyone: Endpoint = running.endpoint("b.com/rooms/{room}").unwrap();
    assert_eq!(soon(everyone.broadcast("news")).await.delivered, 1);
    assert_eq!(raw.frame().await.1, b"news");
    assert!(running.endpoint::<u32>("/numbers").unwrap().is_empty());
    for (path, error) in [
        ("/numbers", EndpointError::OtherState { path: "/numbers".into(), state: "u32" }),
        ("/rooms/x", EndpointError::Unknown { path: "/rooms/x".into() }),
        ("c.com/numbers", EndpointError::Unknown { path: "c.com/numbers".into() }),
    ] {
        assert_eq!(running.endpoint::<()>(path).unwrap_err(), error);
    }
    drop(raw);
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_handler_that_blocks_a_worker_does_not_keep_out_who_comes_through_axum() {
    struct Blocks;

    impl Websocket for Blocks {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            if handshake.param("way") == Some("block") {
                thread::sleep(Duration::from_secs(2));
            }
            Ok(handshake.accept())
        }
    }

    let host = Host::new("mysite.com").websocket("/{way}", Blocks);
    let mount = Server::new().host(host).workers(2).mount().await.unwrap();
    let serving = Serving::new(Router::new().fallback_service(mount.service())).await;
    let mut blocking = serving.connect().await;
    blocking.write(handshake("/block", "")).await;
    for _ in 0..4 {
        let mut raw = serving.connect().await;
        raw.write(handshake("/go", "")).await;
        let head = tokio::time::timeout(Duration::from_millis(1500), raw.head()).await;
        assert!(head.expect("it is not held up").starts_with("HTTP/1.1 101 "));
    }
    drop(blocking);
    serving.stop().await;
    mount.stop().await;
}
