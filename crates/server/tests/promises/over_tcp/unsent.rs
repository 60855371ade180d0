//! What waits, waits with us: the kernel takes little ahead of the peer, but for the large message that is
//! being written. The sockets are asked, of which a server of axum's lets the test have duplicates.

use aerys::{
    Accepted, Client, Failure, Handshake, Host, Message, Options, Refusal, Server, Websocket,
};
use axum::{Router, serve::ListenerExt};
use socket2::{SockRef, Socket};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::mpsc,
};

use crate::common::{Raw, Stream, eventually, frame, soon};

const USUAL: u32 = 64 * 1024;

/// Says as many bytes as it is asked for.
struct Says;

impl Websocket for Says {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let len = message.as_text().unwrap_or_default().parse()?;
        client.send(vec![7; len]).nowait();
        Ok(())
    }
}

fn unsent_limit(socket: &Socket) -> u32 {
    socket.tcp_notsent_lowat().expect("the kernel tells")
}

async fn ask(raw: &mut Raw, len: usize) {
    raw.write(frame(1, len.to_string().as_bytes())).await;
}

/// Reads what is said, in however many frames.
async fn hear(raw: &mut Raw, len: usize) {
    let mut heard = 0;
    while heard < len {
        heard += raw.frame().await.1.len();
    }
    assert_eq!(heard, len);
}

#[tokio::test]
async fn the_kernel_takes_more_ahead_of_the_peer_only_while_a_large_message_is_written() {
    let options = Options::new().max_queued_bytes(16 << 20);
    let host = Host::new("localhost").websocket_with("/", Says, options);
    let mount = Server::new().host(host).workers(1).mount().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (duplicates, mut sockets) = mpsc::unbounded_channel();
    let listener = listener.tap_io(move |stream| {
        duplicates.send(SockRef::from(&*stream).try_clone().unwrap()).unwrap();
    });
    let router = Router::new().route_service("/", mount.service());
    let serving = tokio::spawn(axum::serve(listener, router).into_future());

    let narrow = TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(4096).unwrap();
    let stream = soon(narrow.connect(address)).await.unwrap();
    let mut raw = Raw::from(Box::new(stream) as Stream);
    raw.upgrade("/").await;
    let socket = sockets.recv().await.unwrap();

    for large in [200 << 10, 4 << 20] {
        ask(&mut raw, 100 << 10).await;
        hear(&mut raw, 100 << 10).await;
        assert_eq!(unsent_limit(&socket), USUAL);
        ask(&mut raw, large).await;
        if large > 1 << 20 {
            // The peer has not read, so that it cannot be through.
            eventually(|| unsent_limit(&socket) > USUAL).await;
        }
        hear(&mut raw, large).await;
        eventually(|| unsent_limit(&socket) == USUAL).await;
    }
    drop(raw);
    serving.abort();
    mount.stop().await;
}
