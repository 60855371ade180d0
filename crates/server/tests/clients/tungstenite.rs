//! tokio-tungstenite, which knows no compression.

use std::time::Duration;

use aerys::{CloseCode, Options};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message,
        handshake::client::Response,
        protocol::{
            CloseFrame, WebSocketConfig,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};

use crate::stage::{Stage, eventually, soon};

pub(crate) struct Tungstenite(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Tungstenite {
    pub(crate) async fn open(url: &str) -> (Self, Response) {
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let opened = soon(connect_async_with_config(url, Some(config), false)).await;
        let (stream, response) = opened.expect("the server lets it in");
        (Self(stream), response)
    }

    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        soon(self.0.send(message.into())).await.expect("the server takes it");
    }

    /// The next message that is no ping.
    pub(crate) async fn hear(&mut self) -> Message {
        loop {
            let message = soon(self.0.next()).await.expect("the server is there");
            match message.expect("the server is well") {
                Message::Ping(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn echo(&mut self, message: Message) {
        self.say(message.clone()).await;
        // The messages themselves are too long to be shown.
        assert!(self.hear().await == message, "{} bytes came back as others", message.len());
    }

    /// Closes, hears the answer, and waits until the socket has ended.
    pub(crate) async fn leave(mut self, frame: Option<CloseFrame>) -> Option<CloseFrame> {
        soon(self.0.close(frame)).await.expect("the server hears it");
        let answer = match self.hear().await {
            Message::Close(answer) => answer,
            other => panic!("not a close: {other:?}"),
        };
        assert!(soon(self.0.next()).await.is_none(), "the socket ends");
        answer
    }
}

#[tokio::test]
async fn messages_of_every_length_come_back_as_they_were() {
    let mut stage = Stage::usual().await;
    let (mut client, response) = Tungstenite::open(&stage.url("/echo")).await;
    assert_eq!(response.headers().get("sec-websocket-extensions"), None, "none was offered");
    for size in [0, 1, 125, 126, 65_535, 65_536, 100 << 10, 1 << 20, (2 << 20) - 1] {
        client.echo(Message::text("é水 𝄞 ".repeat(size / 11) + &"x".repeat(size % 11))).await;
        client.echo(Message::binary((0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>())).await;
    }
    client.leave(None).await;
    let (departure, stats) = stage.account().await;
    assert_eq!(departure.trim_end(), "1005");
    assert_eq!((stats.messages_read, stats.messages_sent), (18, 18));
    stage.strike().await;
}

#[tokio::test]
async fn fragments_with_pings_in_between_come_back_as_one_message() {
    let stage = Stage::usual().await;
    let (mut client, _) = Tungstenite::open(&stage.url("/echo")).await;
    // In the middle of a character, which is nobody's business before the message is whole.
    let text = "été 水".repeat(20_000).into_bytes();
    let pieces: Vec<Bytes> = text.chunks(50_001).map(Bytes::copy_from_slice).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let code = if i == 0 { Data::Text } else { Data::Continue };
        let last = i + 1 == pieces.len();
        client.say(Message::Frame(Frame::message(piece.clone(), OpCode::Data(code), last))).await;
        if !last {
            client.say(Message::Ping(Bytes::from(vec![i as u8]))).await;
            assert_eq!(client.hear().await, Message::Pong(Bytes::from(vec![i as u8])));
        }
    }
    assert!(client.hear().await.into_data() == text);
    client.leave(None).await;
    stage.strike().await;
}

#[tokio::test]
async fn pings_are_answered_in_both_directions() {
    let options = Options::new().heartbeat_period(Duration::from_millis(50));
    let mut stage = Stage::set(options).await;
    let (mut client, _) = Tungstenite::open(&stage.url("/echo")).await;
    for payload in ["", "are you there?", &"x".repeat(125)] {
        client.say(Message::Ping(payload.to_owned().into())).await;
        assert_eq!(client.hear().await, Message::Pong(payload.to_owned().into()));
    }
    let guest = stage.guest().await;
    assert_eq!(guest.inspect().messages_read, 0);
    // It answers pings while it listens.
    tokio::select! {
        message = client.hear() => panic!("{message:?} was not to come"),
        () = eventually(|| guest.inspect().round_trip.is_some()) => {}
    }
    client.leave(None).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_close_is_heard_with_its_code_and_reason_on_both_sides() {
    let mut stage = Stage::usual().await;
    let frame = |code: u16, reason: &str| {
        Some(CloseFrame { code: code.into(), reason: reason.to_owned().into() })
    };
    for (code, reason) in [(1000, ""), (1001, "hydrating"), (4999, "c'était beau")] {
        let (client, _) = Tungstenite::open(&stage.url("/echo")).await;
        let answer = client.leave(frame(code, reason)).await;
        assert_eq!(answer.map(|it| it.code.into()), Some(code));
        assert_eq!(stage.account().await.0, format!("{code} {reason}"));
    }
    for (code, reason) in [(1000, ""), (1012, "moving house"), (4000, "c'était beau")] {
        let (mut client, _) = Tungstenite::open(&stage.url("/echo")).await;
        let guest = stage.guest().await;
        guest.close().code(CloseCode::new(code).unwrap()).reason(reason).nowait();
        assert_eq!(client.hear().await, Message::Close(frame(code, reason)));
        assert!(soon(client.0.next()).await.is_none(), "the socket ends");
        assert_eq!(stage.departure().await, format!("{code} {reason}"));
    }
    stage.strike().await;
}
