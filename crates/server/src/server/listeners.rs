//! The sockets that a server listens on, and what becomes of them when it is to listen elsewhere.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::{
    accept_queue::AcceptQueues,
    accepting::{ListenerContext, Listening},
    acceptor::Acceptor,
};
#[cfg(feature = "tls")]
use crate::transport::TlsAcceptor;
use crate::{
    error::ServerError,
    http_server::{Control, ListenerRoutes},
    log,
    metrics::ListenerCounters,
    transport::Listener,
};

/// Those of a running server, in the order in which they were asked for.
#[derive(Default)]
pub(super) struct Listeners(Vec<Known>);

/// One of them, as it is known to others than who accepts on it.
#[derive(Clone)]
struct Known {
    /// As it was asked for.
    address: String,
    socket_addr: Option<SocketAddr>,
    is_shared: bool,
    counters: Arc<ListenerCounters>,
    context: Arc<ArcSwap<ListenerContext>>,
    end: CancellationToken,
}

/// Sockets that are bound, or were before, and on which nothing has changed so far.
pub(super) struct Bound(Vec<(Known, Change)>);

/// What is to be done with one.
enum Change {
    Accept(Listening),
    Keep(ListenerContext),
}

/// Listens on the usual address if nothing else was asked for.
pub(super) fn or_usual(listeners: Vec<Listener>) -> Vec<Listener> {
    let usual = || vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 1337)).into()];
    if listeners.is_empty() { usual() } else { listeners }
}

impl Listeners {
    /// Binds what is not bound already.
    pub(super) fn bind(
        &self,
        listeners: Vec<Listener>,
        acceptor: &Acceptor,
        control: &Arc<dyn Control>,
    ) -> Result<Bound, ServerError> {
        let mut bound: Vec<(Known, Change)> = Vec::new();
        for listener in listeners {
            let address = listener.to_string();
            let is_taken = |known: &Known| {
                bound.iter().any(|(other, _)| Arc::ptr_eq(&other.context, &known.context))
            };
            let there = self.0.iter().find(|it| it.address == address && !is_taken(it)).cloned();
            bound.push(match there {
                Some(known) => {
                    let (context, _) = context(listener, control)?;
                    check(&context, known.socket_addr, &address)?;
                    (known, Change::Keep(context))
                }
                None => bind(address, listener, acceptor, control)?,
            });
        }
        Ok(Bound(bound))
    }

    /// Listens there, and nowhere else.
    pub(super) fn change(
        &mut self,
        Bound(bound): Bound,
        acceptor: &Acceptor,
        accept_queues: &Arc<AcceptQueues>,
        stop: &CancellationToken,
    ) {
        let mut there = Vec::with_capacity(bound.len());
        for (mut known, change) in bound {
            match change {
                Change::Keep(context) => known.context.store(Arc::new(context)),
                Change::Accept(listening) => {
                    known.end = stop.child_token();
                    acceptor.accept(listening, accept_queues, known.end.clone());
                    let address = known.address();
                    log::event!(INFO, { %address }, "listening");
                }
            }
            there.push(known);
        }
        for known in std::mem::replace(&mut self.0, there) {
            if !self.0.iter().any(|it| Arc::ptr_eq(&it.context, &known.context)) {
                known.end.cancel();
                let address = known.address();
                log::event!(INFO, { %address }, "not listening any more");
            }
        }
    }

    /// Accepts no more on those that another process has too, or may be given: who connects is that one's.
    pub(super) fn let_go(&self) {
        for known in self.0.iter().filter(|it| it.is_shared) {
            known.end.cancel();
        }
    }

    /// Those that are IP addresses, with the port that was found for each port 0.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|it| it.socket_addr).collect()
    }

    pub(super) fn counters(&self) -> Vec<Arc<ListenerCounters>> {
        self.0.iter().map(|it| Arc::clone(&it.counters)).collect()
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls(&self) -> Vec<Arc<TlsAcceptor>> {
        self.0.iter().filter_map(|it| it.context.load().spoken.tls.clone()).collect()
    }
}

impl Bound {
    /// Where that is, with the port that was found for each port 0.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(known, _)| known.address()).collect()
    }
}

impl Known {
    fn address(&self) -> String {
        found(&self.address, self.socket_addr)
    }
}

/// An address with the port that was found for a port 0.
fn found(address: &str, socket_addr: Option<SocketAddr>) -> String {
    socket_addr.map_or_else(|| address.to_owned(), |it| it.to_string())
}

/// What those who connect to it speak, and what is left of it: where it is.
fn context(
    mut listener: Listener,
    control: &Arc<dyn Control>,
) -> Result<(ListenerContext, Listener), ServerError> {
    let spoken = listener.load()?;
    let rules = listener.take_rules();
    if rules.https_port.is_some() && spoken.tls.is_some() {
        return Err(ServerError::RedirectWithinTls { address: listener.to_string() });
    }
    let is_private = rules.is_private;
    let routes = ListenerRoutes::new(rules, control)?;
    Ok((ListenerContext { spoken, routes, is_private }, listener))
}

/// Operators are told from others by a file's mode, or by a token, which is not to be read on the way.
fn check(
    context: &ListenerContext,
    socket_addr: Option<SocketAddr>,
    address: &str,
) -> Result<(), ServerError> {
    if context.is_admin() && socket_addr.is_some() {
        return Err(ServerError::AdminOverTcp { address: address.to_owned() });
    }
    let is_outside = socket_addr.is_some_and(|it| !it.ip().to_canonical().is_loopback());
    if context.is_private && is_outside && context.spoken.tls.is_none() {
        return Err(ServerError::AdminPageInClearText { address: address.to_owned() });
    }
    Ok(())
}

fn bind(
    address: String,
    listener: Listener,
    acceptor: &Acceptor,
    control: &Arc<dyn Control>,
) -> Result<(Known, Change), ServerError> {
    let (context, listener) = context(listener, control)?;
    let is_shared = listener.is_shared();
    let refused = |cause| ServerError::Listen { address: address.clone(), cause };
    let bound = listener.bind().map_err(refused)?;
    let socket_addr = bound.socket_addr().map_err(refused)?;
    check(&context, socket_addr, &address)?;
    let counters = Arc::new(ListenerCounters::new(found(&address, socket_addr)));
    let listener = acceptor.listen(bound).map_err(refused)?;
    log::event!(DEBUG, { %address }, "bound");
    let context = Arc::new(ArcSwap::from_pointee(context));
    let listening =
        Listening { listener, context: Arc::clone(&context), counters: Arc::clone(&counters) };
    let end = CancellationToken::new();
    Ok((
        Known { address, socket_addr, is_shared, counters, context, end },
        Change::Accept(listening),
    ))
}
