//! Connections by listener, and by what they speak; certificates.

use std::{fs, time::Duration};

use aerys::{Host, Listener, Options, Running, Server, Tls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;

use crate::stage::{CLOSE, Echo, Peer, Watch, eventually, soon, start};

const CONNECTIONS: &[&str] = &["aerys_connections{", "aerys_connections_acc", "aerys_connection_"];

fn host() -> Host {
    let options = Options::new().heartbeat_period(None);
    Host::new("localhost").websocket_with("/", Echo::Awaited, options)
}

/// What is said of the listener with this number.
fn sample(server: &Running, listener: usize, family: &str, protocol: &str) -> String {
    let listener = server.addresses()[listener];
    let protocol = match protocol {
        "" => String::new(),
        protocol => format!(",protocol=\"{protocol}\""),
    };
    format!("aerys_{family}{{listener=\"{listener}\"{protocol}}}")
}

#[tokio::test]
async fn a_connection_counts_at_its_listener_and_by_what_it_speaks() {
    let server = Server::new().host(host()).listen("127.0.0.1:0").listen("127.0.0.1:0");
    let server = start(server.workers(2)).await;
    let sample = |family, protocol| sample(&server, 0, family, protocol);
    let (accepted, open) = (sample("connections_accepted_total", ""), "connections");
    let begun = "connection_protocols_total";

    let watch = Watch::over(&server);
    let mut peer = Peer::connect(&server).await;
    let http = [(&*accepted, 1), (&*sample(open, "http1"), 1), (&*sample(begun, "http1"), 1)];
    watch.moves(CONNECTIONS, &http).await;
    assert_eq!(peer.knock("/", "").await, 101);
    let websocket = [
        (&*accepted, 1),
        (&*sample(begun, "http1"), 1),
        (&*sample(open, "websocket"), 1),
        (&*sample(begun, "websocket"), 1),
    ];
    watch.moves(CONNECTIONS, &websocket).await;
    peer.say(CLOSE, &[]).await;
    peer.ends().await;
    let over = [(&*accepted, 1), (&*sample(begun, "http1"), 1), (&*sample(begun, "websocket"), 1)];
    watch.moves(CONNECTIONS, &over).await;

    // A request that is no handshake is HTTP all the time.
    let watch = Watch::over(&server);
    let mut peer = Peer::connect(&server).await;
    peer.write("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    peer.ends().await;
    watch.moves(CONNECTIONS, &[(&accepted, 1), (&sample(begun, "http1"), 1)]).await;
    server.stop().await;
}

#[tokio::test]
async fn http2_counts_as_such_and_so_does_what_speaks_nothing_yet() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes());
    let server = Server::new()
        .host(host())
        .listen(Listener::from("127.0.0.1:0").http2_prior_knowledge())
        .listen(Listener::from("127.0.0.1:0").tls(tls));
    let server = start(server.workers(1)).await;
    let accepted = |listener| sample(&server, listener, "connections_accepted_total", "");
    let open = |listener, protocol| sample(&server, listener, "connections", protocol);
    let begun =
        |listener, protocol| sample(&server, listener, "connection_protocols_total", protocol);

    let watch = Watch::over(&server);
    let stream = soon(TcpStream::connect(server.addresses()[0])).await.unwrap();
    let (requests, connection) =
        soon(h2::client::handshake(stream)).await.expect("it speaks HTTP/2");
    let connection = tokio::spawn(connection);
    let http2 = [(&*accepted(0), 1), (&*open(0, "http2"), 1), (&*begun(0, "http2"), 1)];
    watch.moves(CONNECTIONS, &http2).await;
    drop(requests);
    soon(connection).await.unwrap().expect("it ends well");
    watch.moves(CONNECTIONS, &[(&accepted(0), 1), (&begun(0, "http2"), 1)]).await;

    let watch = Watch::over(&server);
    let silent = soon(TcpStream::connect(server.addresses()[1])).await.unwrap();
    let none = [(&*accepted(1), 1), (&*open(1, "none"), 1), (&*begun(1, "none"), 1)];
    watch.moves(CONNECTIONS, &none).await;
    drop(silent);
    watch.moves(CONNECTIONS, &[(&accepted(1), 1), (&begun(1, "none"), 1)]).await;
    server.stop().await;
}

#[tokio::test]
async fn certificates_count_when_they_are_read_anew_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let renew = || {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&chain, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
    };
    renew();
    let listener = Listener::from("127.0.0.1:0").tls(Tls::new(&chain, &key));
    let server = start(Server::new().host(host()).listen(listener).workers(1)).await;
    let watch = Watch::over(&server);
    renew();
    assert_eq!(server.reload_certificates().await.expect("it fits"), 1);
    let ok = r#"aerys_certificate_reloads_total{outcome="ok"}"#;
    watch.moves(&["aerys_certificate_"], &[(ok, 1)]).await;
    fs::write(&key, "no key").unwrap();
    server.reload_certificates().await.expect_err("it is no key");
    let refused = r#"aerys_certificate_reloads_total{outcome="refused"}"#;
    watch.moves(&["aerys_certificate_"], &[(ok, 1), (refused, 1)]).await;
    server.stop().await;
}

#[tokio::test]
async fn who_is_turned_away_by_a_limit_counts_there_and_was_accepted() {
    let server = Server::new().host(host()).listen("127.0.0.1:0").max_connections(1).workers(1);
    let server = start(server).await;
    let accepted = sample(&server, 0, "connections_accepted_total", "");
    let _stays = Peer::open(&server).await;
    let watch = Watch::over(&server);
    Peer::connect(&server).await.ends().await;
    let limit = r#"aerys_limits_hit_total{limit="connections"}"#;
    watch.moves(&["aerys_limits_", "aerys_connections_acc"], &[(limit, 1), (&accepted, 1)]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_says_which_version_it_is_since_when_and_that_it_is_ready() {
    let server = start(Server::new().host(host()).listen("127.0.0.1:0").workers(1)).await;
    let metrics = server.metrics();
    let snapshot = metrics.snapshot();
    assert_eq!(snapshot.version, env!("CARGO_PKG_VERSION"));
    assert!(snapshot.started.elapsed().unwrap() < Duration::from_secs(100));
    assert!(snapshot.is_ready && !snapshot.is_draining);
    let text = metrics.prometheus();
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("aerys_build_info{{version=\"{version}\"}} 1\n");
    assert!(text.contains(&build) && text.contains("aerys_ready 1\n"), "{text}");
    server.stop().await;
    eventually(|| !metrics.snapshot().is_ready).await;
}
