//! What is taken from a trusted proxy's headers, as it is asked for.

/// Which header of a trusted proxy's requests says who its client is, and what else is taken from it.
///
/// A [`Listener`](crate::Listener) goes by one header, as proxies write one and pass on whatever else their
/// clients have written. Only the [trusted proxies](crate::Server::trusted_proxies) of the server are
/// believed; a listener that has been told nothing takes the client's address from `X-Forwarded-For`.
///
/// ```no_run
/// use aerys::{Forwarded, Listener, Server};
///
/// let listener = Listener::from("10.0.0.5:80").forwarded(Forwarded::x_forwarded_for().scheme());
/// Server::new().listen(listener).trusted_proxies(["10.0.0.0/24"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "give it to `Listener::forwarded`"]
pub struct Forwarded {
    pub(crate) header: ForwardedHeader,
    pub(crate) scheme: bool,
    pub(crate) host: bool,
}

/// By which headers proxies speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ForwardedHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl Forwarded {
    /// `X-Forwarded-For`, which most proxies write: the addresses of all whom the request has passed, the
    /// last one behind the others.
    pub fn x_forwarded_for() -> Self {
        Self { header: ForwardedHeader::XForwardedFor, scheme: false, host: false }
    }

    /// `Forwarded` (RFC 7239): `for=192.0.2.60;proto=https, for=10.0.0.1`.
    pub fn rfc7239() -> Self {
        Self { header: ForwardedHeader::Forwarded, ..Self::x_forwarded_for() }
    }

    /// Believes it also how the client has connected to it: whether by TLS, which is what
    /// [`Handshake::is_secure`](crate::Handshake::is_secure) answers then. It says so in
    /// `X-Forwarded-Proto`, of which the last value counts, or by `proto` in `Forwarded`. Only for
    /// proxies that always write it: else a client can.
    pub fn scheme(mut self) -> Self {
        self.scheme = true;
        self
    }

    /// Believes it also which host the client has asked for, in place of the `Host` header, which then is the
    /// proxy's. It says so in `X-Forwarded-Host`, of which the last value counts, or by `host` in
    /// `Forwarded`. Only for proxies that always write it: else a client can.
    pub fn host(mut self) -> Self {
        self.host = true;
        self
    }
}
