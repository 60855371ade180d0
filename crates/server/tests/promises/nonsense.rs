//! Options that make no sense keep the server from starting, and say why.

use std::{error::Error, time::Duration};

use aerys::{
    Compression, Host, Options, OptionsError, Origins, Overflow, Root, Server, ServerError,
};

use crate::common::{Lobby, Raw, frame, serve_with, soon, try_start};

/// What a server with these options at `/chat` says instead of starting.
async fn refusal(options: Options) -> ServerError {
    let host = Host::new("localhost").websocket("/fine", Lobby::new().0).websocket_with(
        "/chat",
        Lobby::new().0,
        options.clone(),
    );
    let server = Server::new().host(host).workers(1);
    soon(try_start(server)).await.map(drop).expect_err(&format!("{options:?}"))
}

#[tokio::test]
async fn nonsense_is_refused_with_the_names_of_the_option_and_the_path() {
    let fine = Options::new;
    for (options, named) in [
        (fine().max_frame_size(0), "max_frame_size"),
        (fine().max_msg_size(0), "max_msg_size"),
        (fine().auto_frame_size(0), "auto_frame_size"),
        (fine().max_queued_bytes(0), "max_queued_bytes"),
        (fine().heartbeat_period(Duration::ZERO), "heartbeat_period"),
        (fine().close_period(Duration::ZERO), "close_period"),
        (fine().open_period(Duration::ZERO), "open_period"),
        (fine().max_frame_size(101).max_msg_size(100), "max_frame_size"),
        (fine().max_frame_size((10 << 20) + 1), "max_msg_size"),
        (fine().allowed_origins(Origins::list(["mysite.com"])), "allowed_origins"),
        (fine().allowed_origins(Origins::list(["https://mysite.com/"])), "https://mysite.com/"),
        (fine().allowed_origins(Origins::list(["https://fine.example", "*"])), "\"*\""),
        (fine().subprotocols([""]), "subprotocols"),
        (fine().subprotocols(["chat", "chat v2"]), "chat v2"),
        (fine().subprotocols(["chat,soap"]), "chat,soap"),
    ] {
        let error = refusal(options).await;
        assert!(matches!(&error, ServerError::Options { path, .. } if path == "/chat"), "{error}");
        let text = error.to_string();
        assert!(text.contains(named) && text.contains("/chat"), "{named}: {text}");
    }
}

#[tokio::test]
async fn what_is_zero_is_told_what_it_would_do_and_what_is_for_never() {
    let fine = Options::new;
    for (options, sentence) in [
        (
            fine().heartbeat_period(Duration::ZERO),
            "`heartbeat_period` is zero: clients would be sent pings without a pause; `None` is for \
             never",
        ),
        (
            fine().queued_ping_limit(0),
            "`queued_ping_limit` is zero: every client would be closed at its first silence; at \
             least one ping, and `heartbeat_period(None)` is for never",
        ),
        (
            fine().close_period(Duration::ZERO),
            "`close_period` is zero: no client could answer a CLOSE in time; `Duration::MAX` is for \
             as long as it takes",
        ),
        (
            fine().open_period(Duration::ZERO),
            "`open_period` is zero: no `on_open` could decide in time; `Duration::MAX` is for as \
             long as it takes",
        ),
        (
            fine().max_queued_bytes(0),
            "`max_queued_bytes` is zero: no client could be owed anything; at least one byte",
        ),
        (
            fine().auto_frame_size(0),
            "`auto_frame_size` is zero: frames of nothing carry no message; at least one byte",
        ),
        (
            fine().max_msg_size(0),
            "`max_msg_size` is zero: nothing could come in; at least one byte",
        ),
        (
            fine().max_frame_size(0),
            "`max_frame_size` is zero: nothing could come in; at least one byte",
        ),
    ] {
        let error = refusal(options).await.to_string();
        let begin = "the options of the application at \"/chat\" make no sense: ";
        assert_eq!(error.strip_prefix(begin), Some(sentence));
    }
}

