//! Certificates of an authority, as `docs/certificates.md` has them: its commands, with the real certbot, and with
//! pebble as the authority.
//!
//! `cargo test -p aerys-cli --test acme -- --ignored`; it takes `apt-get install certbot pebble`.

#[path = "../common/mod.rs"]
mod common;
mod names;
mod page;
mod pebble;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use common::{
    http, soon,
    tls::{connect, open, shown, trusting},
};
use futures_util::{SinkExt, StreamExt};
use page::Page;
use pebble::Pebble;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

const NAME: &str = "chat.example.org";

#[tokio::test]
#[ignore = "it takes certbot and pebble, and half a minute"]
async fn a_certificate_is_obtained_and_renewed_as_the_page_says_and_no_client_is_closed() {
    let pebble = Pebble::start().await;
    let root = pebble.root().await;
    let mut page = Page::open(&pebble);

    page.run("mkdir").await;
    let first = page.serve().await;
    // Nobody trusts it yet, and what is no challenge is led to it.
    assert!(connect(trusting(&root), first.address(), NAME).await.is_err());
    assert_eq!(http::get(page.clear(), "/").await.status, 301);
    page.run("certbot certonly").await;
    for change in ["chgrp", "chmod"] {
        page.run(change).await;
    }
    first.kill().await;

    let server = page.serve().await;
    let stream = connect(trusting(&root), server.address(), NAME).await.expect("it is trusted");
    let old = shown(&stream);
    let mut client = open(stream, "/echo").await;
    say(&mut client, "before").await;
    page.run("certbot renew").await;
    assert!(page.is_at_its_end(), "there are commands that nobody has run");
    let new = soon("the new certificate", async {
        loop {
            say(&mut client, "meanwhile").await;
            let stream = connect(trusting(&root), server.address(), NAME).await;
            match shown(&stream.expect("it is trusted")) {
                same if same == old => {}
                new => break new,
            }
        }
    });
    let new = new.await;
    say(&mut client, "after").await;
    let chain = fs::read(page.live().join("fullchain.pem")).unwrap();
    assert_eq!(pebble::certificate(&chain), new);
    assert_group_may_read(&page.live());
}

/// Says something and hears it.
async fn say(client: &mut WebSocketStream<TlsStream<TcpStream>>, text: &str) {
    client.send(Message::text(text)).await.expect("it is open");
    let heard = soon("the echo", client.next()).await.expect("it is open").expect("it is well");
    assert_eq!(heard, Message::text(text));
}

/// What certbot has renewed has the permissions that the old key was given.
fn assert_group_may_read(live: &Path) {
    let key = fs::canonicalize(live.join("privkey.pem")).unwrap();
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "{}", key.display());
}
