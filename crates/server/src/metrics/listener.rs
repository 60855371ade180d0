//! The connections of one listener.

use std::sync::Arc;

use super::counter::SharedCounter;

/// What a listener has accepted, and what that speaks.
#[derive(Debug)]
pub(crate) struct ListenerCounters {
    /// As it is bound.
    address: String,
    pub(super) accepted: SharedCounter,
    pub(super) begun: [SharedCounter; Protocol::ALL.len()],
    pub(super) ended: [SharedCounter; Protocol::ALL.len()],
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Nothing yet: its header of the PROXY protocol or its TLS handshake is under way.
    None,
    /// HTTP/1.1, also before the first byte has come.
    Http1,
    /// HTTP/2, with the websockets on its streams.
    Http2,
    /// A connection that was one of HTTP/1.1.
    Websocket,
}

/// A connection while it speaks a protocol.
#[derive(Debug)]
pub(crate) struct Speaking {
    listener: Arc<ListenerCounters>,
    protocol: Protocol,
}

impl Protocol {
    pub(super) const ALL: [Self; 4] = [Self::None, Self::Http1, Self::Http2, Self::Websocket];

    /// As the metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Websocket => "websocket",
        }
    }
}

impl ListenerCounters {
    pub(crate) fn new(address: String) -> Self {
        Self {
            address,
            accepted: SharedCounter::default(),
            begun: Default::default(),
            ended: Default::default(),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn accepted(&self) {
        self.accepted.count();
    }

    /// A connection begins to speak a protocol, and does until what is answered is dropped.
    pub(crate) fn speak(self: &Arc<Self>, protocol: Protocol) -> Speaking {
        self.begun[protocol as usize].count();
        Speaking { listener: Arc::clone(self), protocol }
    }

    /// How many connections speak a protocol.
    pub(super) fn open(&self, protocol: Protocol) -> u64 {
        // In this order: one that has ended has begun.
        let ended = self.ended[protocol as usize].get();
        self.begun[protocol as usize].get().saturating_sub(ended)
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        self.listener.ended[self.protocol as usize].count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_counted_for_as_long_as_it_speaks() {
        let listener = Arc::new(ListenerCounters::new("[::1]:80".to_owned()));
        for protocol in Protocol::ALL {
            let speaking = listener.speak(protocol);
            assert_eq!(listener.open(protocol), 1);
            drop(speaking);
            assert_eq!((listener.open(protocol), listener.begun[protocol as usize].get()), (0, 1));
        }
    }
}
