//! What clients may take of a server: how much, how many, and how long.

use std::time::Duration;

use super::Server;
use crate::admission::Rate;

/// Longer than any server runs: a hundred years.
const LONGEST_PERIOD: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Server {
    /// How much the clients of one worker may hold together, in bytes, of messages that have begun to
    /// arrive and are not finished, or wait for a handler. Over that the one that has made no progress
    /// for longest is closed with 1008. One on its own may hold more, as far as its endpoint's
    /// [`max_msg_size`](crate::Options::max_msg_size) goes. Default 256 MiB.
    pub fn max_inbound_bytes(mut self, bytes: usize) -> Self {
        self.max_inbound_bytes = bytes;
        self
    }

    /// The largest head of a request, in bytes, at least 8 KiB; more is answered 431.
    /// Default 16 KiB.
    pub fn max_head_size(mut self, bytes: usize) -> Self {
        self.limits.max_head_size = bytes.max(8 * 1024);
        self
    }

    /// How many headers a request by HTTP/1.1 may have; more is answered 431. Default 100. By HTTP/2 their
    /// [size](Self::max_head_size) alone has a limit.
    pub fn max_headers(mut self, headers: usize) -> Self {
        self.limits.max_headers = headers;
        self
    }

    /// How many requests a connection may have by HTTP/1.1, one after another: it ends with the response to the
    /// last, which says so (`Connection: close`); at least one. Default 1,000.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.limits.max_requests = requests.max(1);
        self
    }

    /// How many connections there may be at a time, of all clients and proxies, websockets or not. Whoever comes
    /// beyond that is closed at once, before anything is read, and the others go on.
    ///
    /// Default seven eighths of the limit of open files when the server starts (`RLIMIT_NOFILE`, `ulimit -n`), as the
    /// program may open others, and at most that limit less 64: a number above is a warning in the log, and
    /// counts as that. If descriptors are used up all the same, whoever comes is closed as
    /// well. None of this is for a [`Mount`](crate::Mount), whose connections are the other server's.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.admission_limits.max_connections = Some(connections);
        self
    }

    /// How many connections each [client address](crate::Handshake::client_ip) may have at a time, or each network of
    /// 64 bits of IPv6; `None`, the default, for any number. Not counted are this machine's own (loopback),
    /// those of Unix sockets and of [trusted proxies](Self::trusted_proxies).
    ///
    /// Whoever comes beyond that is closed at once, before TLS. Behind a proxy that tells of its clients by a
    /// header, it is a client's websockets that are counted, and a handshake is answered 429.
    pub fn max_connections_per_ip(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.admission_limits.max_connections_per_ip = connections.into();
        self
    }

    /// How many websocket handshakes a second each client address may begin, after so many at once (`burst`); at
    /// least one of each. More are answered 429 with a `Retry-After`, and `on_open` is not asked. Addresses are
    /// those of [`max_connections_per_ip`](Self::max_connections_per_ip). Default any number.
    ///
    /// Of 65,536 addresses it is known at a time how often they came: one that stays away while as many others
    /// come is new again.
    pub fn handshakes_per_ip(mut self, per_second: u32, burst: u32) -> Self {
        let rate = Rate { per_second: per_second.max(1), burst: burst.max(1) };
        self.admission_limits.handshakes_per_ip = Some(rate);
        self
    }

    /// How long a client may take to send the head of a request, from the connection's beginning or
    /// from the last response on. A handshake of TLS has as long before that. Default 10 s.
    ///
    /// A connection of HTTP/2 without a stream ends after as long.
    pub fn head_period(mut self, period: Duration) -> Self {
        // Hyper adds it to the time without looking.
        self.limits.head_period = period.min(LONGEST_PERIOD);
        self
    }

    /// How long a client may send nothing of the [`Body`](crate::Body) of a request while a service
    /// waits for it; `None` for any time. Default 30 s. It is answered 408, or cut off if the
    /// response has begun, up to a quarter of the period later; a service's future is dropped then.
    pub fn body_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.limits.body.period = period.into();
        self
    }

    /// How many bytes of the [`Body`](crate::Body) of a request a client has to send for each second
    /// in which a service waits for it, on average, once it has waited for
    /// [`body_period`](Self::body_period) (30 s if that is `None`); 0 for any. Default 500. It is
    /// answered 408, or cut off if the response has begun.
    pub fn min_body_rate(mut self, bytes_per_second: u64) -> Self {
        self.limits.body.min_rate = bytes_per_second;
        self
    }

    /// How long a client may read nothing of a response, which is to say that its kernel
    /// acknowledges none of the bytes that it is owed; `None` for any time. Default 120 s: with
    /// large buffers, more than a minute can lie between two acknowledgements of one that reads
    /// slowly, but all the time. Whoever reads nothing is cut off, up to a quarter of the period
    /// later.
    ///
    /// Where the system does not tell what was acknowledged (other than Linux), a byte that it
    /// takes counts as one.
    ///
    /// Over HTTP/2 it holds for each response by itself, of which a byte counts that the client's window has
    /// room for, and for the connection. Who has streams there and is silent for half of it is asked by a PING, and
    /// cut off at its end.
    pub fn stall_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.limits.stall_period = period.into();
        self
    }

    /// How many bytes of a response a client has to read for each second in which the response waits
    /// for it; 0 for any. Default 0.
    ///
    /// It is measured over each [`stall_period`](Self::stall_period) in which the client is owed
    /// something all the time: its kernel has to acknowledge this many bytes for each second of it
    /// in which nothing more could be written. Whoever is slower is cut off. What the client's
    /// kernel and ours have between them when all is written, some megabytes at most, may take its
    /// time. With `stall_period(None)` nobody is cut off.
    pub fn min_response_rate(mut self, bytes_per_second: u64) -> Self {
        self.limits.min_response_rate = bytes_per_second;
        self
    }

    /// How long the server may take to stop, all in all. Default 10 s.
    ///
    /// HTTP responses under way have half of it and are cut then, endless ones too; requests
    /// that are not whole, and connections without one, are ended at once. Websocket clients and their
    /// `on_close` have three quarters, and each `on_stop` its share of what is left then. A thread
    /// that has not ended in time, since a handler blocks it, is left behind: with a warning, and
    /// for as long as the process lives.
    pub fn stop_period(mut self, period: Duration) -> Self {
        self.limits.stop_period = period.min(LONGEST_PERIOD);
        self
    }
}
