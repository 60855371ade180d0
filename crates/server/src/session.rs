//! The application's side of one connection: `on_open`, then `on_data` message by message, and
//! beside them `on_close`.

use std::{any::Any, future::poll_fn, panic::AssertUnwindSafe, pin::pin, sync::Arc, task::Poll};

use aerys_proto::CloseCode;
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use http::HeaderMap;
use tracing::{error, warn};

use crate::{
    Client, Departure, Failure, Handshake, Refusal, Status, Websocket, handshake::Accepted,
    line::Line, mount::Mount,
};

/// Runs the handlers of one connection to their ends. Polled by the connection's own task only,
/// after each change on the line.
pub(crate) async fn session<W, S>(mount: Arc<Mount<W, S>>, handshake: Handshake<S>, line: Arc<Line>)
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
    let outcome = caught(async { mount.app.on_open(handshake).await }).await;
    if line.shut() {
        return line.refuse(refusal(outcome, &mount.path));
    }
    let Some(client) = accepted.get() else { return };
    line.opened();
    if let Err(fault) = outcome.and_then(|result| result.map(drop).map_err(Fault::from)) {
        fault.punish(client, &mount.path, "on_open");
    }
    while let Some(message) = line.next_message().await {
        let outcome = caught(async { mount.app.on_data(client, message).await }).await;
        if let Err(fault) = outcome.and_then(|result| result.map_err(Fault::Failed)) {
            fault.punish(client, &mount.path, "on_data");
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
    if let Err(fault) = caught(async { mount.app.on_close(&gone).await }).await {
        fault.report(client, &mount.path, "on_close");
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
        self.line.outbox.gone();
        self.line.outbox.departed();
        if let Some(client) = self.accepted.get() {
            client.endpoint().registry().leave(client.id());
        }
    }
}

/// How a handler can end badly.
enum Fault {
    Failed(Failure),
    Panicked(String),
}

impl Fault {
    /// The client is closed with 1011 and not told why; nobody else notices.
    fn punish<S>(self, client: &Client<S>, path: &str, handler: &'static str) {
        if !matches!(&self, Self::Failed(failure) if failure.is_client_gone()) {
            self.report(client, path, handler);
            client.close().code(CloseCode::INTERNAL).nowait();
        }
    }

    fn report<S>(&self, client: &Client<S>, path: &str, handler: &'static str) {
        let client = client.id();
        match self {
            Self::Failed(failure) => error!(%client, path, handler, %failure, "a handler failed"),
            Self::Panicked(panic) => error!(%client, path, handler, panic, "a handler panicked"),
        }
    }
}

/// What a refusal comes to once the client has been accepted.
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status();
        Self::Failed(refusal.into_answer().cause.unwrap_or_else(|| {
            Failure::new(format!("refused with {status} after it had accepted"))
        }))
    }
}

/// The answer to a client that `on_open` did not accept.
fn refusal<S>(outcome: Result<Result<Client<S>, Refusal>, Fault>, path: &str) -> Refusal {
    let internal = || Refusal::new(Status::INTERNAL_SERVER_ERROR, HeaderMap::new());
    match outcome {
        Ok(Err(refusal)) => {
            if let Some(failure) = refusal.cause().filter(|it| !it.is_client_gone()) {
                error!(path, %failure, "on_open failed; the peer is answered 500");
            }
            refusal
        }
        Ok(Ok(other)) => {
            warn!(path, client = %other.id(), "on_open answered with a client that it did not accept in time");
            internal()
        }
        Err(Fault::Failed(failure)) => {
            error!(path, %failure, "on_open failed; the peer is answered 500");
            internal()
        }
        Err(Fault::Panicked(panic)) => {
            error!(path, panic, "on_open panicked; the peer is answered 500");
            internal()
        }
    }
}

/// Runs a handler; a panic in it is its own end and nobody else's.
async fn caught<T>(handler: impl Future<Output = T>) -> Result<T, Fault> {
    AssertUnwindSafe(handler).catch_unwind().await.map_err(|panic| Fault::Panicked(words(&*panic)))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with no message".to_owned())
}
