//! Where a server listens, as it is asked for.

#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::{
    fmt, io, mem,
    net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener},
    path::PathBuf,
    sync::Arc,
};

#[cfg(unix)]
use super::unix::SocketFile;
use super::{
    Forwarded, Spoken, Versions,
    source::{Bound, Source},
    tls::Tls,
};
use crate::error::ServerError;

/// Where a server listens: what [`Server::listen`](crate::Server::listen) takes.
///
/// It is made of an address, of text, or of a socket that is bound already:
///
/// | text | listens on |
/// | --- | --- |
/// | `127.0.0.1:80`, `[::]:443` | an IP address and a port, 0 for any free one |
/// | `unix:/run/chat.sock` | a [Unix socket](Self::unix) |
/// | `systemd:0` | the first socket that [systemd](Self::systemd) has passed |
///
/// ```no_run
/// use std::net::TcpListener;
/// use aerys::{Listener, Server};
///
/// # fn main() -> std::io::Result<()> {
/// Server::new()
///     .listen(([127, 0, 0, 1], 8080))
///     .listen("[::1]:8080")
///     .listen(Listener::unix("/run/chat.sock").mode(0o660))
///     .listen(TcpListener::bind("127.0.0.1:0")?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "give it to `Server::listen`"]
pub struct Listener {
    source: Source,
    reuses_port: bool,
    tls: Option<Tls>,
    versions: Versions,
    proxy_protocol: bool,
    forwarded: Forwarded,
    rules: ListenerRules,
}

/// What a listener answers itself, before any host is asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ListenerRules {
    /// It is for operators, and for nobody else.
    pub(crate) is_admin: bool,
    /// The port of https, where everything is redirected to.
    pub(crate) https_port: Option<u16>,
    /// Beneath which answers to challenges of ACME are.
    pub(crate) acme_webroot: Option<PathBuf>,
    /// Whether it tells how the server is, and nothing else.
    pub(crate) is_for_metrics: bool,
    /// Whether nobody on the way may read or change what is said.
    pub(crate) is_private: bool,
}

