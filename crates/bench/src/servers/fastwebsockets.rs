//! `fastwebsockets`, behind hyper.
//!
//! Its reads cannot be given up half-way, so that a broadcast reads and writes in two halves.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use anyhow::{Context as _, Result};
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocket,
    WebSocketError, WebSocketWrite, upgrade::UpgradeFut,
};
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    try_join,
};

use super::{LIMIT, Settings, endpoint::Endpoint, hub::Hub};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let hub = Hub::new();
    super::hyper::serve(settings, move |request| answer(request, &hub))
}

fn answer(mut request: Request<Incoming>, hub: &Hub<Message>) -> Result<Response<Empty<Bytes>>> {
    let endpoint = Endpoint::on(request.uri().path()).context("no endpoint has this path")?;
    let (response, websocket) = fastwebsockets::upgrade::upgrade(&mut request)?;
    match endpoint {
        Endpoint::Echo => drop(tokio::spawn(echo(websocket))),
        Endpoint::Broadcast => drop(tokio::spawn(broadcast(websocket, hub.clone()))),
    }
    Ok(response)
}

async fn echo(websocket: UpgradeFut) -> Result<()> {
    let stream = Flushed(websocket.await?.into_inner());
    let mut websocket = WebSocket::after_handshake(stream, Role::Server);
    websocket.set_max_message_size(LIMIT + 1);
    let mut websocket = FragmentCollector::new(websocket);
    loop {
        let frame = websocket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => websocket.write_frame(frame).await?,
            _ => {}
        }
    }
}

/// What TLS has not written yet it writes when it is flushed, which a collector of fragments cannot be told to do: so it is
/// before it is read from. A socket in clear has nothing to flush.
struct Flushed<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Flushed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // If it cannot be all, it is tried again when there is room.
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.0).poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flushed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What is sent to a client: a message of everyone's, or an answer to its own control frame.
#[derive(Clone)]
struct Message {
    opcode: OpCode,
    payload: Bytes,
}

impl From<Frame<'_>> for Message {
    fn from(frame: Frame<'_>) -> Self {
        let payload = match frame.payload {
            Payload::Bytes(payload) => payload.freeze(),
            Payload::Owned(payload) => payload.into(),
            Payload::Borrowed(payload) => Bytes::copy_from_slice(payload),
            Payload::BorrowedMut(payload) => Bytes::copy_from_slice(payload),
        };
        Self { opcode: frame.opcode, payload }
    }
}

async fn broadcast(websocket: UpgradeFut, hub: Hub<Message>) -> Result<()> {
    let mut websocket = websocket.await?;
    websocket.set_max_message_size(LIMIT + 1);
    let (reader, writer) = websocket.split(|stream| {
        let (reader, writer) = tokio::io::split(stream);
        (reader, BufWriter::new(writer))
    });
    let mut subscription = hub.subscribe();
    let answers = subscription.sender.clone();
    let reading = read(FragmentCollectorRead::new(reader), answers, hub);
    try_join!(reading, write(writer, &mut subscription.queue))?;
    Ok(())
}

async fn read<R>(
    mut reader: FragmentCollectorRead<R>,
    answers: UnboundedSender<Message>,
    hub: Hub<Message>,
) -> Result<()>
where
    R: AsyncRead + Unpin,
{
    let mut answer = |frame: Frame<'_>| {
        let sent = answers.send(Message::from(frame));
        std::future::ready(sent.map_err(|_| WebSocketError::ConnectionClosed))
    };
    loop {
        let frame = reader.read_frame(&mut answer).await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => hub.broadcast(&Message::from(frame)),
            _ => {}
        }
    }
}

/// Writes all that is queued, then flushes once; until a close frame is written.
async fn write<W>(
    mut writer: WebSocketWrite<W>,
    queue: &mut UnboundedReceiver<Message>,
) -> Result<()>
where
    W: AsyncWrite + Unpin,
{
    while let Some(first) = queue.recv().await {
        let mut next = Some(first);
        while let Some(Message { opcode, payload }) = next {
            let payload = Payload::Borrowed(&payload);
            writer.write_frame(Frame::new(true, opcode, None, payload)).await?;
            next = queue.try_recv().ok();
        }
        writer.flush().await?;
        if writer.is_closed() {
            return Ok(());
        }
    }
    Ok(())
}
