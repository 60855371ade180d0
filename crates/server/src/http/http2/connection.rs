//! One connection: its streams begin here, and it ends when there is nothing left to wait for.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::FutureExt;
use h2::{Ping, PingPong, Reason, RecvStream, server};
use http::Request;
use tokio::time::{Sleep, sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    Begun, CONNECTION_WINDOW, MAX_STREAMS, MAX_TASKS, STREAM_WINDOW,
    frame_socket::FrameSocket,
    liveness::{Liveness, Look},
    resets::ResetBudget,
    stream,
};
use crate::{
    driver::ConnectionTask,
    http_server::{
        AcceptContext, Entrance, linger::linger, service::Service, socket::Socket,
        stall::StallTimer, upgrade::Slot,
    },
    log,
    metrics::Protocol,
    runtime::clock,
    transport::{
        Transport,
        http2::{Http2, MAX_UNSENT, Payload, StreamSet},
    },
};

/// How long the last frames of a connection may take.
const CLOSE_PERIOD: Duration = Duration::from_secs(5);

type H2Connection<T> = server::Connection<FrameSocket<T>, Payload>;
type Respond = server::SendResponse<Payload>;

/// Serves a connection that speaks HTTP/2 until it is closed. Its streams may outlive it, but learn of that.
pub(in crate::http_server) async fn serve<T: Transport>(_: Http2, begun: Begun<T>) {
    let Begun { transport, read, came, entrance, context } = begun;
    let _speaking = entrance.speak(Protocol::Http2);
    let (address, limits) = (entrance.peer.client_addr(), context.limits());
    let socket = Arc::new(Socket::new(transport));
    let frames = FrameSocket::new(Arc::clone(&socket), read);
    let head_size = u32::try_from(limits.max_head_size).unwrap_or(u32::MAX);
    let mut builder = server::Builder::new();
    builder
        .enable_connect_protocol()
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_window_size(STREAM_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(head_size)
        .max_send_buffer_size(MAX_UNSENT);
    let begun = tokio::select! {
        begun = builder.handshake(frames) => begun,
        () = context.stop.cancelled() => return,
        () = sleep_until((came + limits.head_period).into()) => return,
    };
    let mut h2 = match begun {
        Ok(h2) => h2,
        Err(error) => {
            log::event!(DEBUG, { %address, client_ip = address.shown_ip(), %error }, "an HTTP connection ended early");
            return;
        }
    };
    log::event!(DEBUG, { %address, client_ip = address.shown_ip() }, "a connection speaks HTTP/2");
    let mut stall = StallTimer::new(limits.stall_period, 0);
    let stop = context.stop.clone();
    let end = {
        let mut connection = Connection {
            pings: h2.ping_pong(),
            h2,
            socket: Arc::clone(&socket),
            streams: Arc::default(),
            tasks: Arc::default(),
            refused: 0,
            resets: ResetBudget::new(came),
            liveness: Liveness::new(limits.stall_period),
            idle: Some(Box::pin(sleep_until((came + limits.head_period).into()))),
            stage: Stage::Serving(Box::pin(stop.clone().cancelled_owned())),
            entrance,
            context,
        };
        poll_fn(|cx| {
            if let Poll::Ready(end) = connection.poll(cx) {
                return Poll::Ready(end);
            }
            stall.poll(&*socket, cx).map(|()| End::Stalled)
        })
        .await
    };
    match end {
        End::Done => {}
        End::Failed(error) => {
            log::event!(DEBUG, { %address, client_ip = address.shown_ip(), %error }, "an HTTP connection ended early");
        }
        End::Silent => {
            log::event!(DEBUG, { %address, client_ip = address.shown_ip() }, "a client answers no PING: cut off");
            return;
        }
        End::Stalled => {
            log::event!(DEBUG, { %address, client_ip = address.shown_ip() }, "a client reads too little of a response: cut off");
            socket.transport.reset_on_close();
            return;
        }
    }
    linger(&socket, true, &mut stall, &stop).await;
}

/// Why a connection is over.
enum End {
    Done,
    Failed(h2::Error),
    /// The peer is not there any more.
    Silent,
    /// The peer takes nothing.
    Stalled,
}

struct Connection<T: Transport> {
    h2: H2Connection<T>,
    pings: Option<PingPong>,
    socket: Arc<Socket<T>>,
    streams: Arc<StreamSet>,
    /// There is one more than tasks of streams.
    tasks: Arc<()>,
    /// How many streams were refused.
    refused: u64,
    resets: ResetBudget,
    liveness: Liveness,
    /// Runs while there is no stream.
    idle: Option<Pin<Box<Sleep>>>,
    stage: Stage,
    entrance: Entrance,
    context: Arc<AcceptContext>,
}

enum Stage {
    /// Until the server stops.
    Serving(Pin<Box<WaitForCancellationFutureOwned>>),
    /// The streams that there are may end.
    Stopping,
    /// Everything has ended but the last frames, for which there is so much time.
    Closing(Pin<Box<Sleep>>),
}

impl<T: Transport> Connection<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            self.streams.begin_write(cx);
            let next = self.h2.poll_accept(cx);
            self.streams.end_write(self.socket.is_full());
            self.streams.gather();
            match next {
                Poll::Ready(Some(Ok((request, respond)))) => self.accept(request, respond),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(End::Failed(error)),
                Poll::Ready(None) => return Poll::Ready(End::Done),
                Poll::Pending => match self.poll_stage(cx) {
                    Poll::Ready(Some(end)) => return Poll::Ready(end),
                    // H2 has something to say.
                    Poll::Ready(None) => {}
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Begins with a stream, in a task of its own.
    fn accept(&mut self, request: Request<RecvStream>, mut respond: Respond) {
        let is_refused =
            !matches!(self.stage, Stage::Serving(_)) || Arc::strong_count(&self.tasks) > MAX_TASKS;
        if is_refused {
            // RFC 9113 §8.7: nothing has come of it, so that it may be sent again.
            respond.send_reset(Reason::REFUSED_STREAM);
            self.refused += 1;
            return;
        }
        let (context, entrance) = (Arc::clone(&self.context), self.entrance.clone());
        let service = Service::new(context, entrance, Slot::default());
        let (open, task) = (self.streams.open(), Arc::clone(&self.tasks));
        let stream = ConnectionTask::new(stream::serve(request, respond, service, open));
        self.entrance.worker.spawn(stream.map(move |()| drop(task)));
    }

    /// Ready with the end, or when h2 has to go on.
    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        if let Stage::Closing(time) = &mut self.stage {
            return time.as_mut().poll(cx).map(|()| Some(End::Done));
        }
        let resets = self.streams.resets() + self.refused;
        if self.resets.is_behind(resets) && !self.resets.allows(resets, clock::read().instant) {
            let address = self.entrance.peer.client_addr();
            log::event!(WARN, { %address, client_ip = address.shown_ip() }, "a client has too many streams reset: cut off");
            return self.close(Reason::ENHANCE_YOUR_CALM);
        }
        let is_idle = self.streams.open_streams() == 0;
        match &mut self.stage {
            Stage::Serving(stop) => {
                if stop.as_mut().poll(cx).is_ready() {
                    self.stage = Stage::Stopping;
                    self.h2.graceful_shutdown();
                    return Poll::Ready(None);
                }
            }
            Stage::Stopping if is_idle => return self.close(Reason::NO_ERROR),
            Stage::Stopping | Stage::Closing(_) => {}
        }
        if is_idle {
            self.liveness.rest();
            let period = self.context.limits().head_period;
            let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(period)));
            return match idle.as_mut().poll(cx) {
                Poll::Ready(()) => self.close(Reason::NO_ERROR),
                Poll::Pending => Poll::Pending,
            };
        }
        self.idle = None;
        self.poll_liveness(cx)
    }

    fn poll_liveness(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        if let Some(pings) = &mut self.pings {
            // Which one is answered does not matter.
            let _ = pings.poll_pong(cx);
        }
        loop {
            match ready!(self.liveness.poll(&self.socket, cx)) {
                Look::Alive => {}
                Look::Silent => {
                    if let Some(pings) = &mut self.pings {
                        // If it fails, one is on its way.
                        let _ = pings.send_ping(Ping::opaque());
                    }
                    return Poll::Ready(None);
                }
                Look::Gone => return Poll::Ready(Some(End::Silent)),
            }
        }
    }

    /// Says why, and ends: RFC 9113 §6.8.
    fn close(&mut self, reason: Reason) -> Poll<Option<End>> {
        self.h2.abrupt_shutdown(reason);
        self.stage = Stage::Closing(Box::pin(sleep(CLOSE_PERIOD)));
        Poll::Ready(None)
    }
}