impl Listener {
    /// Listens on a Unix socket. Its file is made when the server starts, and removed when it ends.
    /// One that is there already is replaced if nobody listens on it any more; if somebody does, or
    /// it is no socket, the server does not start.
    #[cfg(unix)]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::Unix(SocketFile::new(path.into())))
    }

    /// Who may connect to a Unix socket: the mode of its file, as in `0o660`. Default as the process'
    /// umask has it. It is set before anybody can connect.
    ///
    /// # Panics
    ///
    /// If it is no Unix socket made by [`unix`](Self::unix).
    #[cfg(unix)]
    pub fn mode(mut self, mode: u32) -> Self {
        self.socket_file().mode = Some(mode);
        self
    }

    /// Whose the file of a Unix socket is: the numbers of a user and a group, `None` for whose it
    /// would be. It takes a privilege to give it to another user.
    ///
    /// # Panics
    ///
    /// If it is no Unix socket made by [`unix`](Self::unix).
    #[cfg(unix)]
    pub fn owner(mut self, user: Option<u32>, group: Option<u32>) -> Self {
        self.socket_file().owner = (user, group);
        self
    }

    /// Listens on a socket that systemd has passed, for TCP or Unix: the one with this number in the
    /// order of the `.socket` unit's `Listen` lines, from 0 on. Each can be taken once.
    #[cfg(unix)]
    pub fn systemd(number: usize) -> Self {
        Self::of(Source::Systemd(number))
    }

    /// Shares the port with other sockets that ask for this too (`SO_REUSEPORT`), as those of a successor: the system
    /// gives each connection to one of them. All of them have to belong to the same user.
    ///
    /// ```no_run
    /// use aerys::{Listener, Server};
    ///
    /// Server::new().listen(Listener::from("0.0.0.0:80").reuse_port());
    /// ```
    ///
    /// It promises less than a socket that is handed on, as systemd does: who is still waiting to be accepted when one of
    /// the sockets is closed is reset, though others listen. Linux chooses by a hash of both addresses, so that the shares
    /// are equal only by and large, and a process that does not get to accepting keeps those who are given to it
    /// waiting. Other systems may give all to one. A server that is drained closes such a socket before it sees its clients
    /// off, and newcomers go to the others.
    ///
    /// It is refused when the server [starts](crate::ServerError::Listen) for what is no address and port to bind, and on
    /// other systems than Linux, Android, macOS and the BSDs. A reload does not bind a port anew that stays.
    pub fn reuse_port(mut self) -> Self {
        self.reuses_port = true;
        self
    }

    /// Has those who connect speak TLS.
    ///
    /// ```no_run
    /// use aerys::{Listener, Server, Tls};
    ///
    /// let tls = Tls::new("/etc/tls/example.org.pem", "/etc/tls/example.org.key");
    /// Server::new().listen(Listener::from("[::]:443").tls(tls));
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Has those who connect in clear text speak HTTP/2 if they begin with it, knowing beforehand that they
    /// may (RFC 9113 §3.3), as a proxy does; else they speak HTTP/1.1 as ever. It costs those a little,
    /// as the short way for handshakes is not theirs.
    ///
    /// Within [TLS](Self::tls) the two sides agree on a version, and this changes nothing.
    ///
    /// ```no_run
    /// use aerys::{Listener, Server};
    ///
    /// Server::new().listen(Listener::from("127.0.0.1:8080").http2_prior_knowledge());
    /// ```
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.versions = Versions::AsBegun(super::http2::Http2);
        self
    }

    /// Which header of a [trusted proxy](crate::Server::trusted_proxies) says who its client is, and what else
    /// is taken from it. Default [`X-Forwarded-For`](Forwarded::x_forwarded_for), and nothing else.
    pub fn forwarded(mut self, forwarded: Forwarded) -> Self {
        self.forwarded = forwarded;
        self
    }

    /// Has each connection begin with a header of the PROXY protocol, version 1 or 2, in which a proxy says for
    /// whom it connects: before TLS, if there is any. One that does not, or whose peer is none of the
    /// server's [trusted proxies](crate::Server::trusted_proxies), is closed; the header has as long as
    /// the head of a request ([`Server::head_period`](crate::Server::head_period)).
    ///
    /// ```no_run
    /// use aerys::{Listener, Server};
    ///
    /// // haproxy: `server aerys 10.0.0.5:8080 send-proxy-v2`
    /// let listener = Listener::from("10.0.0.5:8080").proxy_protocol();
    /// Server::new().listen(listener).trusted_proxies(["10.0.0.2"]);
    /// ```
    ///
    /// Version 2 also says whether the client has spoken TLS with the proxy (haproxy's `send-proxy-v2-ssl`),
    /// which [`Handshake::is_secure`](crate::Handshake::is_secure) answers then.
    pub fn proxy_protocol(mut self) -> Self {
        self.proxy_protocol = true;
        self
    }

    /// Redirects whoever comes to the same by https, at this port: 443, unless who is outside reaches it at
    /// another.
    ///
    /// ```no_run
    /// use aerys::{Listener, Server, Tls};
    ///
    /// let tls = Tls::new("/etc/tls/example.org.pem", "/etc/tls/example.org.key");
    /// Server::new()
    ///     .listen(Listener::from("[::]:443").tls(tls))
    ///     .listen(Listener::from("[::]:80").redirect_to_https(443));
    /// ```
    ///
    /// GET and HEAD are answered 301, and other methods 308, which has them repeated as they were (RFC 9110
    /// §15.4). Path and query stay, and so does the host that is asked for, if it is one of the server's; else
    /// that is answered 421, as it is without the redirect. Clients may remember it for an hour. No endpoint and no
    /// service sees such a request, and no `allowed_origins` is asked.
    ///
    /// A handshake of a websocket is redirected as well, but browsers do not follow there: a page has to open
    /// `wss:` itself. A page that was redirected has no choice, as browsers let none by https open a `ws:`.
    pub fn redirect_to_https(mut self, port: u16) -> Self {
        self.rules.https_port = Some(port);
        self
    }

    /// Answers the challenges of an authority that certifies names by ACME (HTTP-01, RFC 8555 §8.3): whatever
    /// host is asked for, `/.well-known/acme-challenge/TOKEN` is the file of this path beneath `webroot`, where
    /// an ACME client puts it, such as certbot with `--webroot`. `docs/certificates.md` has it step by step.
    ///
    /// ```no_run
    /// use aerys::{Listener, Server};
    ///
    /// let listener = Listener::from("[::]:80").redirect_to_https(443);
    /// Server::new().listen(listener.acme_webroot("/var/lib/acme"));
    /// ```
    ///
    /// Nothing else in that folder is served, nor what links lead to outside of it. It has to be there when the
    /// server starts.
    #[cfg(feature = "files")]
    pub fn acme_webroot(mut self, webroot: impl Into<PathBuf>) -> Self {
        self.rules.acme_webroot = Some(webroot.into());
        self
    }

    /// Answers how the server is, and nothing else, whatever host is asked for:
    ///
    /// | path | is answered |
    /// | --- | --- |
    /// | `/metrics` | what the server counts ([`Metrics`](crate::Metrics)): in the format of OpenMetrics to who accepts that, and else in that of Prometheus |
    /// | `/healthz` | 200 if each worker answers within a second, and else 503 with those that do not |
    /// | `/readyz` | 200 if the server is to be sent clients, and else 503 ([`Readiness`](crate::Readiness)) |
    ///
    /// Everything else is answered 404, and other methods than GET and HEAD 405. It goes on while the server is
    /// [drained](crate::Running::drain). Whoever reaches the listener reads all of it, so it had better be one that
    /// nobody does from outside:
    ///
    /// ```no_run
    /// use aerys::{Listener, Server};
    ///
    /// Server::new()
    ///     .listen("0.0.0.0:80")
    ///     .listen(Listener::from("127.0.0.1:9464").metrics());
    /// ```
    pub fn metrics(mut self) -> Self {
        self.rules.is_for_metrics = true;
        self
    }

    /// Answers operators, and nobody else: no host is served there. It has to be a Unix socket, since its file says who
    /// may ask: the owner alone (`0o600`), unless there is another [`mode`](Self::mode).
    ///
    /// | request | answer |
    /// | --- | --- |
    /// | `GET /status` | 200, and as JSON: `version`, `process` (its id), `state` (`"ready"` or `"draining"`), `uptime` (whole seconds), `listeners`, `admin_page` (its URL), `endpoints` (of each `host`, `path`, `clients`), `limits_hit` (see [`LimitsHit`](crate::LimitsHit)) |
    /// | `POST /reload` | 200 when it has [reloaded](crate::Reloader), and as JSON how many endpoints are `kept`, `started` and `ended`; 409 and a sentence if it cannot |
    /// | `POST /close?endpoint=mysite.com/chat&client=17` | 200, and as JSON whether that client was there and is `closed`, with 1001 and no reason unless there are a `code` and a `reason` |
    /// | `POST /drain` | 202; as on SIGTERM it sees its clients off and stops ([`Shutdown::drain`](crate::Shutdown::drain)) |
    /// | `POST /stop` | 202; as on SIGINT it stops ([`Shutdown::stop`](crate::Shutdown::stop)), also while it drains |
    ///
    /// A request with a body is answered 413. It goes on to answer while the server drains, and its connections do not
    /// count for [`Server::max_connections`](crate::Server::max_connections). What is asked for is done as long as
    /// somebody waits for the server's end, as [`Running::until_signalled`](crate::Running::until_signalled) does.
    ///
    /// ```no_run
    /// use aerys::{Listener, Server};
    ///
    /// Server::new().listen("0.0.0.0:80").listen(Listener::unix("/run/chat-admin.sock").admin());
    /// ```
    ///
    /// With any other kind of address the server [does not start](ServerError::AdminOverTcp).
    #[cfg(unix)]
    pub fn admin(mut self) -> Self {
        if let Source::Text(text) = &self.source
            && let Ok(file @ Source::Unix(_)) = Source::parse(text)
        {
            self.source = file;
        }
        if let Source::Unix(file) = &mut self.source {
            file.mode.get_or_insert(0o600);
        }
        self.rules.is_admin = true;
        self
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            reuses_port: false,
            tls: None,
            versions: Versions::Http1,
            proxy_protocol: false,
            forwarded: Forwarded::default(),
            rules: ListenerRules::default(),
        }
    }

    /// As one for the admin page, which has no other rules.
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "there is no admin page"))]
    pub(crate) fn for_admin_page(mut self) -> Result<Self, ServerError> {
        if self.rules != ListenerRules::default() {
            return Err(ServerError::AdminPageRules { address: self.to_string() });
        }
        self.rules.is_private = true;
        Ok(self)
    }

    /// Whether its connections speak TLS.
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "there is no admin page"))]
    pub(crate) fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn take_rules(&mut self) -> ListenerRules {
        mem::take(&mut self.rules)
    }

    /// Whether its connections begin with a header of the PROXY protocol.
    pub(crate) fn speaks_proxy_protocol(&self) -> bool {
        self.proxy_protocol
    }

    /// Whether another process may have those who come: one with the same socket, or one that shares the port.
    pub(crate) fn is_shared(&self) -> bool {
        self.reuses_port || self.source.is_passed_on()
    }

    /// What its connections are to speak.
    pub(crate) fn load(&mut self) -> Result<Spoken, ServerError> {
        let tls = self.tls.take().map(|tls| tls.load().map(Arc::new)).transpose()?;
        let &mut Self { versions, proxy_protocol, forwarded, .. } = self;
        Ok(Spoken { tls, versions, proxy_protocol, forwarded })
    }

    #[cfg(unix)]
    fn socket_file(&mut self) -> &mut SocketFile {
        match &mut self.source {
            Source::Unix(file) => file,
            _ => panic!("only `Listener::unix` makes a file that has a mode and an owner"),
        }
    }

    /// Listens, in non-blocking mode.
    pub(crate) fn bind(self) -> io::Result<Bound> {
        self.source.bind(self.reuses_port)
    }

    /// What a text names.
    #[cfg(feature = "config")]
    pub(crate) fn parse(text: &str) -> io::Result<Self> {
        Source::parse(text).map(Self::of)
    }
}

/// As it is asked for.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl From<SocketAddr> for Listener {
    fn from(address: SocketAddr) -> Self {
        Self::of(Source::Address(address))
    }
}

impl From<SocketAddrV4> for Listener {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<SocketAddrV6> for Listener {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::from(address).into()
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for Listener {
    fn from(address: (I, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<&str> for Listener {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Listener {
    fn from(text: String) -> Self {
        Self::of(Source::Text(text))
    }
}

/// One that is bound and listens already.
impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self::of(Source::Tcp(socket))
    }
}

/// One that is bound and listens already. Its file stays where it is.
#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(socket: UnixListener) -> Self {
        Self::of(Source::UnixBound(socket))
    }
}
