//! A page and a websocket at the same path: who asks for a websocket gets one, or hears what is wrong
//! with how it asks; who does not gets the page.

use std::{
    convert::Infallible,
    fs,
    pin::Pin,
    task::{Context, Poll},
};

use aerys::{Accepted, Body, Handshake, Host, Refusal, Server, Websocket};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tempfile::TempDir;
use tower_service::Service;

use crate::common::{Raw, Running, but, get, handshake, serve_host, try_start};

struct Welcome;

impl Websocket for Welcome {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

/// Says what it was asked for and sent.
#[derive(Clone)]
struct Mirror;

impl Service<Request<Body>> for Mirror {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async {
            let line = format!("{} {} ", request.method(), request.uri());
            let body = request.into_body().collect().await.expect("the body comes whole");
            Ok(Response::new(Full::new([line.as_bytes(), &body.to_bytes()].concat().into())))
        })
    }
}

const INDEX: &str = "<!doctype html><title>Home</title>";

/// A folder with a page and a file that has the name of an endpoint.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), INDEX).unwrap();
    fs::write(folder.path().join("file"), "a file").unwrap();
    folder
}

/// A host with websockets at `/`, `/file`, `/chat` and `/rooms/{room}`.
fn host() -> Host {
    ["/", "/file", "/chat", "/rooms/{room}"]
        .into_iter()
        .fold(Host::new("localhost"), |host, path| host.websocket(path, Welcome))
}

async fn serve_files() -> (Running, TempDir) {
    let folder = folder();
    (serve_host(host().root(folder.path())).await, folder)
}

