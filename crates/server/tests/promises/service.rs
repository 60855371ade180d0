//! `Host::service`: a tower service behind the endpoints and files, an axum `Router` for one.

use std::{
    convert::Infallible,
    fs,
    future::{Ready, ready},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use aerys::{Accepted, Body, Handshake, Host, PeerAddr, Refusal, Websocket};
use axum::{
    Router,
    extract::{ConnectInfo, Path},
    middleware::map_request,
    routing::{any, get as on_get, post},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower_service::Service;
use tracing::Level;

use crate::common::{Raw, UNLOGGABLE, errors_at, get, handshake, keep_errors, lines, serve_host};

struct Welcome;

impl Websocket for Welcome {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

/// Says what it was asked for.
#[derive(Clone)]
struct Mirror;

impl Service<Request<Body>> for Mirror {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let line = format!("{} {}", request.method(), request.uri());
        let mut response = Response::new(Full::new(line.into()));
        *response.status_mut() = StatusCode::ACCEPTED;
        ready(Ok(response))
    }
}

/// Gives back what it was sent; must be asked whether it is ready before.
#[derive(Default)]
struct Echo {
    ready: bool,
}

/// A clone is not ready because its original was.
impl Clone for Echo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if !self.ready {
            self.ready = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(self.ready, "nobody asked whether it is");
        Box::pin(async {
            let body = request.into_body().collect().await.expect("the body comes whole");
            Ok(Response::new(Full::new(body.to_bytes())))
        })
    }
}

/// Panics before it has made a future of some requests, and answers the others by the router.
#[derive(Clone)]
struct Flighty {
    router: Router,
    at_once: &'static str,
}

impl Service<Request<Body>> for Flighty {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = axum::routing::future::RouteFuture<Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(!request.uri().path().starts_with(self.at_once), "a fault");
        self.router.call(request)
    }
}

