//! What compressed messages are, and what they take on the wire.

use aerys::{Endpoint, Options};
use flate2::{Compress, Compression, FlushCompress};

use crate::stage::{Echo, Peer, Watch, frame, serve};

const COMPRESSION: &[&str] = &["aerys_compression_"];

const PLAIN_IN: &str =
    r#"aerys_compression_bytes_total{endpoint="localhost/",direction="in",form="plain"}"#;
const COMPRESSED_IN: &str =
    r#"aerys_compression_bytes_total{endpoint="localhost/",direction="in",form="compressed"}"#;
const PLAIN_OUT: &str =
    r#"aerys_compression_bytes_total{endpoint="localhost/",direction="out",form="plain"}"#;
const COMPRESSED_OUT: &str =
    r#"aerys_compression_bytes_total{endpoint="localhost/",direction="out",form="compressed"}"#;

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// The first byte of a text that is compressed, and whole.
const COMPRESSED_TEXT: u8 = 0xc1;

/// RFC 7692 §7.2.1: without what a flush ends with.
fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(payload.len() + 64);
    let mut compress = Compress::new(Compression::default(), false);
    compress.compress_vec(payload, &mut deflated, FlushCompress::Sync).unwrap();
    deflated.truncate(deflated.len() - 4);
    deflated
}

#[tokio::test]
async fn what_is_compressed_counts_as_it_is_and_as_it_goes_over_the_wire() {
    let takeover = aerys::Compression::new().server_context_takeover(true);
    let takeover = takeover.client_context_takeover(true);
    for compression in [aerys::Compression::new(), takeover] {
        for echo in [Echo::Awaited, Echo::NotAwaited, Echo::FromElsewhere] {
            let options = Options::new().heartbeat_period(None).compression(compression.clone());
            let server = serve(echo, options).await;
            let mut peer = Peer::connect(&server).await;
            assert_eq!(peer.knock("/", OFFER).await, 101);
            for repeated in [200, 4_000, 60_000] {
                let text = "what repeats itself ".repeat(repeated / 20 + 100);
                let compressed = deflate(text.as_bytes());
                let watch = Watch::over(&server);
                peer.write(frame(COMPRESSED_TEXT, &compressed)).await;
                let mut sent = 0;
                loop {
                    let (first, part) = peer.hear().await;
                    sent += part.len() as u64;
                    if first & 0x80 != 0 {
                        break;
                    }
                }
                let expected = [
                    (PLAIN_IN, text.len() as u64),
                    (COMPRESSED_IN, compressed.len() as u64),
                    (PLAIN_OUT, text.len() as u64),
                    (COMPRESSED_OUT, sent),
                ];
                watch.moves(COMPRESSION, &expected).await;
            }
            // What is too short for that is not compressed.
            let watch = Watch::over(&server);
            peer.say(1, b"short").await;
            assert_eq!(peer.hear().await.1, b"short");
            watch.moves(COMPRESSION, &[]).await;
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn a_broadcast_that_is_compressed_once_counts_for_each_who_hears_it() {
    let server = serve(Echo::Awaited, Options::new().heartbeat_period(None)).await;
    let endpoint: Endpoint = server.endpoint("/").expect("it is mounted");
    let mut peers = [Peer::connect(&server).await, Peer::connect(&server).await];
    for peer in &mut peers {
        assert_eq!(peer.knock("/", OFFER).await, 101);
    }
    let mut plain = Peer::open(&server).await;
    let text = "what repeats itself ".repeat(200);
    let watch = Watch::over(&server);
    endpoint.broadcast(text.as_str()).await;
    let mut sent = 0;
    for peer in &mut peers {
        let (first, payload) = peer.hear().await;
        assert_eq!(first, COMPRESSED_TEXT);
        sent += payload.len() as u64;
    }
    assert_eq!(plain.hear().await.1, text.as_bytes());
    let expected = [(PLAIN_OUT, 2 * text.len() as u64), (COMPRESSED_OUT, sent)];
    watch.moves(COMPRESSION, &expected).await;
    server.stop().await;
}
