//! Messages are compressed for clients that can, and nobody else notices.

use aerys::{Accepted, Compression, Handshake, Host, Message, Options, Refusal, Websocket};
use http::{HeaderValue, header};

use crate::common::{Echo, Lobby, Raw, Running, handshake, serve_host, serve_with, soon};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// A client at `/` that has made this offer, and what was answered to it.
async fn offering(server: &Running, offer: &str) -> (Raw, Option<String>) {
    let mut raw = Raw::connect(server).await;
    let answer = raw.ask(handshake("/", offer)).await;
    assert_eq!(answer.status(), 101);
    let agreed = answer.header("sec-websocket-extensions").map(str::to_owned);
    (raw, agreed)
}

fn takeover() -> Compression {
    Compression::new().server_context_takeover(true).client_context_takeover(true)
}

#[tokio::test]
async fn compression_is_agreed_on_as_the_options_say() {
    let no_takeover = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (options, offer, expected) in [
        (Options::new(), OFFER, Some(no_takeover)),
        (Options::new(), "", None),
        (Options::new(), "Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n", None),
        (Options::new().compression(None), OFFER, None),
        (Options::new().compression(takeover()), OFFER, Some("permessage-deflate")),
        (
            Options::new().compression(takeover().client_max_window_bits(10)),
            OFFER,
            Some("permessage-deflate; client_max_window_bits=10"),
        ),
    ] {
        let server = serve_with(Echo { waits: false }, options).await;
        assert_eq!(offering(&server, offer).await.1.as_deref(), expected, "{offer}");
    }
}

#[tokio::test]
async fn an_application_cannot_agree_to_an_extension_by_itself() {
    struct Meddler;
    impl Websocket for Meddler {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            let value = HeaderValue::from_static("permessage-bzip2");
            Ok(handshake.header(header::SEC_WEBSOCKET_EXTENSIONS, value).accept())
        }
    }
    let server = serve_host(Host::new("localhost").websocket("/", Meddler)).await;
    assert_eq!(offering(&server, "").await.1, None);
    assert!(
        offering(&server, OFFER).await.1.is_some_and(|it| it.starts_with("permessage-deflate;"))
    );
}

#[tokio::test]
async fn a_broadcast_reaches_those_who_compress_and_those_who_do_not() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let narrow = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";
    let mut raws = Vec::new();
    for offer in [OFFER, narrow, "", OFFER, "", narrow] {
        raws.push((offer, offering(&server, offer).await.0));
    }
    let endpoint = guests.next().await.endpoint().clone();
    let words = "a broadcast of many words, ".repeat(100);
    let tally = soon(endpoint.broadcast(&words)).await;
    assert_eq!(tally.delivered, raws.len());
    let mut compressed = Vec::new();
    for (offer, raw) in &mut raws {
        let (first, payload) = raw.frame().await;
        if offer.is_empty() {
            assert_eq!((first, payload), (0x81, words.clone().into_bytes()));
        } else {
            assert_eq!(first, 0xC1, "{offer}");
            assert!(payload.len() < 200, "{} bytes", payload.len());
            compressed.push(payload);
        }
    }
    assert_eq!(compressed[0], compressed[2]);
    assert_eq!(compressed[1], compressed[3]);
}

#[tokio::test]
async fn what_is_counted_is_what_went_over_the_wire() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let (mut raw, _) = offering(&server, OFFER).await;
    let client = guests.next().await;
    soon(client.send("words, ".repeat(1000))).await.unwrap();
    let (_, payload) = raw.frame().await;
    let stats = client.inspect();
    assert_eq!(stats.bytes_sent, payload.len() as u64 + 2);
    assert_eq!((stats.messages_sent, stats.frames_sent), (1, 1));
}

#[tokio::test]
async fn small_messages_go_plain() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let (mut raw, _) = offering(&server, OFFER).await;
    let client = guests.next().await;
    for (len, first) in [(1023, 0x82), (1024, 0xC2)] {
        client.send(Message::binary(vec![0; len])).nowait();
        assert_eq!(raw.frame().await.0, first, "{len} bytes");
    }
}
