//! Messages and bytes, each way, by whatever way they take through the server.

use aerys::{Endpoint, Host, Options, Server};

use crate::stage::{BINARY, CLOSE, Echo, Peer, TEXT, Watch, serve, start};

const TRAFFIC: &[&str] =
    &["aerys_messages_", "aerys_message_", "aerys_wire_", "aerys_compression_"];

const TEXT_IN: &str = r#"aerys_messages_total{endpoint="localhost/",direction="in",kind="text"}"#;
const TEXT_OUT: &str = r#"aerys_messages_total{endpoint="localhost/",direction="out",kind="text"}"#;
const BINARY_IN: &str =
    r#"aerys_messages_total{endpoint="localhost/",direction="in",kind="binary"}"#;
const BINARY_OUT: &str =
    r#"aerys_messages_total{endpoint="localhost/",direction="out",kind="binary"}"#;
const TEXT_BYTES_IN: &str =
    r#"aerys_message_bytes_total{endpoint="localhost/",direction="in",kind="text"}"#;
const TEXT_BYTES_OUT: &str =
    r#"aerys_message_bytes_total{endpoint="localhost/",direction="out",kind="text"}"#;
const BINARY_BYTES_IN: &str =
    r#"aerys_message_bytes_total{endpoint="localhost/",direction="in",kind="binary"}"#;
const BINARY_BYTES_OUT: &str =
    r#"aerys_message_bytes_total{endpoint="localhost/",direction="out",kind="binary"}"#;
const WIRE_IN: &str = r#"aerys_wire_bytes_total{endpoint="localhost/",direction="in"}"#;
const WIRE_OUT: &str = r#"aerys_wire_bytes_total{endpoint="localhost/",direction="out"}"#;

#[tokio::test]
async fn an_echo_moves_what_it_is_and_no_more_whichever_way_it_goes() {
    for echo in [Echo::Awaited, Echo::NotAwaited, Echo::FromElsewhere] {
        let server = serve(echo, Options::new().heartbeat_period(None)).await;
        let mut peer = Peer::open(&server).await;

        let watch = Watch::over(&server);
        for text in ["a", "four", ""] {
            peer.say(TEXT, text.as_bytes()).await;
            assert_eq!(peer.hear().await, (0x80 | TEXT, text.as_bytes().to_vec()));
        }
        watch
            .moves(
                TRAFFIC,
                &[
                    (TEXT_IN, 3),
                    (TEXT_BYTES_IN, 5),
                    (WIRE_IN, 3 * 6 + 5),
                    (TEXT_OUT, 3),
                    (TEXT_BYTES_OUT, 5),
                    (WIRE_OUT, 3 * 2 + 5),
                ],
            )
            .await;

        // Some sizes take other ways: copied or not, read in place, in one frame or in several.
        let watch = Watch::over(&server);
        let (mut bytes, mut wire) = (0, 0);
        for len in [200_usize, 20_000, 300_000, 2_000_000] {
            let payload = vec![7; len];
            peer.say(BINARY, &payload).await;
            let mut heard = Vec::new();
            loop {
                let (first, part) = peer.hear().await;
                wire += part.len() as u64 + header(part.len());
                heard.extend(part);
                if first & 0x80 != 0 {
                    break;
                }
            }
            assert_eq!(heard, payload);
            bytes += len as u64;
        }
        watch
            .moves(
                TRAFFIC,
                &[
                    (BINARY_IN, 4),
                    (BINARY_BYTES_IN, bytes),
                    (WIRE_IN, bytes + 2 * 8 + 2 * 14),
                    (BINARY_OUT, 4),
                    (BINARY_BYTES_OUT, bytes),
                    (WIRE_OUT, wire),
                ],
            )
            .await;

        // Control frames are no messages.
        let watch = Watch::over(&server);
        peer.say(9, b"ping").await;
        assert_eq!(peer.hear().await, (0x8a, b"ping".to_vec()));
        peer.say(CLOSE, &1000_u16.to_be_bytes()).await;
        peer.ends().await;
        watch.moves(TRAFFIC, &[(WIRE_IN, 10 + 8), (WIRE_OUT, 6 + 4)]).await;
        server.stop().await;
    }
}

/// What a frame of the server's takes beside its payload.
fn header(len: usize) -> u64 {
    match len {
        ..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

#[tokio::test]
async fn a_broadcast_is_as_many_messages_as_clients_hear_it_and_a_walk_for_each_worker() {
    let options = Options::new().heartbeat_period(None);
    let host = Host::new("localhost").websocket_with("/", Echo::Awaited, options);
    let server = start(Server::new().host(host).listen("127.0.0.1:0").workers(2)).await;
    let endpoint: Endpoint = server.endpoint("/").expect("it is mounted");
    let mut peers = Vec::new();
    for _ in 0..5 {
        peers.push(Peer::open(&server).await);
    }
    let watch = Watch::over(&server);
    endpoint.broadcast("news").await;
    endpoint.broadcast(vec![0; 30_000]).await;
    for peer in &mut peers {
        assert_eq!(peer.hear().await, (0x80 | TEXT, b"news".to_vec()));
        assert_eq!(peer.hear().await.1.len(), 30_000);
    }
    watch
        .moves(
            TRAFFIC,
            &[
                (TEXT_OUT, 5),
                (TEXT_BYTES_OUT, 5 * 4),
                (BINARY_OUT, 5),
                (BINARY_BYTES_OUT, 5 * 30_000),
                (WIRE_OUT, 5 * (6 + 30_004)),
            ],
        )
        .await;
    let fan_outs = "aerys_fan_out_duration_seconds_count";
    let each = r#"aerys_fan_out_duration_seconds_count{endpoint="localhost/"}"#;
    watch.moves(&[fan_outs], &[(each, 2 * 2)]).await;
    watch.moves(&["aerys_queued_bytes", "aerys_slow_clients"], &[]).await;
    server.stop().await;
}
