//! Every server does what it is measured at.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use ::tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{Bytes, Error, Message},
};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use futures_util::{SinkExt, Stream, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    join,
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A server in a process of its own, which ends with this.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(name: &str, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(["serve", name, "--address", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("ready ").expect("it listens").to_owned();
        Self { process, address }
    }

    async fn connect(&self, path: &str) -> Client {
        within(connect_async(format!("ws://{}{path}", self.address))).await.unwrap().0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(60), future).await.expect("it comes in time")
}

/// The next message that is text or binary.
async fn heard<C>(client: &mut C) -> Message
where
    C: Stream<Item = Result<Message, Error>> + Unpin,
{
    loop {
        let message = within(client.next()).await.expect("the server stays").unwrap();
        if message.is_text() || message.is_binary() {
            return message;
        }
    }
}

/// Of this length, and unlike another of another length; not all of it is ASCII.
fn text(len: usize) -> Message {
    let mut text = format!("{len} ");
    text.truncate(len);
    while text.len() + 2 <= len {
        text.push('ä');
    }
    text.extend((text.len()..len).map(|_| '#'));
    Message::text(text)
}

fn binary(len: usize) -> Message {
    Message::binary((0..len).map(|at| (at * 7 + len) as u8).collect::<Bytes>())
}

async fn echoes_every_message(name: &str) {
    let server = Server::start(name, &[]);
    is_echoed_every_message(server.connect("/echo").await).await;
}

/// To a client that trusts the server's certificate, and checks what is signed with its key.
async fn echoes_every_message_over_tls(name: &str) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name, pem: String| {
        let path = folder.path().join(name);
        fs::write(&path, pem).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let (certificate, key) = (write("pem", cert.pem()), write("key", signing_key.serialize_pem()));
    let server = Server::start(name, &["--tls-cert", &certificate, "--tls-key", &key]);

    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = within(TcpStream::connect(&server.address)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = within(connector.connect("localhost".try_into().unwrap(), stream)).await.unwrap();
    let url = format!("wss://{}/echo", server.address);
    is_echoed_every_message(within(client_async(url, stream)).await.unwrap().0).await;
}

async fn is_echoed_every_message<S>(client: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server may begin its answer before it has all of the message: who sends must also read.
    let (mut sender, mut receiver) = client.split();
    for len in [0, 1, 20, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20] {
        for message in [text(len), binary(len)] {
            let sent = within(sender.send(message.clone()));
            let (sent, echo) = join!(sent, heard(&mut receiver));
            sent.unwrap();
            assert!(echo == message, "{len} bytes");
        }
    }
    let many: Vec<_> = (0..16).flat_map(|at| [text(at * 100), binary(at * 200)]).collect();
    for message in &many {
        sender.feed(message.clone()).await.unwrap();
    }
    within(sender.flush()).await.unwrap();
    for message in many {
        assert!(heard(&mut receiver).await == message);
    }
    within(sender.send(Message::Ping(Bytes::from_static(b"there?")))).await.unwrap();
    let pong = within(receiver.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"there?")));
    within(sender.send(Message::Close(None))).await.unwrap();
    let answer = within(receiver.next()).await.unwrap();
    assert!(matches!(answer, Ok(Message::Close(_))), "{answer:?}");
}

/// Spoken by hand, since the client above cannot compress (RFC 7692 §7.2).
async fn echoes_what_is_compressed(name: &str) {
    let server = Server::start(name, &["--compression"]);
    let mut stream = within(TcpStream::connect(&server.address)).await.unwrap();
    within(stream.write_all(HANDSHAKE)).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains("permessage-deflate"), "{head}");

    let text = text(10_000).into_data();
    let mut payload = Vec::with_capacity(text.len());
    let mut deflater = Compress::new(Compression::default(), false);
    deflater.compress_vec(&text, &mut payload, FlushCompress::Sync).unwrap();
    payload.truncate(payload.len() - EMPTY_BLOCK.len());
    let len = u8::try_from(payload.len()).expect("it is less than 126");
    within(stream.write_all(&[0xc1, 0x80 | len, 0, 0, 0, 0])).await.unwrap();
    within(stream.write_all(&payload)).await.unwrap();

    assert_eq!(within(stream.read_u8()).await.unwrap(), 0xc1, "a compressed text");
    let mut echo = vec![0; within(stream.read_u8()).await.unwrap().into()];
    within(stream.read_exact(&mut echo)).await.unwrap();
    echo.extend(EMPTY_BLOCK);
    let mut inflated = Vec::with_capacity(text.len() + 1);
    Decompress::new(false).decompress_vec(&echo, &mut inflated, FlushDecompress::Sync).unwrap();
    assert!(inflated == text);
}

