//! The application's side of one connection: `on_open`, then `on_data` message by message, and
//! beside them `on_close`.

mod leaver;
mod mounted;

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use aerys_proto::Ending;
use http::HeaderMap;

pub(crate) use self::{
    leaver::Leaver,
    mounted::{Application, BoxFuture, Mounted, Opening, Place},
};
use crate::{
    app::{Accepted, Client, ClientCell, Departure, Fault, Handshake, Websocket},
    connection::{Shared, mailbox::Mailbox},
    error::{Refusal, Status},
    log::{self, Brief, PeerText},
    metrics::Handling,
    runtime::{Caught, EndpointSlot, Handler, Panicked, Worker, caught, contained, timing},
    transport::ClientAddr,
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
        mount: Arc<Mounted<W, S>>,
        handshake: Handshake<S>,
        shared: Arc<Shared>,
    ) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        let slot = mount.slot();
        let has_opened = AtomicBool::new(false);
        let guard =
            SessionGuard { mount, accepted: handshake.accepted(), shared, slot, has_opened };
        // The one box of a connection: its application's state, of whatever type.
        Self { handlers: Box::pin(run(guard, Box::new(handshake))), waits: false }
    }

    /// Lets the application decide whether to open. Nothing has come yet.
    pub(crate) fn open(&mut self, shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
        let mut mailbox = None;
        let outcome = self.poll(&mut mailbox, shared, 0, cx);
        if let Some(mailbox) = &mut mailbox {
            mailbox.fast_path.flush_into(&shared.outbox);
        }
        Mailbox::recycle(&mut mailbox);
        outcome
    }

    /// Whether it waits for what comes next, and nothing has.
    pub(crate) fn waits(&self, mailbox: Option<&Mailbox>) -> bool {
        self.waits && mailbox.is_none_or(|mailbox| mailbox.inbound.is_clear())
    }

    /// Lets the application go on with what is in the mailbox, and write so much by itself. One that
    /// [waits](Self::waits) need not be asked.
    pub(crate) fn poll(
        &mut self,
        mailbox: &mut Option<Box<Mailbox>>,
        shared: &Shared,
        write_allowance: usize,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let outcome = Mailbox::lend_while(mailbox, &shared.outbox, write_allowance, || {
            let outcome = timing::turn(|| self.handlers.as_mut().poll(cx));
            // What was broadcast leaves before the next client's turn.
            Worker::leave_handler();
            outcome
        });
        self.waits = mailbox.as_mut().is_some_and(|mailbox| mailbox.inbound.was_awaited());
        outcome
    }
}

/// What all that runs for one connection shares.
struct SessionGuard<W, S: Send + Sync + 'static> {
    mount: Arc<Mounted<W, S>>,
    accepted: ClientCell<S>,
    shared: Arc<Shared>,
    slot: EndpointSlot,
    /// Whether `on_open` has returned, having accepted.
    has_opened: AtomicBool,
}

impl<W, S: Send + Sync + 'static> SessionGuard<W, S> {
    /// A handler has taken so long, if that is known.
    #[inline]
    fn took(&self, handling: Handling, took: Option<Duration>) {
        if let Some(took) = took {
            self.shared.counters().handler(handling, took);
        }
    }

    /// Says that `on_open` or `on_data` is about to run.
    fn begin(&self) {
        let has_opened = self.has_opened.load(Ordering::Relaxed);
        let handler = if has_opened { Handler::OnData } else { Handler::OnOpen };
        Worker::enter_handler(self.slot, handler);
    }
}