#[tokio::test]
async fn an_origin_that_no_browser_sends_is_refused_with_the_one_to_write() {
    for (origin, instead) in [
        ("https://MySite.com:443/", "write \"https://mysite.com\""),
        ("https://mysite.com.", "write \"https://mysite.com\""),
        ("mysite.com", "write \"https://mysite.com\""),
        ("http://mysite.com:80", "write \"http://mysite.com\""),
        ("wss://mysite.com/chat", "write \"https://mysite.com\""),
        ("http://[0:0::1]:8080", "write \"http://[::1]:8080\""),
        ("https://bücher.example", "write \"https://xn--bcher-kva.example\""),
        ("https://*.mysite.com", "`Origins::Any`"),
        ("*", "`Origins::Any`"),
    ] {
        let error = refusal(Options::new().allowed_origins(Origins::list([origin]))).await;
        let sentence = error.to_string();
        assert!(sentence.contains(&format!("{origin:?}, which no browser sends: ")), "{sentence}");
        assert!(sentence.contains(instead), "{sentence}");
    }
}

#[tokio::test]
async fn what_is_wrong_can_be_matched_on() {
    let error = refusal(Options::new().max_frame_size(2).max_msg_size(1)).await;
    let ServerError::Options { cause, .. } = error else { panic!("{error}") };
    assert_eq!(cause, OptionsError::FrameAboveMessage { max_frame_size: 2, max_msg_size: 1 });
    let error = refusal(Options::new().auto_frame_size(0)).await;
    let ServerError::Options { cause, .. } = error else { panic!("{error}") };
    assert_eq!(cause, OptionsError::Zero { option: "auto_frame_size" });
}

#[tokio::test]
async fn whoever_walks_the_causes_of_an_error_is_told_each_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let chat = || Host::new("localhost").websocket("/chat", Lobby::new().0);
    let server = |host: Host| Server::new().host(host).listen("127.0.0.1:0");
    for (what, server) in [
        ("an address", server(chat()).listen(taken.local_addr().unwrap())),
        ("a text", server(chat()).listen("localhost:80")),
        ("a name", server(Host::new("http://a/b"))),
        ("a path", server(chat().websocket("chat", Lobby::new().0))),
        ("a route", server(chat().websocket("/chat", Lobby::new().0))),
        ("a folder", server(chat().root("/no/such/folder"))),
        ("a root", server(chat().root(Root::new(".").cache_control("?", "no-store")))),
        ("an option", {
            let options = Options::new().compression(Compression::new().level(99));
            server(chat().websocket_with("/", Lobby::new().0, options))
        }),
    ] {
        let error = soon(server.workers(1).start()).await.map(drop).expect_err(what);
        let mut above: &dyn Error = &error;
        while let Some(below) = above.source() {
            let (text, cause) = (above.to_string(), below.to_string());
            assert!(!text.contains(&cause), "{what}: {text:?} has {cause:?} in it");
            above = below;
        }
    }
}

#[tokio::test]
async fn what_is_just_sensible_starts_and_serves() {
    let second = Duration::from_secs(1);
    for options in [
        Options::new(),
        Options::new().max_msg_size(1),
        Options::new().max_msg_size(1).max_frame_size(1),
        Options::new().auto_frame_size(1),
        Options::new().max_queued_bytes(1),
        Options::new().max_queued_bytes(1).overflow(Overflow::DropOldest),
        Options::new().heartbeat_period(None),
        Options::new().heartbeat_period(second).close_period(second).open_period(second),
        Options::new().allowed_origins(Origins::list(["https://mysite.com:8443", "null"])),
        Options::new().allowed_origins(Origins::list([""; 0])),
        Options::new().subprotocols(["chat.v1", "v2.chat"]),
    ] {
        serves(options).await;
    }
}

#[tokio::test]
async fn a_period_may_be_endless() {
    for options in [
        Options::new().heartbeat_period(Duration::MAX),
        Options::new().close_period(Duration::MAX),
        Options::new().open_period(Duration::MAX),
    ] {
        serves(options).await;
    }
}

/// One client's life, from its first word to its close by the server.
async fn serves(options: Options) {
    let (lobby, mut guests) = Lobby::new();
    let server = serve_with(lobby, options.clone()).await;
    let mut raw = Raw::open(&server).await;
    raw.write(frame(1, b"x")).await;
    assert_eq!(guests.journal.until(1).await, ["x"], "{options:?}");
    let client = guests.next().await;
    assert_eq!(soon(client.send("y")).await, Ok(()));
    assert_eq!(raw.frame().await, (0x81, b"y".to_vec()), "{options:?}");
    client.close().nowait();
    assert_eq!(raw.hear_close().await.0, 1000, "{options:?}");
    raw.write(frame(8, &1000_u16.to_be_bytes())).await;
    assert_eq!(guests.journal.until(2).await[1], "gone 1000", "{options:?}");
    drop(raw);
    soon(server.stop()).await;
}
