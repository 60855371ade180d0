//! What `aerys -d` shows of connections.

mod common;

use std::process::Stdio;

use common::{
    server::{Server, aerys},
    soon,
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const HANDSHAKE: &str = "GET /echo HTTP/1.1\r\nHost: here.example:1337\r\nUpgrade: websocket\r\n\
                         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Says something and reads until `expected` has come.
async fn say(server: &Server, what: &[u8], expected: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(what).await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(expected) {
        let read = soon("an answer", stream.read_buf(&mut heard)).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
    }
    stream
}

#[tokio::test]
async fn connections_handshakes_and_ends_are_shown_with_who_and_why() {
    let mut command = aerys(&["--listen", "127.0.0.1:0", "-d", "--host", "here.example"]);
    let mut server = Server::spawn(command.stderr(Stdio::piped())).await;
    // A CLOSE with 4000 and a reason that would forge a line; a frame that is not masked.
    let close = [&[0x88, 0x85, 0, 0, 0, 0][..], &[0x0f, 0xa0], b"\nhi"].concat();
    let close = [HANDSHAKE.as_bytes(), &close].concat();
    let violation = [HANDSHAKE.as_bytes(), &[0x81, 0]].concat();
    let old = HANDSHAKE.replace("Version: 13", "Version: 8");
    let foreign = HANDSHAKE.replace("Upgrade: w", "Origin: http://evil.example\r\nUpgrade: w");
    let page = "GET / HTTP/1.1\r\nHost: here.example\r\nConnection: close\r\n\r\n";
    let said: [(&[u8], &str, &[&str]); 6] = [
        (
            &close,
            "\u{f}",
            &[
                "a connection was opened address={}",
                "a handshake was accepted endpoint=\"localhost/echo\" client=",
                "address={} client_ip=127.0.0.1 status=101",
                "address={} client_ip=127.0.0.1 code=4000 reason=\"\\nhi\" by=\"the client\"",
            ],
        ),
        (
            &violation,
            "not masked",
            &[
                "address={} client_ip=127.0.0.1 code=1002 reason=\"frame is not masked\" by=\"a violation\"",
            ],
        ),
        (
            HANDSHAKE.as_bytes(),
            "101",
            &["address={} client_ip=127.0.0.1 code=1006 reason=\"\" by=\"the network\""],
        ),
        (
            old.as_bytes(),
            "426",
            &[
                "a handshake was refused endpoint=\"localhost/echo\" address={} client_ip=127.0.0.1 status=426 \
                 why=\"send the header \\\"Sec-WebSocket-Version: 13\\\"",
            ],
        ),
        (foreign.as_bytes(), "403", &["origin=\"http://evil.example\" host=\"here.example:1337\""]),
        (page.as_bytes(), "</html>", &["a connection was closed address={}"]),
    ];
    let mut wanted = Vec::new();
    for (what, expected, lines) in said {
        let stream = say(&server, what, expected).await;
        let address = stream.local_addr().unwrap().to_string();
        wanted.extend(lines.iter().map(|line| line.replace("{}", &address)));
    }
    let mut stays = say(&server, HANDSHAKE.as_bytes(), "\r\n\r\n").await;
    let address = stays.local_addr().unwrap();
    wanted.push(format!(
        "address={address} client_ip=127.0.0.1 code=1001 reason=\"\" by=\"the server\""
    ));
    server.signal(Signal::TERM);
    let mut close = [0; 4];
    soon("the CLOSE", stays.read_exact(&mut close)).await.unwrap();
    assert_eq!(close, [0x88, 2, 0x03, 0xe9]);
    drop(stays);
    assert_eq!(server.ended().await.code(), Some(0));
    let log = server.complaints().await;
    for line in wanted {
        assert!(log.contains(&line), "{line}\n is not in\n{log}");
    }
}
