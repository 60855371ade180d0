//! What a ClientHello may name that is not there, or no name: servers and protocols.

use std::net::SocketAddr;

use aerys::Host;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Authority, Echo, server, soon};

/// RFC 8446 §5.1: what a record is.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// RFC 8446 §6: an alert that ends the connection.
const FATAL: u8 = 2;

/// RFC 8446 §4.2, RFC 6066 §3, RFC 7301 §3.1.
const SERVER_NAME: [u8; 2] = [0, 0];
const PROTOCOLS: [u8; 2] = [0, 16];

/// Behind its length.
fn counted<const N: usize>(content: &[u8]) -> Vec<u8> {
    [&content.len().to_be_bytes()[size_of::<usize>() - N..], content].concat()
}

/// A ClientHello of TLS 1.2 with one more extension.
fn client_hello(extension: [u8; 2], content: &[u8]) -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x2f];
    // Curves, points and signatures of today.
    let usual = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    let extensions = [&usual[..], &extension, &counted::<2>(content)].concat();
    let hello =
        [&[3, 3][..], &[7; 32], &[0], &counted::<2>(&suites), &[1, 0], &counted::<2>(&extensions)]
            .concat();
    let message = [&[1][..], &counted::<3>(&hello)].concat();
    [&[HANDSHAKE, 3, 1][..], &counted::<2>(&message)].concat()
}

/// RFC 6066 §3: a list of one name, which is a host's.
fn server_name(name: &[u8]) -> Vec<u8> {
    client_hello(SERVER_NAME, &counted::<2>(&[&[0][..], &counted::<2>(name)].concat()))
}

/// RFC 7301 §3.1: a list of names.
fn protocols(names: &[&str]) -> Vec<u8> {
    let names: Vec<_> = names.iter().flat_map(|name| counted::<1>(name.as_bytes())).collect();
    client_hello(PROTOCOLS, &counted::<2>(&names))
}

/// What is answered: the type of a record, and what comes first in that.
async fn answer(address: SocketAddr, hello: &[u8]) -> (u8, [u8; 2]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(hello).await.unwrap();
    let mut record = [0; 7];
    soon(stream.read_exact(&mut record)).await.unwrap();
    (record[0], [record[5], record[6]])
}

#[tokio::test]
async fn whatever_server_is_named_the_handshake_goes_on_unless_that_is_no_name() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let host = Host::new("localhost").websocket("/", Echo);
    let server = server(authority.tls("own")).host(host).start().await.unwrap();
    let long = ["a"; 300].concat();
    for (name, goes_on) in [
        (&b"localhost"[..], true),
        (b"LocalHost", true),
        (b"unknown.example", true),
        (b"127.0.0.1", true),
        (b"", false),
        (b"no name", false),
        (b"a\0b", false),
        (b"a..b", false),
        (b"\xff", false),
        (long.as_bytes(), false),
    ] {
        let (kind, content) = answer(server.address(), &server_name(name)).await;
        let shown = String::from_utf8_lossy(name);
        if goes_on {
            // A ServerHello.
            assert_eq!((kind, content[0]), (HANDSHAKE, 2), "{shown}");
        } else {
            assert_eq!((kind, content[0]), (ALERT, FATAL), "{shown}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn one_of_the_protocols_has_to_be_spoken_if_there_are_any() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let host = Host::new("localhost").websocket("/", Echo);
    let server = server(authority.tls("own")).host(host).start().await.unwrap();
    for (names, goes_on) in [
        (&["http/1.1"][..], true),
        (&["gopher", "http/1.1"], true),
        (&["gopher"], false),
        (&["HTTP/1.1"], false),
    ] {
        let answer = answer(server.address(), &protocols(names)).await;
        // RFC 7301 §3.2: a fatal alert, `no_application_protocol`.
        let refused = answer == (ALERT, [FATAL, 120]);
        assert_eq!((refused, answer.0 == HANDSHAKE), (!goes_on, goes_on), "{names:?}");
    }
    server.stop().await;
}
