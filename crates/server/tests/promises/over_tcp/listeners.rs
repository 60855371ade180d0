//! Where a server listens: addresses, Unix sockets, sockets bound elsewhere.

use std::{net::TcpListener, time::Duration};

use aerys::{
    Accepted, Client, Failure, Handshake, Host, Listener, Message, Refusal, Running, Server,
    ServerError, Websocket,
};
use tokio::net::TcpStream;

use crate::common::{Raw, frame, soon};

/// Tells each client where it comes from, and echoes.
struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        assert_eq!(client.inspect().peer_addr, client.peer_addr());
        client.send(client.peer_addr().to_string()).await?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}

async fn start(listener: impl Into<Listener>) -> Result<Running, ServerError> {
    let host = Host::new("localhost").websocket("/", Echo);
    let server = Server::new().listen(listener).host(host).workers(1);
    soon(server.stop_period(Duration::from_secs(2)).start()).await
}

/// What it says to who does not start it.
async fn refused(listener: impl Into<Listener>) -> String {
    start(listener).await.expect_err("there is nothing to listen on").to_string()
}

#[tokio::test]
async fn an_address_may_be_text_and_is_refused_with_what_to_write_if_it_is_none() {
    for text in ["127.0.0.1:0", "[::1]:0"] {
        let server = start(text).await.expect("it is an address");
        let stream = soon(TcpStream::connect(server.address())).await.expect("it listens");
        let address = stream.local_addr().unwrap().to_string();
        let mut raw = Raw::from(stream);
        raw.upgrade("/").await;
        assert_eq!(raw.frame().await, (0x81, address.into_bytes()));
        server.stop().await;
    }
    for text in ["localhost:80", "80", "", "127.0.0.1", "http://127.0.0.1:80", "systemd:x"] {
        let said = refused(text).await;
        let begins = format!("cannot listen on {text}: write an IP address and a port");
        assert!(said.starts_with(&begins), "{said}");
    }
}

#[tokio::test]
async fn a_socket_may_be_bound_elsewhere() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let server = start(socket).await.expect("it listens already");
    assert_eq!(server.addresses(), [address]);
    let stream = soon(TcpStream::connect(address)).await.expect("it listens");
    let mut raw = Raw::from(stream);
    raw.upgrade("/").await;
    raw.frame().await;
    raw.write(frame(2, b"hello")).await;
    assert_eq!(raw.frame().await, (0x82, b"hello".to_vec()));
    server.stop().await;
}

/// One whose port others may have too.
#[cfg(unix)]
fn shared(address: impl Into<Listener>) -> Listener {
    address.into().reuse_port()
}

#[cfg(unix)]
#[tokio::test]
async fn a_port_that_is_shared_has_another_server_when_one_leaves() {
    /// Enough for either to be chosen, but for one run in more than there ever are.
    const MOST: usize = 100;
    let first = start(shared("127.0.0.1:0")).await.expect("nobody is there");
    let address = first.address();
    let second = start(shared(address)).await.expect("both share");
    let mut clients = Vec::new();
    let open = async || {
        let mut raw = Raw::from(soon(TcpStream::connect(address)).await.expect("it listens"));
        raw.upgrade("/").await;
        raw
    };
    let (here, there) = (first.endpoint::<()>("/").unwrap(), second.endpoint::<()>("/").unwrap());
    while here.is_empty() || there.is_empty() {
        assert!(clients.len() < MOST, "{} and {} of {MOST}", here.len(), there.len());
        clients.push(open().await);
    }
    assert_eq!(here.len() + there.len(), clients.len());
    // Who does not share is not let in, and who was there first is not shared with.
    let taken = format!("cannot listen on {address}: ");
    assert!(refused(address).await.starts_with(&taken));
    first.stop().await;
    let stayed = there.len();
    for _ in 0..20 {
        clients.push(open().await);
    }
    assert_eq!(there.len(), stayed + 20);
    second.stop().await;
    let alone = start(address).await.expect("nobody is there any more");
    assert!(refused(shared(address)).await.starts_with(&taken));
    alone.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_port_to_bind_is_not_shared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    for listener in [
        Listener::unix(&path),
        Listener::from(format!("unix:{}", path.display())),
        TcpListener::bind("127.0.0.1:0").unwrap().into(),
        Listener::systemd(0),
    ] {
        let said = refused(listener.reuse_port()).await;
        assert!(said.contains("only an IP address and a port that are bound here"), "{said}");
    }
    assert!(!path.exists());
}

#[cfg(unix)]
mod unix {
    use std::{fs, os::unix::net::UnixListener};

