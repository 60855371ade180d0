//! Handshakes that come to nothing.

use std::time::{Duration, Instant};

use aerys::Host;
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Authority, Echo, echo, server, soon};

const CLIENTS: usize = 300;
const PERIOD: Duration = Duration::from_secs(2);

#[tokio::test]
async fn those_that_do_not_go_on_are_ended_in_time_and_hurt_nobody() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let host = Host::new("localhost").websocket("/", Echo);
    let server = server(authority.tls("own")).head_period(PERIOD).host(host).start().await.unwrap();
    let mut socket = authority.open(server.address(), None).await.unwrap();
    let address = server.address();
    let unfinished = (0..CLIENTS).map(async |number| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Nothing at all, or what a ClientHello begins with.
        stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0][..number % 8]).await.unwrap();
        stream
    });
    let began = Instant::now();
    let mut unfinished = join_all(unfinished).await;
    assert_eq!(echo(&mut socket, "beside them").await, "beside them");
    for stream in &mut unfinished {
        assert_eq!(soon(stream.read(&mut [0; 1])).await.unwrap_or_default(), 0);
    }
    assert!(began.elapsed() >= PERIOD, "{:?}", began.elapsed());
    assert_eq!(echo(&mut socket, "still here").await, "still here");
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_tls_is_answered_an_alert_and_ended() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let host = Host::new("localhost").websocket("/", Echo);
    let server = server(authority.tls("own")).host(host).start().await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await;
    // RFC 8446 §5.1, §6: an alert, and a fatal one.
    assert_eq!((answer.first(), answer.get(5)), (Some(&21), Some(&2)), "{answer:?}");
    server.stop().await;
}
