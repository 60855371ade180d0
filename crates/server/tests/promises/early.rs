//! What a client says right behind its handshake, without waiting for the answer, is heard.

use aerys::{Accepted, Client, Failure, Handshake, Message, Refusal, Websocket};
use tokio::task::yield_now;

use crate::common::{Raw, Running, frame, handshake, serve};

/// Echoes. At `/?slow` it lets nobody in at once.
struct Doorman;

impl Websocket for Doorman {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        if handshake.request().uri.query() == Some("slow") {
            yield_now().await;
        }
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).nowait();
        Ok(())
    }
}

/// A handshake, and messages of all lengths up to one, in so many bytes or a few more.
fn early(path: &str, size: usize, longest: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut sent, mut messages) = (handshake(path, "").into_bytes(), Vec::new());
    while sent.len() < size {
        let number = messages.len();
        let message = vec![number as u8; number % (longest + 1)];
        sent.extend(frame(2, &message));
        messages.push(message);
    }
    (sent, messages)
}

async fn is_heard(server: &Running, pieces: impl IntoIterator<Item = &[u8]>, messages: &[Vec<u8>]) {
    let mut raw = Raw::connect(server).await;
    raw.stream.send_at_once();
    for piece in pieces {
        raw.write(piece).await;
        // So that it may be read by itself.
        yield_now().await;
    }
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for message in messages {
        assert_eq!(raw.frame().await, (0x82, message.clone()));
    }
}

#[tokio::test]
async fn however_much_it_is_in_one_write() {
    let server = serve(Doorman).await;
    for path in ["/", "/?slow"] {
        for size in (256..20 * 1024).step_by(509).chain([8191, 8192, 8193, 16384, 100_000]) {
            let (sent, messages) = early(path, size, 130);
            is_heard(&server, [&*sent], &messages).await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn in_pieces_of_every_size() {
    let server = serve(Doorman).await;
    for path in ["/", "/?slow"] {
        let (sent, messages) = early(path, 500, 40);
        for size in 1..sent.len() {
            is_heard(&server, sent.chunks(size), &messages).await;
        }
        let (sent, messages) = early(path, 20_000, 130);
        for size in [1000, 4095, 4096, 4097, 8191, 8192, 8193, 16_384] {
            is_heard(&server, sent.chunks(size), &messages).await;
        }
    }
    server.stop().await;
}