    use tokio::net::{UnixSocket, UnixStream};

    use super::*;
    use crate::common::handshake;

    const MIB: usize = 1024 * 1024;

    /// A hundred bytes of 7, compressed (RFC 7692 §7.2.1).
    const SEVENS: [u8; 6] = [0x62, 0x67, 0xa7, 0x3d, 0, 0];

    async fn connect(path: &std::path::Path) -> Raw<UnixStream> {
        Raw::from(soon(UnixStream::connect(path)).await.expect("the server listens"))
    }

    #[tokio::test]
    async fn an_application_is_served_over_a_unix_socket_as_over_tcp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let server = start(Listener::unix(&path)).await.expect("nothing is there");
        assert_eq!(server.addresses(), []);
        let mut raw = connect(&path).await;
        raw.upgrade("/").await;
        assert_eq!(raw.frame().await, (0x81, b"unix:".to_vec()));
        for size in [0, 1, 125, 126, 65_535, 65_536, MIB, 2 * MIB] {
            let message: Vec<u8> = (0..size).map(|i| (i * i / 7) as u8).collect();
            let (mut read, mut write) = raw.stream.split();
            let bytes = frame(2, &message);
            let sending = tokio::io::AsyncWriteExt::write_all(&mut write, &bytes);
            let mut echoed = Raw::from(&mut read);
            let hearing = async {
                let mut whole = Vec::new();
                while whole.len() < size || whole.is_empty() {
                    let (_, part) = echoed.frame().await;
                    whole.extend(part);
                    if size == 0 {
                        break;
                    }
                }
                whole
            };
            let (sent, whole) = soon(async { tokio::join!(sending, hearing) }).await;
            sent.unwrap();
            assert!(whole == message, "{size} bytes");
        }
        raw.write(frame(8, &4000_u16.to_be_bytes())).await;
        assert_eq!(raw.hear_close().await.0, 4000);
        assert_eq!(raw.rest().await, b"");
        // And HTTP, kept alive.
        let mut raw = connect(&path).await;
        for _ in 0..3 {
            raw.write("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            let head = raw.head().await;
            assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1).expect("it has a length");
            raw.bytes(length.lines().next().unwrap().parse().unwrap()).await;
        }
        server.stop().await;
        assert!(!path.exists(), "it is removed at the end");
    }

    #[tokio::test]
    #[cfg_attr(not(feature = "compression"), ignore = "nothing is compressed")]
    async fn compressed_messages_and_many_clients_come_through_a_unix_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let server = start(format!("unix:{}", path.display())).await.expect("nothing is there");
        let mut clients = Vec::new();
        for _ in 0..100 {
            let mut raw = connect(&path).await;
            let extra = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
            raw.write(handshake("/", extra)).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            raw.frame().await;
            clients.push(raw);
        }
        for raw in &mut clients {
            let mut message = frame(2, &SEVENS);
            message[0] |= 0x40;
            raw.write(message).await;
        }
        for raw in &mut clients {
            assert_eq!(raw.frame().await, (0x82, vec![7; 100]));
        }
        server.stop().await;
        for raw in &mut clients {
            assert_eq!(raw.hear_close().await.0, 1001);
        }
    }

    #[tokio::test]
    async fn a_peer_that_has_a_name_is_known_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, name) = (folder.path().join("a.sock"), folder.path().join("peer.sock"));
        let server = start(Listener::unix(&path)).await.expect("nothing is there");
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&name).unwrap();
        let mut raw = Raw::from(soon(socket.connect(&path)).await.unwrap());
        raw.upgrade("/").await;
        let shown = format!("unix:{}", name.display());
        assert_eq!(raw.frame().await, (0x81, shown.into_bytes()));
        server.stop().await;
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        let server = start(Listener::unix(&path)).await.expect("nobody listens there any more");
        let said = refused(Listener::unix(&path)).await;
        let shown = path.display();
        assert_eq!(
            said,
            format!("cannot listen on unix:{shown}: another program is listening there")
        );
        let mut raw = connect(&path).await;
        raw.upgrade("/").await;
        server.stop().await;
        fs::write(&path, "").unwrap();
        let said = refused(Listener::unix(&path)).await;
        assert_eq!(
            said,
            format!("cannot listen on unix:{shown}: a file is there that is no socket")
        );
        assert!(path.exists());
    }

    #[tokio::test]
    async fn one_bound_elsewhere_keeps_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let server = start(UnixListener::bind(&path).unwrap()).await.expect("it listens already");
        let mut raw = connect(&path).await;
        raw.upgrade("/").await;
        server.stop().await;
        assert!(path.exists());
    }
}
