//! The application's side of one connection: `on_open`, then `on_data` message by message, and
//! beside them `on_close`.

mod mount;

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use aerys_proto::Ending;
use http::HeaderMap;

pub(crate) use self::mount::{Application, BoxFuture, Mount, Opening};
use crate::{
    app::{Accepted, Client, Departure, Fault, Handshake, Websocket, tried},
    connection::{Line, desk::Desk},
    error::{Refusal, Status},
    log::{self, Brief, Said},
    runtime::{Handler, Panicked, Place, Worker, caught},
};

/// The handlers of one connection on their way to their ends. Polled by the connection's own task
/// only.
pub(crate) struct Session {
    handlers: BoxFuture<'static, ()>,
    /// Whether they wait for what comes next and for nothing else.
    waits: bool,
}

impl Session {
    pub(crate) fn new<W, S>(
        mount: Arc<Mount<W, S>>,
        handshake: Handshake<S>,
        line: Arc<Line>,
    ) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        let place = mount.place();
        let has_opened = AtomicBool::new(false);
        let stay = Stay { mount, accepted: handshake.accepted(), line, place, has_opened };
        // The one box of a connection: its application's state, of whatever type.
        Self { handlers: Box::pin(run(stay, Box::new(handshake))), waits: false }
    }

    /// Lets the application decide whether to open. Nothing has come yet.
    pub(crate) fn open(&mut self, line: &Line, cx: &mut Context<'_>) -> Poll<()> {
        let mut desk = None;
        let outcome = self.poll(&mut desk, line, cx);
        if let Some(desk) = &mut desk {
            desk.tray.hand_in(&line.outbox);
        }
        Desk::leave(&mut desk);
        outcome
    }

    /// Whether it waits for what comes next, and nothing has.
    pub(crate) fn waits(&self, desk: Option<&Desk>) -> bool {
        self.waits && desk.is_none_or(|desk| desk.inbox.is_clear())
    }

    /// Lets the application go on with what is on the desk.
    pub(crate) fn poll(
        &mut self,
        desk: &mut Option<Box<Desk>>,
        line: &Line,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if self.waits(desk.as_deref()) {
            return Poll::Pending;
        }
        let outcome = Desk::lend(desk, &line.outbox, || {
            let outcome = self.handlers.as_mut().poll(cx);
            // What was broadcast leaves before the next client's turn.
            Worker::end_here();
            outcome
        });
        self.waits = desk.as_mut().is_some_and(|desk| desk.inbox.was_awaited());
        outcome
    }
}

/// What all that runs for one connection shares.
struct Stay<W, S> {
    mount: Arc<Mount<W, S>>,
    accepted: Accepted<S>,
    line: Arc<Line>,
    place: Place,
    /// Whether `on_open` has returned, having accepted.
    has_opened: AtomicBool,
}

impl<W, S> Stay<W, S> {
    /// Says that `on_open` or `on_data` is about to run.
    fn begin(&self) {
        let has_opened = self.has_opened.load(Ordering::Relaxed);
        let handler = if has_opened { Handler::OnData } else { Handler::OnOpen };
        Worker::begin_here(self.place, handler);
    }
}

