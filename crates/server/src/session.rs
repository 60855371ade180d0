//! The application's side of one connection: `on_open`, then `on_data` message by message, and
//! beside them `on_close`.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::HeaderMap;
use tracing::{error, warn};

use crate::{
    Client, Departure, Handshake, Refusal, Status, Websocket,
    desk::Desk,
    fault::{Fault, caught, tried},
    handshake::Accepted,
    line::Line,
    mount::{BoxFuture, Mount},
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
        // The one box of a connection: its application's state, of whatever type.
        Self { handlers: Box::pin(run(mount, handshake, line)), waits: false }
    }

    /// Lets the application decide whether to open. Nothing has come yet.
    pub(crate) fn open(&mut self, line: &Line, cx: &mut Context<'_>) -> Poll<()> {
        let mut desk = None;
        let outcome = self.poll(&mut desk, line, cx);
        if let Some(desk) = &mut desk {
            desk.tray.clear(&line.outbox);
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
        let outcome = Desk::lend(desk, &line.outbox, || self.handlers.as_mut().poll(cx));
        self.waits = desk.as_mut().is_some_and(|desk| desk.inbox.was_awaited());
        outcome
    }
}

async fn run<W, S>(mount: Arc<Mount<W, S>>, handshake: Handshake<S>, line: Arc<Line>)
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let accepted = handshake.accepted();
    let _membership = Membership { accepted: &accepted, line: &line };
    let mut handlers = pin!(handlers(&mount, handshake, &accepted, &line));
    let mut is_done = false;
    // Made when it is due: until then it needs no room.
    let mut parting = None;
    let mut has_parted = false;
    poll_fn(|cx| {
        is_done = is_done || handlers.as_mut().poll(cx).is_ready();
        if is_done && accepted.get().is_none() {
            return Poll::Ready(());
        }
        if !has_parted && (parting.is_some() || line.has_departed()) {
            let farewell = || Box::pin(farewell(&mount, &accepted, &line));
            has_parted = parting.get_or_insert_with(farewell).as_mut().poll(cx).is_ready();
        }
        if is_done && has_parted { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn handlers<W, S>(
    mount: &Mount<W, S>,
    handshake: Handshake<S>,
    accepted: &Accepted<S>,
    line: &Line,
) where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let outcome = caught(|| mount.app.on_open(handshake)).await;
    if line.shut() {
        return line.refuse(refusal(outcome, mount.path()));
    }
    let Some(client) = accepted.get() else { return };
    line.opened();
    if let Err(fault) = outcome.and_then(|result| result.map(drop).map_err(Fault::from)) {
        fault.punish(client, "on_open");
    }
    while let Some(message) = line.next_message().await {
        if let Err(fault) = tried(|| mount.app.on_data(client, message)).await {
            fault.punish(client, "on_data");
        }
    }
}

async fn farewell<W, S>(mount: &Mount<W, S>, accepted: &Accepted<S>, line: &Line)
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let close = line.departure().await;
    // A peer may vanish while `on_open` has not decided yet.
    let client = poll_fn(|_| accepted.get().map_or(Poll::Pending, Poll::Ready)).await;
    client.endpoint().registry().leave(client.id());
    let gone = Departure::new(client.clone(), close);
    if let Err(fault) = caught(|| mount.app.on_close(&gone)).await {
        fault.report(client.endpoint(), Some(client), "on_close");
    }
    line.outbox.departed();
}

/// Whatever ends the session, also the end of its runtime, nobody is left waiting for the client.
struct Membership<'s, S> {
    accepted: &'s Accepted<S>,
    line: &'s Line,
}

impl<S> Drop for Membership<'_, S> {
    fn drop(&mut self) {
        self.line.gone();
        self.line.outbox.departed();
        if let Some(client) = self.accepted.get() {
            client.endpoint().registry().leave(client.id());
        }
    }
}

/// The answer to a client that `on_open` did not accept.
fn refusal<S>(outcome: Result<Result<Client<S>, Refusal>, Fault>, path: &str) -> Refusal {
    let internal = || Refusal::new(Status::INTERNAL_SERVER_ERROR, HeaderMap::new());
    let refusal = match outcome {
        Ok(Err(refusal)) => refusal,
        Err(Fault::Failed(failure)) => failure.into(),
        Err(Fault::Panicked(panic)) => {
            error!(path, panic, "on_open panicked; the peer is answered 500");
            internal()
        }
        Ok(Ok(other)) => {
            let client = other.id();
            warn!(path, %client, "on_open answered with a client that it did not accept in time");
            internal()
        }
    };
    if let Some(failure) = refusal.cause().filter(|failure| !failure.is_silent()) {
        error!(path, %failure, "on_open failed; the peer is answered 500");
    }
    refusal
}
