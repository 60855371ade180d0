//! The chat over HTTP/2: a browser that has a connection opens its websockets on streams of that (RFC 8441).

use std::{fs, process::Stdio};

use rcgen::generate_simple_self_signed;
use rustix::process::Signal;

use crate::{
    common::server::{Server, aerys},
    driver::Browser,
    tab::Tab,
};

#[tokio::test]
async fn two_people_chat_on_streams_of_http_2() {
    let folder = tempfile::tempdir().unwrap();
    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let tls = ["--tls-cert", certificate, "--tls-key", key];
    let mut command = aerys(&[&["--listen", "127.0.0.1:0", "-d"][..], &tls].concat());
    let mut server = Server::spawn(command.stderr(Stdio::piped())).await;
    // Of an authority that nobody knows; the name is the address.
    let browser = Browser::with(&["--ignore-certificate-errors"]).await;

    let ada = Tab::open(&browser, &server.page()).await;
    ada.join("Ada").await;
    let grace = Tab::open(&browser, &server.page()).await;
    grace.join("Grace").await;
    grace.is_told("note", "You joined as Grace. Also here: Ada.").await;
    ada.is_told("joined", "Grace joined").await;
    ada.say("Is that one connection?").await;
    grace.hears("Ada", "Is that one connection?").await;
    grace.say("With a stream for each of us.").await;
    ada.hears("Grace", "With a stream for each of us.").await;
    assert_eq!(browser.errors().await, [""; 0]);

    server.signal(Signal::TERM);
    ada.is_lost().await;
    grace.is_lost().await;
    assert!(server.ended().await.success());
    let log = server.complaints().await;
    let of = |words: &str| log.lines().filter(|line| line.contains(words)).collect::<Vec<_>>();
    let accepted = of("a handshake was accepted");
    assert_eq!(accepted.len(), 2, "{log}");
    for line in &accepted {
        assert!(
            line.contains("endpoint=\"localhost/chat\"") && line.contains("status=200"),
            "{line}"
        );
    }
    // 1001, from us.
    assert_eq!(of("code=1001 reason=\"\" by=\"the server\"").len(), 2, "{log}");
    browser.close().await.unwrap();
}
