//! The loop that accepts connections and places them.

use std::{
    io, mem,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio::time::sleep;

use super::{
    accept_queue::{AcceptQueues, Arrival, Entry},
    spare::{Spare, is_out_of_descriptors},
};
use crate::{
    http_server::ListenerRoutes,
    log,
    metrics::ListenerCounters,
    transport::{BoundListener, Spoken},
};

const OUT_OF_RESOURCES_PAUSE: Duration = Duration::from_millis(50);

/// Connections that come within this time of others come in a rush.
const RUSH: Duration = Duration::from_millis(1);

/// For how long those of a rush gather. To be woken for each costs 3 to 6 µs, a tenth of a handshake and
/// more (bench/NOTES.md#handshakes).
const GATHER: Duration = Duration::from_micros(300);

/// How many connections are accepted before they are placed. Whoever is woken for one on the same processor
/// has its turn at once, and the others wait for as long (bench/NOTES.md#handshakes).
const PLACED_AT_ONCE: usize = 16;

/// A socket that listens.
pub(super) struct Listening {
    pub(super) listener: BoundListener,
    pub(super) context: Arc<ArcSwap<ListenerContext>>,
    pub(super) counters: Arc<ListenerCounters>,
}

/// What those who connect to a socket speak, and what it answers itself.
pub(super) struct ListenerContext {
    pub(super) spoken: Spoken,
    pub(super) routes: Option<Arc<ListenerRoutes>>,
    /// Whether nobody on the way may read or change what is said.
    pub(super) is_private: bool,
}

impl ListenerContext {
    pub(super) fn is_admin(&self) -> bool {
        self.routes.as_ref().is_some_and(|it| it.is_admin())
    }
}

/// Accepts connections and places them, for as long as this is polled. Needs a thread with nothing
/// else to do that could not wait for [`GATHER`].
pub(super) async fn accept(listening: &Listening, accept_queues: &AcceptQueues) {
    let Listening { listener, context, counters } = listening;
    let (mut last, mut spare) = (Instant::now(), Spare::new());
    let mut batch = Vec::with_capacity(PLACED_AT_ONCE);
    loop {
        let mut next = Some(listener.accept().await);
        let is_rush = mem::replace(&mut last, Instant::now()).elapsed() < RUSH;
        while let Some(accepted) = next {
            if accepted.is_ok() {
                counters.accepted();
            }
            match accepted {
                Ok((stream, address)) => {
                    let context = context.load();
                    // A server that is full can be told to stop all the same.
                    if context.is_admin() || accept_queues.has_room(batch.len()) {
                        let ListenerContext { spoken, routes, .. } = &**context;
                        let (spoken, routes) = (spoken.clone(), routes.clone());
                        let counters = Arc::clone(counters);
                        let entry = Entry { address, spoken, routes, counters };
                        batch.push(Arrival::Connection(stream, entry));
                    } else {
                        drop(stream);
                        log::event!(
                            WARN, { %address },
                            "a connection was closed: there are as many as Server::max_connections allows"
                        );
                    }
                }
                Err(error) if is_passing(&error) => {
                    log::event!(DEBUG, { %error }, "a connection ended at once");
                }
                Err(error) if is_out_of_descriptors(&error) && spare.shed(listener) => {
                    accept_queues.admission().hits.descriptors.count();
                    log::event!(WARN, { %error }, "a connection was closed: there is no descriptor left");
                }
                Err(error) => {
                    // Out of memory, say: the connection waits until there is some.
                    log::event!(WARN, { %error }, "connections cannot be accepted for now");
                    accept_queues.place_all(batch.drain(..));
                    sleep(OUT_OF_RESOURCES_PAUSE).await;
                }
            }
            if batch.len() == PLACED_AT_ONCE {
                accept_queues.place_all(batch.drain(..));
            }
            next = listener.accept().now_or_never();
        }
        accept_queues.place_all(batch.drain(..));
        if is_rush {
            // The runtime's timers know no time as short as this.
            thread::sleep(GATHER);
        }
    }
}

/// The peer hung up before it was accepted, or a signal came in between.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
