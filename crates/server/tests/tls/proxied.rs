//! TLS behind a header of the PROXY protocol, which comes in clear text before it.

use std::net::Ipv4Addr;

use aerys::{Accepted, Handshake, Host, Listener, Refusal, Server, Websocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Authority, soon};

struct Who;

impl Websocket for Who {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.client_ip().expect("it has come by TCP");
        let secure = handshake.is_secure() && handshake.tls().is_some();
        Ok(handshake.header("x-who", format!("{client} {secure}")).accept())
    }
}

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn tls_comes_behind_the_header_of_a_proxy_that_does_not_look_into_it() {
    let authority = Authority::new();
    authority.certify("server", &["localhost"]);
    let listener = Listener::from((Ipv4Addr::LOCALHOST, 0)).tls(authority.tls("server"));
    let server = Server::new()
        .listen(listener.proxy_protocol())
        .host(Host::new("localhost").websocket("/", Who))
        .trusted_proxies(["127.0.0.1"])
        .workers(1);
    let server = soon(server.start()).await.unwrap();
    let mut signature = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    signature.extend([203, 0, 113, 7, 127, 0, 0, 1, 0, 80, 1, 187]);
    for (header, client) in [
        (&b"PROXY TCP4 203.0.113.7 127.0.0.1 80 443\r\n"[..], "203.0.113.7"),
        (&signature, "203.0.113.7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(header).await.unwrap();
        let mut stream = authority.secure(stream, "localhost", None).await.unwrap();
        soon(stream.write_all(HANDSHAKE.as_bytes())).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains(&format!("x-who: {client} true\r\n")), "{head}");
    }
    // Without it, a handshake of TLS is none of the PROXY protocol.
    let stream = TcpStream::connect(server.address()).await.unwrap();
    assert!(authority.secure(stream, "localhost", None).await.is_err());
    soon(server.stop()).await;
}
