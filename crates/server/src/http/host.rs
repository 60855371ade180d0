//! A name and what is served under it.

use std::{any::type_name, borrow::Cow, convert::Infallible, error::Error, fmt, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::{Body, HostService, files::Root, host_service};
use crate::{
    app::Websocket,
    error::ServerError,
    options::{Options, Settings},
    runtime::Worker,
    session::{Application, Mounted, Place},
};

/// One host: its websocket endpoints, and beside them files and an HTTP service.
///
/// A request goes to the host that its `Host` header names. A server's only host also answers for
/// `localhost` and for IP addresses, by which nobody else can have pointed a name of their own at it; for
/// other names nobody answers (421), unless there is a host [for any](Self::any). Within the host it goes to the websocket endpoint on its path if it asks for a websocket, else
/// to where its path is [redirected](Self::redirect), else to a file below the document root, else to the HTTP service, else to the root's fallback, else it is
/// answered 404, or 426 where there is an endpoint. So a websocket and a page can be at the same path.
#[must_use = "give it to `Server::host`"]
pub struct Host {
    pub(crate) name: String,
    /// Whether it has no name, but that by which it is called in messages.
    pub(crate) is_any: bool,
    pub(crate) aliases: Vec<String>,
    pub(crate) mounts: Vec<Mounting>,
    /// One at most; the server looks.
    pub(crate) roots: Vec<Root>,
    /// One at most; the server looks.
    pub(crate) host_service: Vec<HostService>,
    /// From which path to where.
    pub(crate) redirects: Vec<(String, String)>,
    /// Of the responses that are files.
    pub(crate) file_headers: Vec<(String, String)>,
}

/// An application that is to be mounted on a host's path.
pub(crate) struct Mounting {
    pub(crate) path: String,
    /// What tells it from another on the same path.
    pub(crate) name: Cow<'static, str>,
    pub(crate) options: Options,
    /// Called if it is not there yet.
    pub(crate) mount: MountFn,
}

/// Mounts an application, once it is known where, and which workers drive its clients.
pub(crate) type MountFn = Box<
    dyn FnOnce(Place, Settings, &[Arc<Worker>]) -> Result<Arc<dyn Application>, ServerError> + Send,
>;

impl Host {
    /// A host named `name`, such as `mysite.com`, `127.0.0.1` or `[::1]`.
    ///
    /// Letter case, a port, a dot at the end and how an IPv6 address is written do not matter, here
    /// or in a request. Letters beyond ASCII are written as browsers send them, in their `xn--` form.
    /// A name that no request can have is [refused](crate::ServerError::HostName) when the server
    /// starts.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_any: false,
            aliases: Vec::new(),
            mounts: Vec::new(),
            roots: Vec::new(),
            host_service: Vec::new(),
            redirects: Vec::new(),
            file_headers: Vec::new(),
        }
    }

    /// The host for every name that is no other host's.
    ///
    /// So also for one that somebody has pointed at this machine (DNS rebinding): a page from there is of the
    /// [same origin](crate::Origins::Same) as this host. For who has nothing to lose by that, or lists the
    /// origins. A server has one at most.
    ///
    /// ```
    /// use aerys::Host;
    ///
    /// let host = Host::any().root("public");
    /// ```
    pub fn any() -> Self {
        Self { is_any: true, ..Self::new("*") }
    }

    /// Another name of the host, written as the [first](Self::new).
    ///
    /// ```
    /// use aerys::Host;
    ///
    /// let host = Host::new("mysite.com").alias("www.mysite.com");
    /// ```
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }

    /// Mounts an application with default [`Options`].
    ///
    /// A part of the path may be a parameter, as in `/rooms/{room}`, and its end as `{*rest}` all that
    /// follows; see [`Handshake::param`](crate::Handshake::param). Equivalent paths are the same
    /// (RFC 3986 §6.2.2): `/chat` is `/ch%61t` and `/x/../chat`. A path that no request can have, such
    /// as `chat` or `/a/:id`, is [refused](crate::ServerError::Path) when the server starts.
    pub fn websocket<S, W>(self, path: impl Into<String>, app: W) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        self.websocket_with(path, app, Options::new())
    }

    /// Mounts an application with these options.
    pub fn websocket_with<S, W>(mut self, path: impl Into<String>, app: W, options: Options) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        let mount: MountFn = Box::new(move |place, settings, workers| {
            Ok(Mounted::new(app, place, settings, workers))
        });
        let name = Cow::Borrowed(type_name::<W>());
        self.mounts.push(Mounting { path: path.into(), name, options, mount });
        self
    }

    /// Sends whoever asks for a page at the path `from` elsewhere: to a path of this host, or to a URL. May be called
    /// several times.
    ///
    /// ```
    /// use aerys::Host;
    ///
    /// let host = Host::new("mysite.com")
    ///     .redirect("/old.html", "/new.html")
    ///     .redirect("/shop", "https://shop.mysite.com/");
    /// ```
    ///
    /// GET and HEAD are answered 301, and other methods 308, which has them repeated as they were. A query is taken
    /// along, unless `to` has one. Clients may remember it for an hour. It comes before files and the HTTP service; a
    /// websocket endpoint on the same path is reached as ever. What no request can be for, or nobody be sent to, is
    /// [refused](crate::ServerError::Redirect) when the server starts.
    pub fn redirect(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.redirects.push((from.into(), to.into()));
        self
    }

    /// Answers every other request with a tower service, such as an axum `Router`, which reads the
    /// request's [`Body`] if it cares. Where the request comes from is in its extensions, as a
    /// [`PeerAddr`](crate::PeerAddr).
    ///
    /// It may switch protocols, as axum's `WebSocketUpgrade` does: 101 where the request asks for an
    /// upgrade, success to a `CONNECT`, which is for the host that it names, and so for [any](Self::any). The connection is the service's then, with what it costs: none of
    /// the server's limits apply any more, and a stop does not wait for it, but cuts it off. Any other
    /// answer that is none (informational, or a 101 that nobody has asked for) becomes a 500, and the log
    /// says so; likewise if the service panics.
    ///
    /// A client that goes is noticed when the connection breaks or something is written to it: one that
    /// has only closed its sending side is answered all the same.
    ///
    /// A host has one service: a second is [refused](crate::ServerError::SecondService) when the server
    /// starts.
    pub fn service<T, B>(mut self, service: T) -> Self
    where
        T: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
        T: Clone + Send + Sync + 'static,
        T::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.host_service.push(host_service(service));
        self
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("aliases", &self.aliases)
            .field("endpoints", &self.mounts.iter().map(|it| &it.path).collect::<Vec<_>>())
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}