async fn broadcasts_to_everyone(name: &str) {
    let server = Server::start(name, &[]);
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(server.connect("/broadcast").await);
    }
    // Whoever hears its own message is there for the others' as well.
    for (at, client) in clients.iter_mut().enumerate() {
        within(client.send(text(10 + at))).await.unwrap();
        while heard(client).await != text(10 + at) {}
    }
    for len in [0, 64, 1024, 100_000] {
        for message in [text(len), binary(len)] {
            within(clients[1].send(message.clone())).await.unwrap();
            for client in &mut clients {
                while heard(client).await != message {}
            }
        }
    }
    for client in &mut clients {
        within(client.send(Message::Close(None))).await.unwrap();
        let answer = within(client.next()).await.unwrap();
        assert!(matches!(answer, Ok(Message::Close(_))), "{answer:?}");
    }
}

/// More is published than sockets hold before one of the clients begins to read.
async fn keeps_what_a_slow_reader_has_not_taken(name: &str) {
    let server = Server::start(name, &[]);
    let mut slow = server.connect("/broadcast").await;
    let mut publisher = server.connect("/broadcast").await;
    // Whoever hears its own message is there for the others' as well.
    within(slow.send(text(10))).await.unwrap();
    while heard(&mut slow).await != text(10) {}
    let messages: Vec<_> = (0..150).map(|at| binary(100_000 + at)).collect();
    for message in &messages {
        within(publisher.send(message.clone())).await.unwrap();
        while heard(&mut publisher).await != *message {}
    }
    for message in messages {
        assert!(heard(&mut slow).await == message);
    }
}

const HANDSHAKE: &[u8] = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// What a compressed message ends with, and is sent without.
const EMPTY_BLOCK: [u8; 4] = [0, 0, 0xff, 0xff];

macro_rules! servers {
    ($($module:ident is $name:literal and does $($promise:ident)*;)*) => {$(
        mod $module {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise($name).await;
            })*
        }
    )*};
}

servers! {
    floor is "floor" and does echoes_every_message;
    floor_tokio is "floor-tokio" and does echoes_every_message echoes_every_message_over_tls;
    floor_rustls is "floor-rustls" and does echoes_every_message_over_tls;
    floor_broadcast is "floor-broadcast" and does
        echoes_every_message broadcasts_to_everyone keeps_what_a_slow_reader_has_not_taken;
    aerys is "aerys" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone
        echoes_what_is_compressed;
    aerys_await is "aerys-await" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone
        echoes_what_is_compressed;
    fastwebsockets is "fastwebsockets" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone;
    tokio_websockets is "tokio-websockets" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone;
    tokio_tungstenite is "tokio-tungstenite" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone;
    axum is "axum" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone;
    actix_ws is "actix-ws" and does echoes_every_message broadcasts_to_everyone;
    sockudo_ws is "sockudo-ws" and does
        echoes_every_message broadcasts_to_everyone echoes_what_is_compressed;
    sockudo_ws_flush is "sockudo-ws-flush" and does
        echoes_every_message broadcasts_to_everyone echoes_what_is_compressed;
    yawc is "yawc" and does
        echoes_every_message echoes_every_message_over_tls broadcasts_to_everyone
        echoes_what_is_compressed;
}