#[tokio::test]
async fn endpoints_come_first_then_files_then_the_service() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file.txt"), "a file").unwrap();
    fs::write(folder.path().join(".env"), "TOP SECRET").unwrap();
    fs::write(folder.path().join("404.html"), "not used").unwrap();
    let host =
        Host::new("localhost").websocket("/chat", Welcome).root(folder.path()).service(Mirror);
    let server = serve_host(host).await;
    let mut raw = Raw::connect(&server).await;
    for (method, path, status, text) in [
        ("GET", "/file.txt", 200, "a file"),
        ("GET", "/other?x=1", 202, "GET /other?x=1"),
        ("GET", "/", 202, "GET /"),
        ("GET", "/.env", 202, "GET /.env"),
        ("GET", "/%2e%2e/x", 202, "GET /%2e%2e/x"),
        ("POST", "/file.txt", 202, "POST /file.txt"),
        ("DELETE", "/other", 202, "DELETE /other"),
    ] {
        let answer = raw.ask(get(path, "").replacen("GET", method, 1)).await;
        assert_eq!((answer.status(), answer.text()), (status, text), "{method} {path}");
    }
    assert_eq!(raw.ask(handshake("/other", "")).await.text(), "GET /other");
    assert_eq!(raw.ask(get("/chat", "")).await.text(), "GET /chat");
    assert_eq!(raw.ask(handshake("/chat", "")).await.status(), 101);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_body_reaches_the_service_whole() {
    let server = serve_host(Host::new("localhost").service(Echo::default())).await;
    let mut raw = Raw::connect(&server).await;
    let body: String = (0..20_000).map(|number| format!("{number} ")).collect();
    let request =
        get("/", &format!("Content-Length: {}\r\n", body.len())).replacen("GET", "POST", 1);
    let answer = raw.ask(request + &body).await;
    assert_eq!((answer.status(), answer.text() == body), (200, true));
    let request = get("/", "Transfer-Encoding: chunked\r\n").replacen("GET", "PUT", 1);
    let answer = raw.ask(request + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!((answer.status(), answer.text()), (200, "abcde"));
    assert_eq!(raw.ask(get("/", "")).await.text(), "");
    server.stop().await;
}

#[tokio::test]
async fn an_axum_router_is_a_service() {
    let router = Router::new()
        .route("/hello/{name}", on_get(async |Path(name): Path<String>| format!("hello {name}")))
        .route("/shout", post(async |body: String| body.to_uppercase()))
        .fallback(async || (StatusCode::NOT_FOUND, "axum does not know this"));
    let host = Host::new("localhost").websocket("/chat", Welcome).service(router);
    let server = serve_host(host).await;
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/hello/you", "")).await.text(), "hello you");
    let shout = get("/shout", "Content-Length: 4\r\n").replacen("GET", "POST", 1) + "loud";
    assert_eq!(raw.ask(shout).await.text(), "LOUD");
    let answer = raw.ask(get("/shout", "")).await;
    assert_eq!((answer.status(), answer.header("allow")), (405, Some("POST")));
    let answer = raw.ask(get("/", "")).await;
    assert_eq!((answer.status(), answer.text()), (404, "axum does not know this"));
    assert_eq!(raw.ask(handshake("/chat", "")).await.status(), 101);
    drop(raw);
    server.stop().await;
}

/// As docs/coming-from-axum.md has it.
async fn connect_info(mut request: axum::extract::Request) -> axum::extract::Request {
    if let Some(address) = request.extensions().get().and_then(PeerAddr::socket_addr) {
        request.extensions_mut().insert(ConnectInfo(address));
    }
    request
}

/// What has no IP address is no `SocketAddr`.
mod over_tcp {
    use super::*;

    #[tokio::test]
    async fn a_service_learns_where_a_request_comes_from_behind_files_and_endpoints_too() {
        let folder = tempfile::tempdir().unwrap();
        let router = Router::new()
            .fallback(async |ConnectInfo(address): ConnectInfo<SocketAddr>| address.to_string())
            .layer(map_request(connect_info));
        let host = Host::new("localhost").websocket("/ws", Welcome).service(router.clone());
        for host in [host, Host::new("localhost").root(folder.path()).service(router)] {
            let server = serve_host(host).await;
            let mut raw = Raw::connect(&server).await;
            let address = raw.stream.peer_addr().to_string();
            for path in ["/", "/ws", "/any/where"] {
                assert_eq!(raw.ask(get(path, "")).await.text(), address, "{path}");
            }
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_answered_500_and_the_log_says_so() {
    keep_errors();
    let router = Router::new()
        .route("/unasked", on_get(async || StatusCode::SWITCHING_PROTOCOLS))
        .route("/hints", on_get(async || StatusCode::from_u16(103).unwrap()))
        .route(UNLOGGABLE, on_get(async || StatusCode::from_u16(103).unwrap()))
        .fallback(async || "fine");
    let server = serve_host(Host::new("localhost").service(router)).await;
    for (path, request) in [
        ("/unasked", get("/unasked", "")),
        ("/unasked", handshake("/unasked", "").replacen("HTTP/1.1", "HTTP/1.0", 1)),
        ("/hints", get("/hints", "")),
        ("/hints", handshake("/hints", "")),
        // A log that panics changes nothing.
        (UNLOGGABLE, get(UNLOGGABLE, "")),
    ] {
        let mut raw = Raw::connect(&server).await;
        let answer = raw.ask(request).await;
        assert_eq!(answer.status(), 500, "{path}");
        assert_eq!(raw.rest().await, b"", "{path}");
        // Once for each path, however often it is asked for.
        let errors = errors_at(path);
        assert_eq!(errors.len(), 1, "{path}: {errors:?}");
        assert!(errors[0].contains("no answer to its request"), "{path}: {errors:?}");
    }
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(handshake("/else", "")).await.text(), "fine");
    server.stop().await;
}

#[tokio::test]
async fn a_service_that_panics_answers_500_and_its_connection_goes_on() {
    keep_errors();
    let router = Router::new()
        .route("/panics/{*rest}", any(async || -> &'static str { panic!("a fault") }))
        .fallback(async || "fine");
    let service = Flighty { router, at_once: "/panics-at-once" };
    let server = serve_host(Host::new("localhost").service(service)).await;
    // As many as are logged at once.
    for (method, path) in [
        ("GET", "/panics/here"),
        ("POST", "/panics-at-once/here"),
        ("POST", &format!("/panics{UNLOGGABLE}")),
    ] {
        let mut raw = Raw::connect(&server).await;
        let request = get(path, "Content-Length: 4\r\n").replacen("GET", method, 1) + "body";
        let answer = raw.ask(request).await;
        assert_eq!((answer.status(), answer.mentions("a fault")), (500, false), "{path}");
        assert_eq!(raw.ask(get("/else", "")).await.text(), "fine", "{path}");
        let errors = lines(Level::ERROR, &format!("target={path:?}"));
        assert_eq!(errors.len(), 1, "{path}: {errors:?}");
        assert!(errors[0].contains("panic=a fault"), "{path}: {errors:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_a_service_may_not_do_is_answered_whatever_becomes_of_the_log() {
    keep_errors();
    let router = Router::new().fallback(async || StatusCode::SWITCHING_PROTOCOLS);
    let server = serve_host(Host::new("localhost").service(router)).await;
    let path = format!("{UNLOGGABLE}/taken");
    assert_eq!(Raw::connect(&server).await.ask(get(&path, "")).await.status(), 500);
    assert_eq!(errors_at(&path).len(), 1);
    server.stop().await;
}