/// The whole session: `on_open` and `on_data`, and beside them `on_close`.
#[expect(clippy::manual_async_fn, reason = "it would have room for its arguments twice")]
fn run<W, S>(stay: Stay<W, S>, handshake: Box<Handshake<S>>) -> impl Future<Output = ()> + Send
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    async move {
        let stay = &stay;
        let mut handlers = pin!(handlers(stay, handshake));
        let (mut is_done, mut has_parted) = (false, false);
        // Made when it is due: until then it needs no room.
        let mut parting = None;
        poll_fn(move |cx| {
            if !is_done {
                stay.begin();
                is_done = handlers.as_mut().poll(cx).is_ready();
            }
            if is_done && stay.accepted.get().is_none() {
                return Poll::Ready(());
            }
            if !has_parted && (parting.is_some() || stay.line.has_departed()) {
                let parting = parting.get_or_insert_with(|| Box::pin(farewell(stay)));
                Worker::begin_here(stay.place, Handler::OnClose);
                has_parted = parting.as_mut().poll(cx).is_ready();
            }
            if is_done && has_parted { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[expect(clippy::manual_async_fn, reason = "it would have room for its arguments twice")]
fn handlers<W, S>(
    stay: &Stay<W, S>,
    handshake: Box<Handshake<S>>,
) -> impl Future<Output = ()> + Send
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    async move {
        let Stay { mount, accepted, line, .. } = stay;
        let outcome = caught(move || mount.app.on_open(*handshake)).await;
        if line.shut() {
            return line.refuse(refusal(outcome, mount.path()));
        }
        let Some(client) = accepted.get() else { return };
        line.opened();
        stay.has_opened.store(true, Ordering::Relaxed);
        stay.begin();
        if let Err(fault) =
            outcome.map_err(Fault::from).and_then(|it| it.map(drop).map_err(Fault::from))
        {
            fault.punish(client, "on_open");
        }
        loop {
            let Some(message) = line.next_message().await else { return };
            if let Err(fault) = tried(move || mount.app.on_data(client, message)).await {
                fault.punish(client, "on_data");
            }
        }
    }
}

async fn farewell<W, S>(stay: &Stay<W, S>)
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let Stay { mount, accepted, line, .. } = stay;
    let close = line.departure().await;
    // A peer may vanish while `on_open` has not decided yet.
    let client = poll_fn(|_| accepted.get().map_or(Poll::Pending, Poll::Ready)).await;
    client.endpoint().registry().leave(client.id());
    let (id, address) = (client.id().as_u64(), client.peer_addr());
    let (code, reason) = (close.code.as_u16(), Said(close.reason.as_bytes()));
    let by = line.ending().map(author);
    log::event!(
        DEBUG, at mount.path(), { client = id, %address, code, %reason, by },
        "a client has gone"
    );
    let gone = Departure::new(client.clone(), close);
    if let Err(panic) = caught(|| mount.app.on_close(&gone)).await {
        Fault::from(panic).report(client.endpoint(), Some(client), "on_close");
    }
    line.outbox.departed();
}

/// Who began the end, in words.
fn author(ending: Ending) -> &'static str {
    match ending {
        Ending::Peer => "the client",
        Ending::Violation => "a violation",
        Ending::Local => "the server",
        _ => "the network",
    }
}

/// Whatever ends the session, also the end of its runtime, nobody is left waiting for the client.
impl<W, S> Drop for Stay<W, S> {
    fn drop(&mut self) {
        self.line.gone();
        self.line.outbox.departed();
        self.line.outbox.fall_silent();
        if let Some(client) = self.accepted.get() {
            client.endpoint().registry().leave(client.id());
        }
    }
}

/// The answer to a client that `on_open` did not accept.
fn refusal<S>(outcome: Result<Result<Client<S>, Refusal>, Panicked>, path: &str) -> Refusal {
    let internal = || Refusal::new(Status::INTERNAL_SERVER_ERROR, HeaderMap::new());
    let refusal = match outcome {
        Ok(Err(refusal)) => refusal,
        Err(panic) => {
            let panic = Brief(panic);
            log::event!(ERROR, at path, { %panic }, "on_open panicked; the peer is answered 500");
            internal()
        }
        Ok(Ok(other)) => {
            let client = other.id();
            log::event!(
                WARN, at path, { %client },
                "on_open answered with a client that it did not accept in time"
            );
            internal()
        }
    };
    if let Some(failure) = refusal.cause().filter(|failure| !failure.is_silent()) {
        let failure = Brief(failure);
        log::event!(ERROR, at path, { %failure }, "on_open failed; the peer is answered 500");
    }
    refusal
}
