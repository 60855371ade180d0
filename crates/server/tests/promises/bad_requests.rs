//! Requests that are no proper handshake, each answered with what its author needs to know.

use std::time::{Duration, Instant};

use aerys::{Accepted, Handshake, Host, Refusal, Server, Websocket};

use tokio::io::AsyncWriteExt;

use crate::common::{Raw, but, get, handshake, serve, serve_host, start};

struct Welcome;

impl Websocket for Welcome {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

#[tokio::test]
async fn a_request_that_is_no_handshake_is_told_why() {
    let server = serve(Welcome).await;
    let key = |key: &str| but(KEY, &format!("Sec-WebSocket-Key: {key}\r\n"));
    let twice = |line: &str| handshake("/", line);
    for (what, request, status, words) in [
        ("no upgrade", but("Upgrade: websocket\r\n", ""), 426, "Upgrade: websocket"),
        ("another upgrade", but("Upgrade: websocket", "Upgrade: h2c"), 426, "Upgrade: websocket"),
        ("a page", get("/", ""), 426, "Upgrade: websocket"),
        ("no version", but(VERSION, ""), 426, "Sec-WebSocket-Version: 13"),
        ("version 12", but("Version: 13", "Version: 12"), 426, "not supported"),
        ("version 8, 13", but("Version: 13", "Version: 8, 13"), 426, "not supported"),
        ("versions 13 and 8", twice("Sec-WebSocket-Version: 8\r\n"), 426, "not supported"),
        ("no connection", but("Connection: keep-alive, Upgrade\r\n", ""), 400, "Connection"),
        ("only keep-alive", but("keep-alive, Upgrade", "keep-alive"), 400, "Connection"),
        ("a token like it", but("keep-alive, Upgrade", "upgraded"), 400, "Connection"),
        ("no key", but(KEY, ""), 400, "Sec-WebSocket-Key"),
        ("an empty key", key(""), 400, "16 bytes"),
        ("a key of 15 bytes", key("AAAAAAAAAAAAAAAAAAAA"), 400, "16 bytes"),
        ("a key of 17 bytes", key("AAAAAAAAAAAAAAAAAAAAAAA="), 400, "16 bytes"),
        ("a long key", key(&"A".repeat(4000)), 400, "16 bytes"),
        ("a key not in base64", key("dGhlIHNhbXBsZSBub25j*Q=="), 400, "16 bytes"),
        ("two keys", twice(KEY), 400, "only once"),
        ("a body", twice("Content-Length: 5\r\n") + "hello", 400, "body"),
        ("a chunked body", twice("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400, "body"),
        ("no host", but("Host: localhost\r\n", ""), 400, "Host"),
        ("two hosts", twice("Host: localhost\r\n"), 400, "Host"),
        ("an empty host", but("Host: localhost", "Host:"), 400, "Host"),
        ("a host with spaces", but("Host: localhost", "Host: local host"), 400, "Host"),
        ("a host with a path", but("Host: localhost", "Host: localhost/x"), 400, "Host"),
        ("a host with a user", but("Host: localhost", "Host: me@localhost"), 400, "Host"),
        ("a host that is a dot", but("Host: localhost", "Host: ."), 400, "Host"),
        ("a host with a scheme", but("Host: localhost", "Host: http://localhost"), 400, "Host"),
        (
            "a host with a name for a port",
            but("Host: localhost", "Host: localhost:http"),
            400,
            "Host",
        ),
        ("a host with two ports", but("Host: localhost", "Host: localhost:80:80"), 400, "Host"),
        ("a host with no such port", but("Host: localhost", "Host: localhost:65536"), 400, "Host"),
        ("a host without brackets", but("Host: localhost", "Host: ::1"), 400, "Host"),
        ("a host in no brackets", but("Host: localhost", "Host: [localhost]"), 400, "Host"),
        ("a host with a zone", but("Host: localhost", "Host: [fe80::1%25eth0]"), 400, "Host"),
        ("a host of a broken encoding", but("Host: localhost", "Host: local%host"), 400, "Host"),
        ("a host encoded for nothing", but("Host: localhost", "Host: local%20host"), 400, "Host"),
        ("a host in no ASCII", but("Host: localhost", "Host: bücher"), 400, "Host"),
    ] {
        let answer = Raw::connect(&server).await.ask(request).await;
        assert_eq!(answer.status(), status, "{what}: {answer:?}");
        assert!(answer.text().contains(words), "{what}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{what}");
        let (upgrade, version) =
            if status == 426 { (Some("websocket"), Some("13")) } else { (None, None) };
        assert_eq!(answer.header("upgrade"), upgrade, "{what}");
        assert_eq!(answer.header("sec-websocket-version"), version, "{what}");
        assert_eq!(answer.header("sec-websocket-accept"), None, "{what}");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_get_in_http_1_1_opens_a_websocket() {
    let server = serve(Welcome).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = Raw::connect(&server).await.ask(but("GET ", &format!("{method} "))).await;
        assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET")), "{method}");
    }
    let mut raw = Raw::connect(&server).await;
    raw.write(but("GET ", "HEAD ")).await;
    assert_eq!(raw.answer_without_body().await.status(), 405);
    let answer = Raw::connect(&server).await.ask(but("HTTP/1.1", "HTTP/1.0")).await;
    assert_eq!(answer.status(), 505);
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_in_unusual_spelling_is_a_handshake() {
    let server = serve(Welcome).await;
    for (what, request) in [
        ("lower case", handshake("/", "").to_lowercase().replacen("get / http", "GET / HTTP", 1)),
        ("upper case", but("Upgrade: websocket", "UPGRADE: WEBSOCKET")),
        ("a list", but("keep-alive, Upgrade", "  keep-alive ,\tUPGRADE , x")),
        ("two lines", but("keep-alive, Upgrade", "keep-alive\r\nConnection: Upgrade")),
        ("no space", but("Upgrade: websocket", "Upgrade:websocket")),
        ("several upgrades", but("Upgrade: websocket", "Upgrade: h2c, websocket")),
        ("a port", but("Host: localhost", "Host: localhost:8080")),
        ("an empty body", handshake("/", "Content-Length: 0\r\n")),
        ("many headers", handshake("/", &"X-Crumb: 1\r\n".repeat(80))),
        ("a large head", handshake("/", &format!("X-Crumbs: {}\r\n", "1".repeat(12_000)))),
        ("a query", but("GET / ", "GET /?room=7&x=%20 ")),
    ] {
        // The key of the lower case one is another, but still a key.
        let answer = Raw::connect(&server).await.ask(request).await;
        assert_eq!(answer.status(), 101, "{what}: {answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_answered_400_and_cut() {
    let server = serve(Welcome).await;
    for request in [
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
    ] {
        let mut raw = Raw::connect(&server).await;
        let answer = raw.ask(request).await;
        assert_eq!(answer.status(), 400, "{request:?}");
        assert_eq!(raw.rest().await, b"", "{request:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_what_is_no_target_is_answered_400() {
    let folder = tempfile::tempdir().unwrap();
    let hosts =
        || ["one.example", "two.example"].map(|name| Host::new(name).websocket("/", Welcome));
    let [one, two] = hosts();
    let several = start(Server::new().host(one).host(two)).await;
    let only = serve(Welcome).await;
    let files =
        serve_host(Host::new("localhost").websocket("/", Welcome).root(folder.path())).await;
    for (method, target) in [
        ("GET", "ten.txt"),
        ("GET", "ten.txt?x"),
        ("GET", "localhost:80"),
        ("GET", "localhost"),
        ("GET", "me@localhost"),
        ("GET", "[::1]:80"),
        ("GET", ":80"),
        ("GET", "*"),
        ("GET", "**"),
        ("GET", "?x"),
        ("GET", "#x"),
        ("GET", "."),
        ("GET", "../x"),
        ("GET", "a/b"),
        ("GET", "a:b/c"),
        ("GET", "http:"),
        ("GET", "http:/x"),
        ("GET", "http://"),
        ("GET", "http:///x"),
        ("GET", "http://:80/"),
        ("GET", "http://me@localhost/"),
        ("GET", "http://me:word@localhost/"),
        ("GET", "http://localhost:http/"),
        ("GET", "http://localhost:65536/"),
        ("GET", "http://[::1/"),
        ("GET", "ftp://localhost/"),
        ("GET", "mailto:me@localhost"),
        ("HEAD", "localhost:80"),
        ("POST", "localhost:80"),
        ("POST", "*"),
        ("BREW", "*"),
        ("OPTIONS", "localhost:80"),
        ("OPTIONS", "**"),
        ("CONNECT", "/"),
        ("CONNECT", "*"),
        ("CONNECT", "localhost"),
        ("CONNECT", "localhost:"),
        ("CONNECT", "http://localhost:80/"),
    ] {
        for server in [&several, &only, &files] {
            // The one answers what is plain, the other is hyper's from the start.
            for request in [handshake(target, ""), get(target, "")] {
                let request = request.replacen("GET", method, 1);
                let mut raw = Raw::connect(server).await;
                raw.write(request).await;
                assert_eq!(raw.answer_without_body().await.status(), 400, "{method} {target}");
            }
        }
    }
    for server in [several, only, files] {
        server.stop().await;
    }
}

// RFC 9112 §3.2.4, RFC 9110 §9.3.7.
#[tokio::test]
async fn the_server_itself_can_be_asked_for() {
    let [one, two] = ["a", "b"].map(|name| Host::new(name).websocket("/", Welcome));
    let server = start(Server::new().host(one).host(two)).await;
    let mut raw = Raw::connect(&server).await;
    for host in ["a", "localhost"] {
        let request = format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(raw.ask(request).await.status(), 204, "{host}");
    }
    assert_eq!(raw.ask("OPTIONS * HTTP/1.1\r\n\r\n").await.status(), 400);
    server.stop().await;
}

// It could lead anywhere: this server is no proxy.
#[tokio::test]
async fn a_tunnel_is_never_made() {
    let server = serve(Welcome).await;
    let mut raw = Raw::connect(&server).await;
    let connect = "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n";
    assert_eq!(raw.ask(connect).await.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn a_path_without_an_endpoint_is_answered_with_a_page() {
    let server =
        start(Server::new().host(Host::new("localhost").websocket("/chat", Welcome))).await;
    for path in ["/", "/chat/", "/chats", "/CHAT", "//chat", "/chat%2f"] {
        let answer = Raw::connect(&server).await.ask(handshake(path, "")).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(answer.text().starts_with("<!doctype html>"), "{path}");
    }
    server.stop().await;
}

/// A request whose head is `size` bytes long.
fn head_of(size: usize) -> String {
    let bare = handshake("/", "X-Crumbs: \r\n").len();
    handshake("/", &format!("X-Crumbs: {}\r\n", "1".repeat(size - bare)))
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_answered_431_and_cut() {
    let usual = || Server::new().host(Host::new("localhost").websocket("/", Welcome));
    for (server, fits, too_large) in [
        (usual(), 15 * 1024, 20 * 1024),
        (usual().max_head_size(64 * 1024), 60 * 1024, 70 * 1024),
        (usual().max_head_size(1), 8 * 1024 - 1, 9 * 1024),
    ] {
        let server = start(server).await;
        let answer = Raw::connect(&server).await.ask(head_of(fits)).await;
        assert_eq!(answer.status(), 101, "{fits}");
        let mut raw = Raw::connect(&server).await;
        // Without its end, so that all of it has been read when the answer comes.
        raw.write(&head_of(too_large).as_bytes()[..too_large - 4]).await;
        assert_eq!(raw.answer().await.status(), 431, "{too_large}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_cut() {
    const PERIOD: Duration = Duration::from_millis(200);
    let host = Host::new("localhost").websocket("/", Welcome);
    let server = start(Server::new().host(host).head_period(PERIOD)).await;
    let head = handshake("/", "");
    for (what, sent) in [("nothing", ""), ("a line", "GET / HTTP/1.1\r\n"), ("half", &head[..99])] {
        let begin = Instant::now();
        let mut raw = Raw::connect(&server).await;
        raw.write(sent).await;
        raw.rest().await;
        assert!(begin.elapsed() >= PERIOD, "{what} is cut after {:?}", begin.elapsed());
    }
    // It is the whole head that has this much time, not each of its bytes.
    let mut raw = Raw::connect(&server).await;
    let begin = Instant::now();
    for byte in head.bytes().cycle().filter(|byte| *byte != b'\n') {
        if begin.elapsed() > 20 * PERIOD {
            panic!("one byte at a time, a head may take forever");
        }
        if raw.stream.write(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(PERIOD / 10).await;
    }
    // That it began late gains it nothing.
    let mut raw = Raw::connect(&server).await;
    let begin = Instant::now();
    tokio::time::sleep(PERIOD * 3 / 4).await;
    raw.write("GET / HT").await;
    raw.rest().await;
    assert!(begin.elapsed() < PERIOD * 3 / 2, "it is cut after {:?}", begin.elapsed());
    // A second request has this much time from the first one's answer on.
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/nowhere", "")).await.status(), 404);
    raw.write("GET / HT").await;
    raw.rest().await;
    server.stop().await;
}

#[tokio::test]
async fn a_frame_that_claims_more_than_there_may_be_is_refused_by_its_header() {
    let server = serve(Welcome).await;
    for claimed in [2 * 1024 * 1024 + 1, 1 << 32, 1 << 62, i64::MAX as u64] {
        let mut raw = Raw::connect(&server).await;
        assert_eq!(raw.ask(handshake("/", "")).await.status(), 101);
        raw.write([&[0x82, 0xFF][..], &u64::to_be_bytes(claimed), &[1, 2, 3, 4]].concat()).await;
        let head = raw.bytes(4).await;
        assert_eq!((head[0], u16::from_be_bytes([head[2], head[3]])), (0x88, 1009), "{claimed}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_is_one_wherever_the_network_cuts_it() {
    let server = serve(Welcome).await;
    let whole = handshake("/", "X-Other: whatever\r\n");
    for cut in [1, 3, 16, 60, whole.len() - 3, whole.len() - 1] {
        let mut raw = Raw::connect(&server).await;
        raw.write(&whole[..cut]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(raw.ask(&whole[cut..]).await.status(), 101, "cut at {cut}");
    }
    server.stop().await;
}
