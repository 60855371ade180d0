//! Several hosts on one port, and what keeps a server from starting.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use aerys::{Accepted, Handshake, Host, Refusal, Server, ServerError, Websocket};
use http::{HeaderName, HeaderValue};

use crate::common::{Raw, handshake, start, try_start};

/// Lets everyone in and says where they are.
struct Place(&'static str);

impl Websocket for Place {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let place = HeaderName::from_static("x-place");
        Ok(handshake.header(place, HeaderValue::from_static(self.0)).accept())
    }
}

/// A handshake for this target with this `Host`, or with none.
fn to(target: &str, host: Option<&str>) -> String {
    let line = host.map(|host| format!("Host: {host}\r\n")).unwrap_or_default();
    handshake(target, "").replacen("Host: localhost\r\n", &line, 1)
}

#[tokio::test]
async fn the_host_header_chooses_the_host() {
    let server = start(
        Server::new()
            .host(Host::new("one.example").websocket("/", Place("one")))
            .host(Host::new("Two.Example:80").websocket("/", Place("two")))
            .host(Host::new("[::1]").websocket("/", Place("six")))
            .host(Host::new("xn--bcher-kva.example").websocket("/", Place("books")))
            .host(Host::new("Dotted.example.").websocket("/", Place("dotted")))
            .host(Host::new("[0:0::2]:80").websocket("/", Place("two six"))),
    )
    .await;
    for (target, host, place) in [
        ("/", "one.example", Ok("one")),
        ("/", "two.example", Ok("two")),
        ("/", "ONE.Example", Ok("one")),
        ("/", "two.example:1337", Ok("two")),
        ("/", "two.example:", Ok("two")),
        ("/", "one.example.", Ok("one")),
        ("/", "One.Example.:80", Ok("one")),
        ("/", "%6Fne.example", Ok("one")),
        ("/", "dotted.example", Ok("dotted")),
        ("/", "[::1]:8080", Ok("six")),
        ("/", "[0:0:0::1]", Ok("six")),
        ("/", "[::2]", Ok("two six")),
        ("/", "[0::0002]:", Ok("two six")),
        ("/", "xn--bcher-kva.example", Ok("books")),
        ("/", "XN--Bcher-kva.Example.", Ok("books")),
        ("/", "b%C3%BCcher.example", Ok("books")),
        ("/", "three.example", Err(421)),
        ("/", "one.example.evil.example", Err(421)),
        ("/", "127.0.0.1", Err(421)),
        ("/", "localhost", Err(421)),
        ("/", "one.example..", Err(421)),
        ("/", "[::3]", Err(421)),
        ("http://two.example/", "two.example", Ok("two")),
        ("http://two.example/", "one.example", Ok("two")),
        ("http://TWO.example:99/", "three.example", Ok("two")),
        ("HTTP://Two.Example.", "one.example", Ok("two")),
        ("https://two.example:/", "one.example", Ok("two")),
        ("ws://two.example:80/", "one.example", Ok("two")),
        ("http://[0::1]:9/", "one.example", Ok("six")),
        ("http://three.example/", "one.example", Err(421)),
    ] {
        let answer = Raw::connect(&server).await.ask(to(target, Some(host))).await;
        let found = answer.header("x-place").ok_or(answer.status());
        assert_eq!(found, place, "{target} {host}");
    }
    server.stop().await;
}

