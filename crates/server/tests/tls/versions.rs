//! Versions that are spoken no more.

use std::{net::SocketAddr, process::Stdio};

use aerys::Host;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

use super::{Authority, Echo, server, soon};

/// RFC 8446 §5.1: what a record is.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// SSL 3.0, TLS 1.0 and 1.1, by the second number of their versions.
const OLD: [u8; 3] = [0, 1, 2];

/// RFC 5246 §7.4.1.2: a ClientHello of one who speaks nothing newer than 3.`minor`.
fn client_hello(minor: u8) -> Vec<u8> {
    // ECDHE and RSA with AES and SHA-1, and what servers of today have with version 3.3.
    let suites = [0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f, 0xc0, 0x2b, 0xc0, 0x2f];
    // RFC 8422 §5.1: which curves, and how points are written.
    // RFC 5246 §7.4.1.4.1: what it takes for signed.
    let extensions =
        [0, 10, 0, 6, 0, 4, 0, 29, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 8, 0, 6, 4, 3, 4, 1, 8, 4];
    let mut hello = vec![3, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0, suites.len() as u8]);
    hello.extend(suites);
    hello.extend([1, 0, 0, extensions.len() as u8]);
    hello.extend(extensions);
    let mut record =
        vec![HANDSHAKE, 3, minor, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    record
}

/// What is answered to it: the type of a record, and what comes first in that.
async fn answer(address: SocketAddr, minor: u8) -> (u8, [u8; 2]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&client_hello(minor)).await.unwrap();
    let mut record = [0; 7];
    soon(stream.read_exact(&mut record)).await.unwrap();
    (record[0], [record[5], record[6]])
}

/// Whether the handshake is refused for its version.
async fn refuses(address: SocketAddr, minor: u8) -> bool {
    // RFC 8446 §6: a fatal alert, `protocol_version`.
    answer(address, minor).await == (ALERT, [2, 70])
}

#[tokio::test]
async fn who_speaks_nothing_newer_than_tls_1_1_is_told_that_it_is_not_spoken() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let host = Host::new("localhost").websocket("/", Echo);
    let server = server(authority.tls("own")).host(host).start().await.unwrap();
    for minor in OLD {
        assert!(refuses(server.address(), minor).await, "3.{minor}");
    }
    server.stop().await;
}

/// A server that is not particular, on a port of its own.
async fn start_openssl(authority: &Authority, version: &str) -> (Child, SocketAddr) {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-www", version]);
    // Keys and digests of that time.
    command.args(["-cipher", "ALL:@SECLEVEL=0"]);
    command.arg("-cert").arg(authority.path("own.pem"));
    command.arg("-key").arg(authority.path("own.key"));
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("this test needs apt-get install openssl");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = soon(lines.next_line()).await.unwrap().expect("openssl says where it listens");
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            return (child, address.parse().expect("it is an address"));
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_tls_1_0_and_1_1_is_found_out() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    for (version, minor) in [("-tls1", 1), ("-tls1_1", 2)] {
        let (_server, address) = start_openssl(&authority, version).await;
        // RFC 5246 §7.4: it goes on, with a ServerHello.
        let (kind, [message, _]) = answer(address, minor).await;
        assert_eq!((kind, message), (HANDSHAKE, 2), "3.{minor}");
        assert!(!refuses(address, minor).await, "3.{minor}");
    }
}

/// There is no such server to be had any more that speaks SSL 3.0.
#[tokio::test]
async fn a_server_that_speaks_anything_would_be_found_out() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 11];
            stream.read_exact(&mut hello).await.unwrap();
            // The beginning of a ServerHello of the version that was asked for.
            let agreed = [HANDSHAKE, 3, hello[10], 0, 6, 2, 0, 0, 2, 3, hello[10]];
            stream.write_all(&agreed).await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    for minor in OLD {
        assert!(!refuses(address, minor).await, "3.{minor}");
    }
}
