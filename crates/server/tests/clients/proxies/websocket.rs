//! Websockets through a proxy: as good as without one.

use std::time::Duration;

use aerys::Options;
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::proxy::Proxy;
use crate::{
    stage::{Stage, soon},
    tungstenite::Tungstenite,
};

#[tokio::test]
async fn messages_of_every_length_pass() {
    for proxy in Proxy::EACH {
        let mut stage = Stage::usual().await;
        let running = proxy.start(&stage.address(), &[]).await;
        let (mut client, _) = Tungstenite::open(&running.url("/echo")).await;
        for size in [0, 1, 126, 65_536, 1 << 20, (2 << 20) - 1] {
            client.echo(Message::text("x".repeat(size))).await;
            client
                .echo(Message::binary((0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>()))
                .await;
        }
        let goodbye = CloseFrame { code: CloseCode::from(4001), reason: "done".into() };
        let answer = client.leave(Some(goodbye)).await;
        assert_eq!(answer.map(|it| it.code.into()), Some(4001), "{proxy:?}");
        assert_eq!(stage.departure().await, "4001 done", "{proxy:?}");
        stage.strike().await;
    }
}

#[tokio::test]
async fn subprotocols_and_compression_are_agreed_on() {
    for proxy in Proxy::EACH {
        let stage = Stage::set(Options::new().subprotocols(["chat"])).await;
        let running = proxy.start(&stage.address(), &[]).await;
        let offers = [
            "Host: mysite.com",
            "Sec-WebSocket-Protocol: chat",
            "Sec-WebSocket-Extensions: permessage-deflate",
        ];
        let (mut client, head) = running.handshake("/echo", &offers).await;
        assert!(head.starts_with("http/1.1 101 "), "{proxy:?}: {head}");
        assert!(head.contains("\r\nsec-websocket-protocol: chat\r\n"), "{proxy:?}: {head}");
        assert!(
            head.contains("\r\nsec-websocket-extensions: permessage-deflate"),
            "{proxy:?}: {head}"
        );
        // RFC 7692 §7.2.3.1, masked with zeros.
        let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let frame = [&[0xC1, 0x80 | 7, 0, 0, 0, 0][..], &hello].concat();
        soon(client.write_all(&frame)).await.unwrap();
        let mut echo = [0; 7];
        soon(client.read_exact(&mut echo)).await.unwrap();
        // It is too short for the server to compress.
        assert_eq!(echo, *b"\x81\x05Hello", "{proxy:?}");
        drop(client);
        stage.strike().await;
    }
}

#[tokio::test]
async fn nginx_has_to_be_told_that_there_are_upgrades() {
    const UPGRADE: (&str, &str) = ("proxy_set_header Upgrade $http_upgrade;", "");
    const CONNECTION: (&str, &str) = ("proxy_set_header Connection $connection_upgrade;", "");
    const VERSION: (&str, &str) = ("proxy_http_version 1.1;", "");
    for (without, status) in [
        (&[UPGRADE][..], "426"),
        (&[CONNECTION], "400"),
        (&[VERSION], "505"),
        (&[UPGRADE, CONNECTION, VERSION], "505"),
    ] {
        let stage = Stage::usual().await;
        let running = Proxy::Nginx.start(&stage.address(), without).await;
        let (_, head) = running.handshake("/echo", &["Host: mysite.com"]).await;
        assert_eq!(head.split(' ').nth(1), Some(status), "without {without:?}: {head}");
        stage.strike().await;
    }
}

/// The lines that say how long both sides may be silent, and the same with two seconds.
const SILENCE: [(Proxy, (&str, &str)); 2] = [
    (Proxy::Nginx, ("proxy_read_timeout 60s;", "proxy_read_timeout 2s;")),
    (Proxy::Haproxy, ("timeout tunnel 60s", "timeout tunnel 2s")),
];

#[tokio::test]
async fn heartbeats_keep_a_silent_client_for_longer_than_the_proxy_waits() {
    join_all(SILENCE.map(async |(proxy, shorter)| {
        let stage = Stage::set(Options::new().heartbeat_period(Duration::from_millis(200))).await;
        let running = proxy.start(&stage.address(), &[shorter]).await;
        let (mut client, _) = Tungstenite::open(&running.url("/echo")).await;
        // It answers pings while it listens.
        tokio::select! {
            message = client.hear() => panic!("{proxy:?}: {message:?} was not to come"),
            () = sleep(Duration::from_secs(5)) => {}
        }
        client.echo(Message::text("still here")).await;
        client.leave(None).await;
        stage.strike().await;
    }))
    .await;
}

#[tokio::test]
async fn without_heartbeats_the_proxy_cuts_a_silent_client_off() {
    join_all(SILENCE.map(async |(proxy, shorter)| {
        let mut stage = Stage::set(Options::new().heartbeat_period(None)).await;
        let running = proxy.start(&stage.address(), &[shorter]).await;
        let (client, _) = Tungstenite::open(&running.url("/echo")).await;
        assert_eq!(stage.departure().await.trim_end(), "1006", "{proxy:?}");
        drop(client);
        stage.strike().await;
    }))
    .await;
}

#[tokio::test]
async fn a_stop_is_told_with_1001_and_then_the_proxy_answers() {
    for proxy in Proxy::EACH {
        let stage = Stage::usual().await;
        let running = proxy.start(&stage.address(), &[]).await;
        let (mut client, _) = Tungstenite::open(&running.url("/echo")).await;
        let (heard, ()) = tokio::join!(client.hear(), stage.strike());
        let Message::Close(Some(close)) = heard else { panic!("{proxy:?}: {heard:?}") };
        assert_eq!(close.code, CloseCode::Away, "{proxy:?}");
        let (_, head) = running.request(&["GET / HTTP/1.1", "Host: mysite.com"]).await;
        let unavailable = match proxy {
            Proxy::Nginx => "502",
            Proxy::Haproxy => "503",
        };
        assert_eq!(head.split(' ').nth(1), Some(unavailable), "{head}");
    }
}
