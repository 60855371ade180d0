//! The binary within TLS.

mod common;

use std::{fs, net::SocketAddr};

use common::{
    http,
    server::{Server, run},
    soon,
    tls::{connect, open, pinning, shown, trusting},
};
use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use tokio_tungstenite::tungstenite::Message;

/// The SHA-256 that the binary prints of the certificate that it has made.
async fn fingerprint(server: &mut Server) -> String {
    let line = server.line().await;
    let fingerprint = line.strip_prefix("The certificate is self-signed: SHA-256 ");
    let fingerprint = fingerprint.unwrap_or_else(|| panic!("no fingerprint in {line:?}"));
    assert_eq!(fingerprint.len(), 32 * 3 - 1, "{fingerprint}");
    fingerprint.to_owned()
}

/// Where it listens in clear text.
async fn redirecting(server: &mut Server) -> SocketAddr {
    let line = server.line().await;
    let address = line.strip_prefix("Redirecting http://").and_then(|it| it.strip_suffix(" to it"));
    address.unwrap_or_else(|| panic!("no address in {line:?}")).parse().expect("it is one")
}

/// Whether one who trusts a certificate by this fingerprint speaks with the server.
async fn is_known_by(server: SocketAddr, fingerprint: &str) -> bool {
    connect(pinning(fingerprint), server, "localhost").await.is_ok()
}

#[tokio::test]
async fn for_a_first_try_it_makes_a_certificate_and_tells_its_fingerprint() {
    let mut server = Server::start(&["--tls-self-signed"]).await;
    assert!(server.page().starts_with("https://"), "{}", server.page());
    let fingerprint = fingerprint(&mut server).await;
    let stream = connect(pinning(&fingerprint), server.address(), "localhost").await.unwrap();
    let certificate = shown(&stream);
    let mut socket = open(stream, "/echo").await;
    socket.send(Message::text("within")).await.unwrap();
    let echoed = soon("the echo", socket.next()).await.unwrap().unwrap();
    assert_eq!(echoed, Message::text("within"));
    // Who takes it in among those that are trusted reaches this machine by all its own names, and by no other.
    for (name, is_named) in
        [("localhost", true), ("127.0.0.1", true), ("::1", true), ("mysite.com", false)]
    {
        let connected = connect(trusting(&certificate), server.address(), name).await;
        assert_eq!(connected.is_ok(), is_named, "{name}");
    }
    drop(socket);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn each_run_has_a_certificate_of_its_own() {
    let mut first = Server::start(&["--tls-self-signed"]).await;
    let mut second = Server::start(&["--tls-self-signed"]).await;
    let of_first = fingerprint(&mut first).await;
    let of_second = fingerprint(&mut second).await;
    assert_ne!(of_first, of_second);
    assert!(is_known_by(first.address(), &of_first).await);
    assert!(!is_known_by(first.address(), &of_second).await);
    assert!(is_known_by(second.address(), &of_second).await);
}

#[tokio::test]
async fn it_is_one_certificate_or_the_other() {
    let both = ["--tls-self-signed", "--tls-cert", "a.pem", "--tls-key", "a.key"];
    let ended = run(&both).await;
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("--tls-self-signed") && said.contains("--tls-cert"), "{said}");
}

#[tokio::test]
async fn clear_text_is_redirected_and_challenges_are_answered_there() {
    let folder = tempfile::tempdir().unwrap();
    let challenges = folder.path().join(".well-known/acme-challenge");
    fs::create_dir_all(&challenges).unwrap();
    fs::write(challenges.join("token"), "token.thumbprint").unwrap();
    let webroot = folder.path().to_str().unwrap();
    let arguments = ["--tls-self-signed", "--redirect-http", "127.0.0.1:0"];
    let arguments = [&arguments[..], &["--acme-webroot", webroot]].concat();
    let mut server = Server::start(&arguments).await;
    let clear = redirecting(&mut server).await;
    let port = server.address().port();
    let answer = http::get(clear, "/chat?room=1").await;
    let location = format!("https://127.0.0.1:{port}/chat?room=1");
    assert_eq!((answer.status, answer.header("location")), (301, &*location));
    let fingerprint = fingerprint(&mut server).await;
    assert!(is_known_by(server.address(), &fingerprint).await);
    let answer = http::get(clear, "/.well-known/acme-challenge/token").await;
    assert_eq!((answer.status, &*answer.body), (200, "token.thumbprint"));
}

#[tokio::test]
async fn challenges_are_answered_before_there_is_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let challenges = folder.path().join(".well-known/acme-challenge");
    fs::create_dir_all(&challenges).unwrap();
    fs::write(challenges.join("token"), "token.thumbprint").unwrap();
    let server = Server::start(&["--acme-webroot", folder.path().to_str().unwrap()]).await;
    let answer = http::get(server.address(), "/.well-known/acme-challenge/token").await;
    assert_eq!((answer.status, &*answer.body), (200, "token.thumbprint"));
    assert_eq!(http::get(server.address(), "/").await.status, 200);
}
