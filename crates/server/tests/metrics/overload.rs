//! What is too much: queued bytes, slow clients, dropped messages, clients that had to go.

use aerys::{Endpoint, Host, Options, Overflow, Server};
use tokio::io::AsyncReadExt;

use crate::stage::{BINARY, Echo, Peer, TEXT, Watch, eventually, serve, soon, start};

const OVERLOAD: &[&str] =
    &["aerys_messages_dropped_", "aerys_messages_superseded_", "aerys_clients_evicted_"];

const QUEUED: &str = r#"aerys_queued_bytes{endpoint="localhost/"}"#;
const SLOW: &str = r#"aerys_slow_clients{endpoint="localhost/"}"#;

/// More than the kernel takes of a connection.
const MUCH: usize = 16 << 20;

/// What a message counts beside what is in it.
const OVERHEAD: u64 = 64;

#[tokio::test]
async fn what_a_client_does_not_read_is_queued_until_it_does() {
    let options = Options::new().heartbeat_period(None).max_queued_bytes(64 << 20);
    let server = serve(Echo::Awaited, options).await;
    let endpoint: Endpoint = server.endpoint("/").expect("it is mounted");
    let watch = Watch::over(&server);
    let mut peer = Peer::open(&server).await;
    // It takes as much as the kernel does; the rest waits, and what comes after waits whole.
    endpoint.broadcast(vec![0; MUCH]).nowait();
    for _ in 0..10 {
        endpoint.broadcast(vec![0; 1000]).nowait();
    }
    let queued = MUCH as u64 + OVERHEAD + 10 * (1000 + OVERHEAD);
    watch.moves(&["aerys_queued_", "aerys_slow_"], &[(QUEUED, queued), (SLOW, 1)]).await;
    let client = endpoint.clients().pop().expect("there is one");
    assert_eq!(client.inspect().queued_bytes as u64, queued);

    let mut left = MUCH + 10 * 1000;
    while left > 0 {
        left -= peer.hear().await.1.len();
    }
    watch.moves(&["aerys_queued_", "aerys_slow_"], &[]).await;

    // One that goes is owed nothing.
    endpoint.broadcast(vec![0; MUCH]).nowait();
    watch
        .moves(&["aerys_queued_", "aerys_slow_"], &[(QUEUED, MUCH as u64 + OVERHEAD), (SLOW, 1)])
        .await;
    drop(peer);
    watch.moves(&["aerys_queued_", "aerys_slow_"], &[]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_message_that_is_dropped_counts_by_why() {
    for (overflow, expected) in [
        (
            Overflow::DropNewest,
            (r#"aerys_messages_dropped_total{endpoint="localhost/",which="newest"}"#, 3),
        ),
        (
            Overflow::DropOldest,
            (r#"aerys_messages_dropped_total{endpoint="localhost/",which="oldest"}"#, 2),
        ),
        (
            Overflow::Close,
            (r#"aerys_clients_evicted_total{endpoint="localhost/",reason="overflow"}"#, 1),
        ),
    ] {
        let options = Options::new().heartbeat_period(None).overflow(overflow);
        let server = serve(Echo::Awaited, options.max_queued_bytes(1 << 20)).await;
        let endpoint: Endpoint = server.endpoint("/").expect("it is mounted");
        let mut peer = Peer::open(&server).await;
        let watch = Watch::over(&server);
        // One on its own may be as large as it is. It is begun, and can neither be dropped nor replaced.
        endpoint.broadcast(vec![0; MUCH]).nowait();
        let begun = || endpoint.clients().iter().any(|it| it.inspect().bytes_sent > 0);
        eventually(begun).await;
        for _ in 0..3 {
            endpoint.broadcast("one too many").nowait();
        }
        watch.moves(OVERLOAD, &[expected]).await;
        // Who is closed has it to the end, or is cut off.
        let mut rest = Vec::new();
        if overflow == Overflow::Close {
            let _ = soon(peer.0.read_to_end(&mut rest)).await;
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_message_whose_place_a_later_one_takes_counts() {
    let options = Options::new().heartbeat_period(None).max_queued_bytes(2 * MUCH);
    let server = serve(Echo::Awaited, options).await;
    let endpoint: Endpoint = server.endpoint("/").expect("it is mounted");
    let peer = Peer::open(&server).await;
    let watch = Watch::over(&server);
    endpoint.broadcast(vec![0; MUCH]).nowait();
    let begun = || endpoint.clients().iter().any(|it| it.inspect().bytes_sent > 0);
    eventually(begun).await;
    for _ in 0..3 {
        endpoint.broadcast("the latest").key("key").nowait();
    }
    let superseded = r#"aerys_messages_superseded_total{endpoint="localhost/"}"#;
    watch.moves(OVERLOAD, &[(superseded, 2)]).await;
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn who_has_to_go_since_others_need_the_memory_counts() {
    let options = Options::new().heartbeat_period(None).max_frame_size(1 << 20);
    let host = Host::new("localhost").websocket_with("/", Echo::Awaited, options);
    let server = Server::new().host(host).listen("127.0.0.1:0").workers(1);
    let server = start(server.max_inbound_bytes(100_000)).await;
    let watch = Watch::over(&server);
    let (mut first, mut second) = (Peer::open(&server).await, Peer::open(&server).await);
    // The beginning of a message of 512 KiB each.
    let mut begun = vec![0x80 | BINARY, 0x80 | 127];
    begun.extend((512_u64 << 10).to_be_bytes());
    begun.extend([0; 4 + 70_000]);
    first.write(&begun).await;
    eventually(|| {
        let received = &server.metrics().snapshot().endpoints[0].received;
        received.wire_bytes >= begun.len() as u64
    })
    .await;
    second.write(&begun).await;
    let evicted = r#"aerys_clients_evicted_total{endpoint="localhost/",reason="inbound_memory"}"#;
    watch.moves(OVERLOAD, &[(evicted, 1)]).await;
    assert_eq!(first.hear().await.0, 0x88);
    // The other goes on.
    second.write(vec![0; (512 << 10) - 70_000]).await;
    let mut left = 512 << 10;
    while left > 0 {
        left -= second.hear().await.1.len();
    }
    second.say(TEXT, b"still here").await;
    assert_eq!(second.hear().await.1, b"still here");
    server.stop().await;
}
