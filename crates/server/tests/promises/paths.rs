//! Equivalent paths lead to the same endpoint, and one that nobody can ask for is refused at the
//! start: RFC 3986 §6.2.2.

use aerys::{Accepted, Handshake, Host, PathError, Refusal, Server, ServerError, Websocket};
use http::{HeaderName, HeaderValue};

use crate::common::{Raw, handshake, serve_host, try_start};

/// Lets everyone in and says what its path is, and what the parameter is if there is one.
struct Place(&'static str);

impl Websocket for Place {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let Self(path) = self;
        let endpoint = handshake.endpoint();
        assert_eq!((endpoint.host(), endpoint.path()), ("localhost", *path));
        let of_room = handshake.param("room").map(|room| format!("{path} {room:?}"));
        let place = of_room.unwrap_or_else(|| (*path).to_owned());
        Ok(handshake.header(PLACE, HeaderValue::try_from(place)?).accept())
    }
}

const PLACE: HeaderName = HeaderName::from_static("x-place");

#[tokio::test]
async fn equivalent_paths_lead_to_the_same_endpoint() {
    let mut host = Host::new("localhost");
    for path in [
        "/",
        "/chat",
        "/chat/",
        "/rooms/{room}",
        "/caf%c3%a9",
        "/%61%2fb",
        "/x/../y/./z",
        "/a%7Cb",
        "/{{braces}}",
        "/~me",
        "/12:30",
    ] {
        host = host.websocket(path, Place(path));
    }
    let server = serve_host(host).await;
    for (path, place) in [
        ("/", "/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/%2e%2E/", "/"),
        ("/chat/..", "/"),
        ("http://localhost", "/"),
        ("http://localhost?x", "/"),
        ("/chat", "/chat"),
        ("/ch%61t", "/chat"),
        ("/%63%68%61%74?x", "/chat"),
        ("/./chat", "/chat"),
        ("/rooms/../chat", "/chat"),
        ("/%2e%2e/chat", "/chat"),
        ("http://localhost/x/../%63hat", "/chat"),
        ("/chat/", "/chat/"),
        ("/chat/.", "/chat/"),
        ("/chat/x/..", "/chat/"),
        ("/rooms/7", "/rooms/{room} \"7\""),
        ("/rooms/%37", "/rooms/{room} \"7\""),
        ("/rooms/a%2fb", "/rooms/{room} \"a/b\""),
        ("/rooms/a%20b", "/rooms/{room} \"a b\""),
        ("/rooms/%", "/rooms/{room} \"%\""),
        ("/x/.././%72ooms/7", "/rooms/{room} \"7\""),
        ("/caf%C3%A9", "/caf%c3%a9"),
        ("/c%61f%c3%A9", "/caf%c3%a9"),
        ("/café", "/caf%c3%a9"),
        ("/a%2Fb", "/%61%2fb"),
        ("/a%2fb", "/%61%2fb"),
        ("/y/z", "/x/../y/./z"),
        ("/a|b", "/a%7Cb"),
        ("/a%7cb", "/a%7Cb"),
        ("/{braces}", "/{{braces}}"),
        ("/%7Bbraces%7d", "/{{braces}}"),
        ("/%7Eme", "/~me"),
        ("/12:30", "/12:30"),
    ] {
        let answer = Raw::connect(&server).await.ask(handshake(path, "")).await;
        assert_eq!(answer.header("x-place"), Some(place), "{path}");
    }
    for path in ["/CHAT", "//chat", "/chat%2F", "/chat%2f..", "/caf%E9", "/a/b", "/%00", "/%zz"] {
        let answer = Raw::connect(&server).await.ask(handshake(path, "")).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    server.stop().await;
}

/// Why a server with an endpoint at `path` does not start.
async fn refusal(path: &str) -> ServerError {
    let host = Host::new("localhost").websocket(path, Place("nowhere"));
    let server = Server::new().host(host).workers(1);
    try_start(server).await.expect_err(path)
}

#[tokio::test]
async fn a_path_that_nobody_can_ask_for_is_refused_with_what_to_write() {
    for (path, instead) in [
        ("", "/"),
        ("ws", "/ws"),
        (" /ws", "/ws"),
        ("ws://localhost/ws", "/ws"),
        ("https://localhost", "/"),
        ("*", "/{*rest}"),
        (":id", "/{id}"),
        ("/a/:id", "/a/{id}"),
        ("/a/*", "/a/{*rest}"),
        ("/a/*path", "/a/{*path}"),
        ("/a/**", "/a/{*rest}"),
        ("/a/*.txt", "/a/{name}.txt"),
        ("/a/<id>/b", "/a/{id}/b"),
        ("/a/<path:rest>", "/a/{*rest}"),
        ("/a/[id]", "/a/{id}"),
        ("/a/{id:[0-9]+}/b", "/a/{id}/b"),
        ("/a/{id:\\d{2}}", "/a/{id}"),
        ("/a/{id?}", "/a/{id}"),
        ("/a/{rest:path}", "/a/{*rest}"),
        ("/a b?c", "/a%20b"),
        ("/a?b", "/a"),
        ("/a#b", "/a"),
        ("/a b", "/a%20b"),
        ("/a\tb", "/a%09b"),
        ("/a\\b", "/a%5Cb"),
        ("/a|b", "/a%7Cb"),
        ("/café/{room}", "/caf%C3%A9/{room}"),
        ("/100%", "/100%25"),
        ("/%zz", "/%25zz"),
    ] {
        let error = refusal(path).await;
        assert!(
            matches!(&error, ServerError::Path { host, path: it, .. }
                if host == "localhost" && it == path),
            "{error}"
        );
        let sentence = error.to_string();
        let begin = format!("the path {path:?} of host \"localhost\" can never match: ");
        assert!(sentence.starts_with(&begin), "{sentence}");
        assert!(sentence.ends_with(&format!(": write {instead:?}")), "{sentence}");
        let host = Host::new("localhost").websocket(instead, Place("somewhere"));
        serve_host(host).await.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_path_can_be_matched_on() {
    let error = refusal("/a/:id").await;
    let ServerError::Path { cause, .. } = error else { panic!("{error}") };
    assert_eq!(cause, PathError::Parameter { instead: "/a/{id}".to_owned() });
    assert_eq!(
        cause.to_string(),
        "a parameter is `{name}`, and `{*name}` the rest of a path: write \"/a/{id}\""
    );
}

#[tokio::test]
async fn two_equivalent_paths_are_one_too_many() {
    for (first, second) in [("/a", "/%61"), ("/a", "/b/../a"), ("/%2f", "/%2F"), ("/", "/.")] {
        let host = Host::new("localhost").websocket(first, Place("first"));
        let host = host.websocket(second, Place("second"));
        let server = Server::new().host(host).workers(1);
        let error = try_start(server).await.expect_err(second);
        assert!(matches!(&error, ServerError::Route { path, .. } if path == second), "{error}");
    }
}
