//! Handshakes by what they come to, and the clients that come of them.

use std::time::Duration;

use aerys::{Accepted, Handshake, Host, Listener, Options, Refusal, Server, Status, Websocket};
use tokio::time::sleep;

use crate::stage::{CLOSE, Peer, Watch, handshake, serve, start};

const HANDSHAKES: &[&str] = &["aerys_handshakes_", "aerys_clients{", "aerys_limits_hit_"];

const CLIENTS: &str = r#"aerys_clients{endpoint="localhost/"}"#;

/// Does what its query asks for.
struct Door;

impl Websocket for Door {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        match handshake.request().uri.query() {
            Some("refuse") => Err(handshake.refuse(Status::FORBIDDEN)),
            Some("fail") => Err(std::io::Error::other("a database is gone").into()),
            Some("panic") => panic!("a test panics"),
            Some("wait") => {
                sleep(Duration::from_secs(3600)).await;
                Ok(handshake.accept())
            }
            _ => Ok(handshake.accept()),
        }
    }
}

fn options() -> Options {
    Options::new().open_period(Duration::from_millis(200)).heartbeat_period(None)
}

fn outcome(outcome: &str) -> String {
    format!("aerys_handshakes_total{{endpoint=\"localhost/\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn each_handshake_counts_as_what_it_has_come_to() {
    let server = serve(Door, options()).await;
    let other_origin = "Origin: http://elsewhere.example\r\n";
    for (path, extra, status, counted) in [
        ("/?refuse", "", 403, "refused"),
        ("/?fail", "", 500, "failed"),
        ("/?panic", "", 500, "failed"),
        ("/?wait", "", 503, "timed_out"),
        ("/", other_origin, 403, "foreign_origin"),
    ] {
        let watch = Watch::over(&server);
        let mut peer = Peer::connect(&server).await;
        assert_eq!(peer.knock(path, extra).await, status, "{path}");
        watch.moves(HANDSHAKES, &[(&outcome(counted), 1)]).await;
    }

    let watch = Watch::over(&server);
    let mut peer = Peer::connect(&server).await;
    peer.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(peer.head().await.starts_with("HTTP/1.1 426 "));
    watch.moves(HANDSHAKES, &[(&outcome("invalid"), 1)]).await;

    let watch = Watch::over(&server);
    let mut peer = Peer::connect(&server).await;
    peer.write(handshake("/?wait", "")).await;
    drop(peer);
    watch.moves(HANDSHAKES, &[(&outcome("gone"), 1)]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_is_let_in_counts_until_it_goes_and_one_too_many_as_limited() {
    let server = serve(Door, options().max_clients(1)).await;
    let watch = Watch::over(&server);
    let mut first = Peer::open(&server).await;
    watch.moves(HANDSHAKES, &[(&outcome("accepted"), 1), (CLIENTS, 1)]).await;
    let watch_limit = Watch::over(&server);
    assert_eq!(Peer::connect(&server).await.knock("/", "").await, 503);
    let limit = r#"aerys_limits_hit_total{limit="clients"}"#;
    watch_limit.moves(HANDSHAKES, &[(&outcome("limited"), 1), (limit, 1)]).await;
    first.say(CLOSE, &[]).await;
    first.ends().await;
    watch
        .moves(HANDSHAKES, &[(&outcome("accepted"), 1), (&outcome("limited"), 1), (limit, 1)])
        .await;
    server.stop().await;
}

#[tokio::test]
async fn who_comes_while_the_server_is_drained_is_turned_away_and_counted() {
    let host = Host::new("localhost").websocket_with("/", Door, options());
    let drain = aerys::Drain::new().spread(Duration::from_secs(2));
    let server = Server::new().host(host).listen(Listener::from("127.0.0.1:0")).workers(1);
    let server = start(server.drain(drain).stop_period(Duration::from_secs(10))).await;
    let (metrics, watch) = (server.metrics(), Watch::over(&server));
    let mut early = Peer::connect(&server).await;
    let mut stays = Peer::open(&server).await;
    let draining = tokio::spawn(server.drain());
    crate::stage::eventually(|| metrics.snapshot().is_draining).await;
    assert_eq!(early.knock("/", "").await, 503);
    watch
        .moves(
            &["aerys_handshakes_", "aerys_draining"],
            &[(&outcome("accepted"), 1), (&outcome("stopping"), 1), ("aerys_draining", 1)],
        )
        .await;
    assert!(!metrics.snapshot().is_ready);
    assert_eq!(stays.hear().await.0, 0x80 | CLOSE);
    stays.say(CLOSE, &1001_u16.to_be_bytes()).await;
    draining.await.expect("it drains");
}