#[tokio::test]
async fn a_browser_that_wants_the_page_gets_it_and_one_that_wants_the_websocket_gets_that() {
    let (server, _folder) = serve_files().await;
    let mut raw = Raw::connect(&server).await;
    for (path, text) in [("/", INDEX), ("/?x", INDEX), ("/file", "a file"), ("/", INDEX)] {
        let answer = raw.ask(get(path, "Accept: text/html\r\n")).await;
        assert_eq!((answer.status(), answer.text()), (200, text), "{path}");
    }
    // On a connection that has served pages, and as the first thing on one.
    assert_eq!(raw.ask(handshake("/", "")).await.status(), 101);
    for path in ["/", "/file", "/chat", "/rooms/7"] {
        let answer = Raw::connect(&server).await.ask(handshake(path, "")).await;
        assert_eq!(answer.status(), 101, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_that_is_malformed_hears_what_is_wrong_and_gets_no_page() {
    let folder = folder();
    for host in [host().root(folder.path()), host().service(Mirror)] {
        let server = serve_host(host).await;
        for (what, request, status, words) in [
            ("no upgrade", but("Upgrade: websocket\r\n", ""), 426, "Upgrade: websocket"),
            ("no version", but("Sec-WebSocket-Version: 13\r\n", ""), 426, "Version: 13"),
            ("no connection", but("Connection: keep-alive, Upgrade\r\n", ""), 400, "Connection"),
            ("no key", but("Sec-WebSocket-Key: ", "X-Key: "), 400, "Sec-WebSocket-Key"),
            ("a broken key", but("Sec-WebSocket-Key: ", "Sec-WebSocket-Key: x"), 400, "16 bytes"),
            ("a method", but("GET", "POST"), 405, "GET"),
            ("an old version", but("HTTP/1.1", "HTTP/1.0"), 505, "HTTP/1.1"),
        ] {
            let answer = Raw::connect(&server).await.ask(request).await;
            assert_eq!(answer.status(), status, "{what}: {answer:?}");
            assert!(answer.text().contains(words), "{what}: {answer:?}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn where_there_is_no_page_an_endpoint_says_what_it_is() {
    let (files, _folder) = serve_files().await;
    let bare = serve_host(host()).await;
    for (server, paths) in [(&files, &["/chat", "/rooms/7"][..]), (&bare, &["/", "/file", "/chat"])]
    {
        for path in paths {
            let mut raw = Raw::connect(server).await;
            let answer = raw.ask(get(path, "")).await;
            assert_eq!(
                (answer.status(), answer.header("upgrade")),
                (426, Some("websocket")),
                "{path}"
            );
            let posted = get(path, "Content-Length: 2\r\n").replacen("GET", "POST", 1) + "hi";
            let answer = Raw::connect(server).await.ask(posted).await;
            assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET")), "{path}");
        }
    }
    assert_eq!(Raw::connect(&files).await.ask(get("/missing", "")).await.status(), 404);
    files.stop().await;
    bare.stop().await;
}

#[tokio::test]
async fn a_file_at_an_endpoints_path_is_served_as_any_other() {
    let (server, folder) = serve_files().await;
    let alone = serve_host(Host::new("localhost").root(folder.path())).await;
    let heads = async |server: &Running, method: &str, extra: &str| {
        let mut raw = Raw::connect(server).await;
        raw.write(get("/", extra).replacen("GET", method, 1)).await;
        let head = raw.head().await;
        let lines = head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("date:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let etag = Raw::connect(&alone).await.ask(get("/", "")).await;
    let modified = etag.header("last-modified").expect("files have a date").to_owned();
    for (method, extra, status) in [
        ("GET", String::new(), "200"),
        ("HEAD", String::new(), "200"),
        ("GET", "Accept-Encoding: br, gzip\r\n".to_owned(), "200"),
        ("GET", "Range: bytes=0-3\r\n".to_owned(), "206"),
        ("GET", format!("If-Modified-Since: {modified}\r\n"), "304"),
        ("GET", "Upgrade: h2c\r\nConnection: Upgrade\r\n".to_owned(), "200"),
    ] {
        let with_endpoint = heads(&server, method, &extra).await;
        assert_eq!(with_endpoint, heads(&alone, method, &extra).await, "{method} {extra}");
        assert!(with_endpoint[0].contains(status), "{method} {extra}: {with_endpoint:?}");
    }
    server.stop().await;
    alone.stop().await;
}

#[tokio::test]
async fn a_service_gets_whatever_asks_for_no_websocket() {
    let folder = folder();
    let server = serve_host(host().root(folder.path()).service(Mirror)).await;
    let mut raw = Raw::connect(&server).await;
    for (method, path, text) in [
        ("GET", "/", INDEX),
        ("GET", "/chat?x=1", "GET /chat?x=1 hi"),
        ("POST", "/", "POST / hi"),
        ("POST", "/file", "POST /file hi"),
        ("PUT", "/rooms/%37", "PUT /rooms/%37 hi"),
        ("OPTIONS", "/chat", "OPTIONS /chat hi"),
    ] {
        let request = get(path, "Content-Length: 2\r\n").replacen("GET", method, 1) + "hi";
        let answer = raw.ask(request).await;
        assert_eq!((answer.status(), answer.text()), (200, text), "{method} {path}");
    }
    assert_eq!(raw.ask(handshake("/chat", "")).await.status(), 101);
    server.stop().await;
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_is_answered_with_where_and_its_websocket_stays() {
    let folder = folder();
    let host = host()
        .root(folder.path())
        .redirect("/old", "/new")
        .redirect("/file", "/index.html?kept")
        .redirect("/chat", "https://chat.example/")
        .redirect("/caf%c3%a9", "/cafe");
    let server = serve_host(host).await;
    let mut raw = Raw::connect(&server).await;
    for (path, location) in [
        ("/old", "/new"),
        ("/x/../old?a=b", "/new?a=b"),
        ("/old?q=\u{fc}&{}", "/new?q=%C3%BC&%7B%7D"),
        ("/file?a=b", "/index.html?kept"),
        ("/chat", "https://chat.example/"),
        ("/caf%C3%A9", "/cafe"),
    ] {
        let answer = raw.ask(get(path, "")).await;
        assert_eq!((answer.status(), answer.header("location")), (301, Some(location)), "{path}");
        assert_eq!(answer.header("cache-control"), Some("max-age=3600"), "{path}");
    }
    let answer = raw.ask(get("/old", "").replacen("GET", "DELETE", 1)).await;
    assert_eq!((answer.status(), answer.header("location")), (308, Some("/new")));
    assert_eq!(raw.ask(get("/old/", "")).await.status(), 404);
    assert_eq!(raw.ask(get("/", "")).await.text(), INDEX);
    assert_eq!(raw.ask(handshake("/chat", "")).await.status(), 101);
    server.stop().await;
}

#[tokio::test]
async fn a_host_of_redirects_alone_answers_them() {
    let server = serve_host(Host::new("localhost").redirect("/", "https://mysite.com/")).await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.ask(get("/?a=b", "")).await;
    assert_eq!(answer.header("location"), Some("https://mysite.com/?a=b"));
    assert_eq!(raw.ask(get("/other", "")).await.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_or_twice_keeps_the_server_from_starting() {
    for (redirects, part) in [
        (&[("/a", "b")][..], "nobody can be sent to \"b\""),
        (&[("a", "/b")], "begins with a slash"),
        (&[("/a", "/a")], "leads to itself"),
        (&[("/a", "/b"), ("/x/../a", "/c")], "redirected twice"),
    ] {
        let host = Host::new("localhost");
        let host = redirects.iter().fold(host, |host, (from, to)| host.redirect(*from, *to));
        let error = try_start(Server::new().host(host)).await.unwrap_err().to_string();
        assert!(error.starts_with("a redirect of the host \"localhost\""), "{error}");
        assert!(error.contains(part), "{error}");
    }
}
