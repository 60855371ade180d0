//! A listener in clear text that leads to https.

use aerys::{Accepted, Handshake, Host, Listener, Refusal, Running, Server, Websocket};
use tokio::net::TcpStream;

use crate::common::{Answer, Raw, handshake, soon};

/// Lets nobody in, since nobody is to come.
struct Unreachable;

impl Websocket for Unreachable {
    async fn on_open(&self, _: Handshake) -> Result<Accepted, Refusal> {
        panic!("the application is asked, and the redirect should have answered");
    }
}

async fn start(port: u16, hosts: &[&str]) -> Running {
    let listener = Listener::from(([127, 0, 0, 1], 0)).redirect_to_https(port);
    let server = Server::new().listen(listener).workers(1);
    let host = |server: Server, name: &&str| {
        server.host(Host::new(*name).websocket("/socket", Unreachable))
    };
    soon(hosts.iter().fold(server, host).start()).await.expect("the server starts")
}

async fn ask(server: &Running, request: impl AsRef<[u8]>) -> Answer {
    let stream = soon(TcpStream::connect(server.address())).await.expect("it listens");
    Raw::from(stream).ask(request).await
}

fn request(method: &str, target: &str, host: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[tokio::test]
async fn whoever_comes_is_led_to_the_same_by_https() {
    let server = start(443, &["mysite.com", "[::1]"]).await;
    for (method, target, host, status, location) in [
        ("GET", "/", "mysite.com", 301, "https://mysite.com/"),
        ("GET", "/a/b?c=d&e", "MySite.com.:80", 301, "https://mysite.com/a/b?c=d&e"),
        ("GET", "/a%20b/../c", "mysite.com", 301, "https://mysite.com/a%20b/../c"),
        ("GET", "//evil.example/", "mysite.com", 301, "https://mysite.com//evil.example/"),
        ("GET", "/\\evil.example", "mysite.com", 301, "https://mysite.com/%5Cevil.example"),
        ("GET", "/?q=\u{fc}", "mysite.com", 301, "https://mysite.com/?q=%C3%BC"),
        ("GET", "http://mysite.com/a", "evil.example", 301, "https://mysite.com/a"),
        ("GET", "/", "[0::1]:8080", 301, "https://[::1]/"),
        ("HEAD", "/a", "mysite.com", 301, "https://mysite.com/a"),
        ("POST", "/a", "mysite.com", 308, "https://mysite.com/a"),
        ("PUT", "/a?b", "mysite.com", 308, "https://mysite.com/a?b"),
        ("DELETE", "/a", "mysite.com", 308, "https://mysite.com/a"),
        ("OPTIONS", "/a", "mysite.com", 308, "https://mysite.com/a"),
    ] {
        let stream = soon(TcpStream::connect(server.address())).await.expect("it listens");
        let mut raw = Raw::from(stream);
        raw.write(request(method, target, host)).await;
        let answer = raw.answer_without_body().await;
        assert_eq!(answer.status(), status, "{method} {target}: {answer:?}");
        assert_eq!(answer.header("location"), Some(location), "{method} {target}");
        assert_eq!(answer.header("cache-control"), Some("max-age=3600"));
    }
    server.stop().await;
}

#[tokio::test]
async fn nobody_is_led_to_a_host_that_is_not_served() {
    let server = start(443, &["mysite.com", "other.example"]).await;
    for (target, host) in [
        ("/", "evil.example"),
        ("/", "mysite.com.evil.example"),
        ("http://evil.example/", "mysite.com"),
    ] {
        let answer = ask(&server, request("GET", target, host)).await;
        assert!(answer.status() == 421, "{target} {host}: {answer:?}");
        assert_eq!(answer.header("location"), None, "{target} {host}");
    }
    // What is no host, or names none, or several.
    for line in ["Host: me@evil.example", "Host: mysite.com\r\nHost: evil.example", "X: y"] {
        let answer = ask(&server, format!("GET / HTTP/1.1\r\n{line}\r\n\r\n")).await;
        assert_eq!((answer.status(), answer.header("location")), (400, None), "{line}");
    }
    let answer = ask(&server, "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer.status(), 421, "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_port_of_https_may_be_another_and_an_only_host_keeps_the_name_it_was_asked_by() {
    let server = start(8443, &["localhost"]).await;
    for (host, location) in [
        ("localhost", "https://localhost:8443/a"),
        ("192.0.2.7:8080", "https://192.0.2.7:8443/a"),
        ("LOCALHOST.", "https://localhost:8443/a"),
    ] {
        let answer = ask(&server, request("GET", "/a", host)).await;
        assert_eq!(answer.header("location"), Some(location));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_is_redirected_and_no_application_is_asked() {
    let server = start(443, &["localhost"]).await;
    let answer = ask(&server, handshake("/socket?a=b", "")).await;
    assert_eq!(answer.status(), 301, "{answer:?}");
    assert_eq!(answer.header("location"), Some("https://localhost/socket?a=b"));
    server.stop().await;
}

#[tokio::test]
async fn a_connection_is_kept_and_the_body_of_a_request_is_not_in_the_way() {
    let server = start(443, &["localhost"]).await;
    let stream = soon(TcpStream::connect(server.address())).await.expect("it listens");
    let mut raw = Raw::from(stream);
    for _ in 0..3 {
        let post = "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
        let answer = raw.ask(post).await;
        assert_eq!(answer.status(), 308, "{answer:?}");
    }
    server.stop().await;
}