/// The whole session: `on_open` and `on_data`, and beside them `on_close`.
#[expect(clippy::manual_async_fn, reason = "it would have room for its arguments twice")]
fn run<W, S>(
    guard: SessionGuard<W, S>,
    handshake: Box<Handshake<S>>,
) -> impl Future<Output = ()> + Send
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    async move {
        {
            let guard = &guard;
            let mut handlers = pin!(handlers(guard, handshake));
            let (mut is_done, mut has_closed) = (false, false);
            // Made when it is due: until then it needs no room.
            let mut on_close = None;
            poll_fn(move |cx| {
                if !is_done {
                    guard.begin();
                    is_done = handlers.as_mut().poll(cx).is_ready();
                }
                if is_done && guard.accepted.get().is_none() {
                    return Poll::Ready(());
                }
                if !has_closed && (on_close.is_some() || guard.shared.has_departed()) {
                    let on_close = on_close.get_or_insert_with(|| Box::pin(run_on_close(guard)));
                    Worker::enter_handler(guard.slot, Handler::OnClose);
                    has_closed = on_close.as_mut().poll(cx).is_ready();
                }
                if is_done && has_closed { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        // With it goes what the application kept for the client. The socket may still be at work.
        let _ = contained(|| drop(guard));
    }
}

#[expect(clippy::manual_async_fn, reason = "it would have room for its arguments twice")]
fn handlers<W, S>(
    guard: &SessionGuard<W, S>,
    mut handshake: Box<Handshake<S>>,
) -> impl Future<Output = ()> + Send
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    async move {
        // What is named across an await has room in the session for good.
        let span = handshake.open_span();
        let address = Box::new(handshake.address().clone());
        let (outcome, took) =
            caught(span, move || guard.mount.app.on_open(*handshake)).timed().await;
        guard.took(Handling::Open, took);
        let Some(client) = open(guard, outcome, &address) else { return };
        drop(address);
        let mut on_data = pin!(Caught::idle());
        loop {
            let Some(message) = poll_fn(|_| guard.shared.poll_message()).await else { return };
            let span = client.span(Handler::OnData);
            on_data.as_mut().begin(span, move || guard.mount.app.on_data(client, message));
            let outcome = on_data.as_mut().await;
            if let Err(fault) = outcome.map_err(Fault::from).and_then(|it| it.map_err(Fault::from))
            {
                fault.punish(client, "on_data");
            }
            guard.took(Handling::Data, on_data.as_mut().took());
        }
    }
}

/// What comes of `on_open`: the client, if it was let in.
fn open<'g, W, S>(
    guard: &'g SessionGuard<W, S>,
    outcome: Result<Result<Accepted<S>, Refusal>, Panicked>,
    address: &ClientAddr,
) -> Option<&'g Client<S>>
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let SessionGuard { mount, accepted, shared, .. } = guard;
    shared.outbox.reject();
    let Some(client) = accepted.get() else {
        shared.outbox.refuse(refusal(outcome, shared, mount.label(), address));
        return None;
    };
    shared.outbox.switch_now();
    guard.has_opened.store(true, Ordering::Relaxed);
    guard.begin();
    let opened = outcome.map_err(Fault::from).and_then(|it| it.map_err(Fault::from));
    if let Err(fault) = opened.and_then(|it| it.check(shared)) {
        fault.punish(client, "on_open");
    }
    Some(client)
}

async fn run_on_close<W, S>(guard: &SessionGuard<W, S>)
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let SessionGuard { mount, accepted, shared, .. } = guard;
    let close = shared.departure().await;
    // A peer may vanish while `on_open` has not decided yet.
    let client = poll_fn(|_| accepted.get().map_or(Poll::Pending, Poll::Ready)).await;
    let groups = client.endpoint().roster().leave(client.id());
    let (id, address) = (client.id().as_u64(), client.address());
    let (code, reason) = (close.code.as_u16(), PeerText(close.reason.as_bytes()));
    let by = shared.ending().map(ended_by);
    log::event!(
        DEBUG, of mount.label(),
        { client = id, %address, client_ip = address.shown_ip(), code, %reason, by },
        "a client has gone"
    );
    shared.counters().closed(&close, shared.ending());
    let gone = Departure::new(client.clone(), close, groups);
    let span = client.span(Handler::OnClose);
    let (outcome, took) = caught(span, || mount.app.on_close(&gone)).timed().await;
    guard.took(Handling::Close, took);
    if let Err(panic) = outcome {
        Fault::from(panic).report(client.endpoint(), Some(client), "on_close");
    }
    shared.outbox.departed();
}

/// Who began the end, in words.
fn ended_by(ending: Ending) -> &'static str {
    match ending {
        Ending::Peer => "the client",
        Ending::Violation => "a violation",
        Ending::Local => "the server",
        _ => "the network",
    }
}

/// Whatever ends the session, also the end of its runtime, nobody is left waiting for the client.
impl<W, S: Send + Sync + 'static> Drop for SessionGuard<W, S> {
    fn drop(&mut self) {
        self.shared.gone();
        self.shared.outbox.departed();
        self.shared.outbox.forget_driver();
        if let Some(client) = self.accepted.get() {
            client.endpoint().roster().leave(client.id());
        }
    }
}

/// The answer to a client that `on_open` did not accept.
fn refusal<S>(
    outcome: Result<Result<Accepted<S>, Refusal>, Panicked>,
    shared: &Shared,
    endpoint: &str,
    address: &ClientAddr,
) -> Refusal {
    let client_ip = address.shown_ip();
    let internal = || Refusal::new(Status::INTERNAL_SERVER_ERROR, HeaderMap::new());
    let refusal = match outcome {
        Ok(Err(refusal)) => refusal,
        Err(panic) => {
            let panic = Brief(panic);
            log::event!(
                ERROR, of endpoint, { %address, client_ip, %panic },
                "on_open panicked; the peer is answered 500"
            );
            internal()
        }
        Ok(Ok(late)) if late.belongs_to(shared) => {
            log::event!(
                WARN, of endpoint, { %address, client_ip },
                "on_open accepted a client that had been refused: it took too long, or had no answer"
            );
            internal()
        }
        Ok(Ok(other)) => {
            let other = other.id();
            log::event!(
                ERROR, of endpoint, { %address, client_ip, %other },
                "on_open returned what another handshake was accepted with; the peer is answered 500"
            );
            internal()
        }
    };
    if let Some(failure) = refusal.cause().filter(|failure| !failure.is_silent()) {
        let failure = Brief(failure);
        log::event!(
            ERROR, of endpoint, { %address, client_ip, %failure },
            "on_open failed; the peer is answered 500"
        );
    }
    refusal
}
