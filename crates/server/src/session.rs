//! The application's side of one connection: `on_open`, then `on_data` message by message, and
//! beside them `on_close`.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, select};
use http::HeaderMap;
use tracing::{error, warn};

use crate::{
    Client, Departure, Handshake, Refusal, Status, Websocket,
    fault::{Fault, caught, tried},
    handshake::Accepted,
    inbox::Inbox,
    line::Line,
    mount::{BoxFuture, Mount},
};

/// The handlers of one connection on their way to their ends, and what they have not taken yet.
/// Polled by the connection's own task only.
pub(crate) struct Session {
    handlers: BoxFuture<'static, ()>,
    pub(crate) inbox: Inbox,
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
        let handlers = Box::pin(run(mount, handshake, line));
        Self { handlers, inbox: Inbox::default() }
    }

    /// Lets the application go on.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { handlers, inbox } = self;
        inbox.lend(|| handlers.as_mut().poll(cx))
    }
}

async fn run<W, S>(mount: Arc<Mount<W, S>>, handshake: Handshake<S>, line: Arc<Line>)
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let accepted = handshake.accepted();
    let _membership = Membership { accepted: &accepted, line: &line };
    let handlers = pin!(handlers(&mount, handshake, &accepted, &line));
    let farewell = pin!(farewell(&mount, &accepted, &line));
    match select(handlers, farewell).await {
        Either::Left(((), farewell)) if accepted.get().is_some() => farewell.await,
        Either::Left(_) => {}
        Either::Right(((), handlers)) => handlers.await,
    }
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