// A name that somebody else has pointed here (DNS rebinding) would make their pages this host's own.
#[tokio::test]
async fn an_only_host_answers_for_its_names_and_for_those_that_nobody_can_point_at_it() {
    let host = Host::new("one.example").alias("Uno.example:80").alias("xn--bcher-kva.example");
    let server = start(Server::new().host(host.websocket("/", Place("one")))).await;
    for (target, host, place) in [
        ("/", "one.example", Ok("one")),
        ("/", "UNO.example.:1337", Ok("one")),
        ("/", "b%C3%BCcher.example", Ok("one")),
        ("/", "localhost", Ok("one")),
        ("/", "LOCALHOST.:1337", Ok("one")),
        ("/", "127.0.0.1:1337", Ok("one")),
        ("/", "203.0.113.7", Ok("one")),
        ("/", "[::1]:1337", Ok("one")),
        ("http://uno.example/", "two.example", Ok("one")),
        ("/", "two.example", Err(421)),
        ("/", "one.example.evil.example", Err(421)),
        ("/", "localhost.evil.example", Err(421)),
        ("/", "127.0.0.1.evil.example", Err(421)),
        ("/", "0x7f.1", Err(421)),
        ("http://three.example/", "one.example", Err(421)),
    ] {
        for request in [to(target, Some(host)), to(target, Some(host)).replace("GET", "POST")] {
            let is_handshake = request.starts_with("GET");
            let answer = Raw::connect(&server).await.ask(request).await;
            let found = match answer.status() {
                405 if !is_handshake => Ok("one"),
                status => answer.header("x-place").ok_or(status),
            };
            assert_eq!(found, place, "{target} {host}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_host_for_any_answers_where_no_other_does() {
    let one = Host::new("one.example").websocket("/", Place("one"));
    let any = || Host::any().websocket("/", Place("any"));
    let beside = start(Server::new().host(any()).host(one)).await;
    let alone = start(Server::new().host(any().alias("two.example"))).await;
    for (server, host, place) in [
        (&beside, "one.example", "one"),
        (&beside, "two.example", "any"),
        (&beside, "localhost", "any"),
        (&beside, "127.0.0.1", "any"),
        (&alone, "one.example", "any"),
        (&alone, "two.example", "any"),
        (&alone, "[::1]", "any"),
    ] {
        let answer = Raw::connect(server).await.ask(to("/", Some(host))).await;
        assert_eq!(answer.header("x-place"), Some(place), "{host}");
    }
    let two = try_start(Server::new().host(any()).host(any()).workers(1)).await;
    assert!(matches!(two, Err(ServerError::DuplicateHost { name }) if name == "*"));
    for server in [beside, alone] {
        server.stop().await;
    }
}

// RFC 9112 §3.2: "to any HTTP/1.1 request message that lacks a Host header field and to any request
// message that contains more than one Host header field line".
#[tokio::test]
async fn an_absolute_target_does_not_excuse_a_missing_or_second_host() {
    let server =
        start(Server::new().host(Host::new("one.example").websocket("/", Place("one")))).await;
    for host in [None, Some("one.example\r\nHost: one.example"), Some("one example")] {
        let request = to("http://one.example/", host);
        assert_eq!(Raw::connect(&server).await.ask(request).await.status(), 400, "{host:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_old_request_needs_no_host_where_there_is_only_one() {
    let server =
        start(Server::new().host(Host::new("one.example").websocket("/", Place("one")))).await;
    for (request, status) in [("GET /x HTTP/1.0\r\n\r\n", 404), ("GET /x HTTP/1.1\r\n\r\n", 400)] {
        assert_eq!(Raw::connect(&server).await.ask(request).await.status(), status, "{request:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_name_that_nobody_can_ask_for_is_refused_with_what_to_write() {
    let usual = "\"mysite.com\"";
    for (name, what_to_write) in [
        ("", usual),
        (" ", usual),
        ("bücher.example", "write \"xn--bcher-kva.example\""),
        ("BÜCHER.example:80", "write \"xn--bcher-kva.example\""),
        ("http://a.com/x", "write \"a.com\""),
        ("HTTPS://A.com:443", "write \"a.com\""),
        ("//a.com", "write \"a.com\""),
        ("a.com/", "write \"a.com\""),
        ("a.com?x", "write \"a.com\""),
        ("a.com#x", "write \"a.com\""),
        ("me@a.com", "write \"a.com\""),
        ("a.com:http", "write \"a.com\""),
        ("a.com:99999", "write \"a.com\""),
        (" a.com", "write \"a.com\""),
        ("::1", "write \"[::1]\""),
        ("127.1", "\"127.0.0.1\""),
        ("*", "use `Host::any` for all"),
        ("*.a.com", "add a `Host` or an alias for each name"),
        ("my site.com", usual),
        ("a..com", usual),
        (".a.com", usual),
        ("[::1", usual),
        ("a%20b", usual),
    ] {
        let host = Host::new(name).websocket("/", Place("nowhere"));
        let server = Server::new().host(host).workers(1);
        let error = try_start(server).await.expect_err(name);
        assert!(matches!(&error, ServerError::HostName { name: it, .. } if it == name), "{error}");
        let sentence = error.to_string();
        assert!(sentence.starts_with(&format!("the host name {name:?} can never match: ")));
        assert!(sentence.contains(what_to_write), "{sentence}");
    }
}

/// A service that has nothing.
#[derive(Clone)]
struct Nothing;

impl<R> tower_service::Service<R> for Nothing {
    type Response = http::Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Self::Future {
        ready(Ok(http::Response::default()))
    }
}

const CONFLICT: &str =
    "cannot be routed: Insertion failed due to conflict with previously registered route";

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let missing = folder.path().join("missing");
    let host = || Host::new("one.example").websocket("/", Place("one"));
    let server = Server::new;
    for (server, sentence) in [
        (server(), "the server has no host: add one with `Server::host`".to_owned()),
        (
            server().host(host()).host(Host::new("ONE.example:80")),
            "there are two hosts named \"one.example\"".to_owned(),
        ),
        (
            server().host(host()).host(Host::new("One.Example.")),
            "there are two hosts named \"one.example\"".to_owned(),
        ),
        (
            server().host(Host::new("[::1]")).host(Host::new("[0:0::1]:80")),
            "there are two hosts named \"[::1]\"".to_owned(),
        ),
        (
            server().host(host().websocket("/", Place("two"))),
            format!("the path \"/\" of host \"one.example\" {CONFLICT}: /"),
        ),
        (
            server().host(host().websocket("/{a}", Place("a")).websocket("/{b}", Place("b"))),
            format!("the path \"/{{b}}\" of host \"one.example\" {CONFLICT}: /{{a}}"),
        ),
        (
            server().host(host().root(&missing)),
            format!(
                "cannot serve files from {}: No such file or directory (os error 2)",
                missing.display()
            ),
        ),
        (
            server().host(host().root(&file)),
            format!("cannot serve files from {}: Not a directory (os error 20)", file.display()),
        ),
        (
            server().host(host().root("first").service(Nothing).root("second")),
            "the host \"one.example\" has two document roots, first and second: call `Host::root` \
             once"
                .to_owned(),
        ),
        (
            server().host(host().service(Nothing).root(folder.path()).service(Nothing)),
            "the host \"one.example\" has two HTTP services: call `Host::service` once, with one \
             that knows both, such as an axum `Router` that was merged"
                .to_owned(),
        ),
    ] {
        let error = try_start(server).await.expect_err("it cannot start");
        assert_eq!(error.to_string(), sentence);
    }
}

#[tokio::test]
async fn each_reason_not_to_start_has_its_own_kind() {
    let host = || Host::new("one.example").websocket("/", Place("one"));
    let start = async |server: Server| try_start(server).await.expect_err("it cannot start");
    let error = start(Server::new()).await;
    assert!(matches!(error, ServerError::NoHost), "{error:?}");
    let error = start(Server::new().host(host()).host(host())).await;
    assert!(
        matches!(&error, ServerError::DuplicateHost { name } if name == "one.example"),
        "{error:?}"
    );
    let error = start(Server::new().host(host().websocket("/", Place("two")))).await;
    assert!(
        matches!(&error, ServerError::Route { host, path, .. }
            if host == "one.example" && path == "/"),
        "{error:?}"
    );
    let error = start(Server::new().host(host().root("/not/there"))).await;
    assert!(
        matches!(&error, ServerError::Root { path, cause }
            if path.ends_with("there") && cause.kind() == io::ErrorKind::NotFound),
        "{error:?}"
    );
}
