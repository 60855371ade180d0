//! Why a server did not start, or did not stop as it should.

use std::{error::Error, fmt, io, path::PathBuf, time::Duration};

use super::{Failure, FileHeaderError, RedirectError, RootError};
use crate::{
    address::{HostNameError, PathError},
    options::OptionsError,
};

/// Why a [`Server`](crate::Server) did not start, or did not stop as it should.
///
/// Each is a whole sentence with what to do about it. What lies under it is in the fields and in the
/// sentence, and not told once more as the [`source`](std::error::Error::source).
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", why_not_bound(cause))]
    Listen {
        /// The address asked for.
        address: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A certificate cannot be shown to clients, or an authority not be asked for.
    #[cfg(feature = "tls")]
    #[error("cannot speak TLS: {cause}")]
    Certificate {
        /// Which file, and why.
        cause: super::CertificateError,
    },
    /// Nobody could be trusted by this.
    #[error(
        "the trusted proxy {given:?} is neither an IP address, such as \"10.0.0.7\", nor a network, such as \
         \"10.0.0.0/8\", nor \"unix:\", which is whoever connects to a Unix socket"
    )]
    TrustedProxy {
        /// As it was given.
        given: String,
    },
    /// A listener waits for what nobody may say.
    #[error(
        "the listener {address} asks for the PROXY protocol, which only trusted proxies may speak: name them \
         by `Server::trusted_proxies`"
    )]
    ProxyProtocol {
        /// Where it listens.
        address: String,
    },
    /// Another server is a node by the same value already.
    #[error("another server has this `Cluster`: each node needs one of its own, by `Cluster::new`")]
    ClusterTaken,
    /// A listener that speaks TLS was to redirect to https, which is where who comes to it is.
    #[error(
        "the listener {address} speaks TLS and redirects to https: call `Listener::redirect_to_https` on one \
         in clear text"
    )]
    RedirectWithinTls {
        /// The address asked for.
        address: String,
    },
    /// A listener for operators could be reached by others.
    #[error("the listener {address} is for operators: call `Listener::admin` on a Unix socket")]
    AdminOverTcp {
        /// The address asked for.
        address: String,
    },
    /// The admin page could be reached from elsewhere, and its token be read on the way.
    #[error(
        "the admin page on {address} could be reached from other machines in clear text, and its token be read: give \
         its listener `Listener::tls`, or an address of this machine alone, such as \"127.0.0.1:9001\""
    )]
    AdminPageInClearText {
        /// The address asked for.
        address: String,
    },
    /// The listener of the admin page was to answer something else too.
    #[error(
        "the listener {address} is the admin page's, and answers nothing else: leave out what else it was told to \
         answer, such as `Listener::metrics`"
    )]
    AdminPageRules {
        /// The address asked for.
        address: String,
    },
    /// The token of the admin page would let others in, or nobody.
    #[error("the token of the admin page {problem}")]
    AdminPageToken {
        /// What is wrong with it, as the rest of a sentence, and what to do.
        problem: &'static str,
    },
    /// A host was given a second document root, and would have had no use for the first.
    #[error(
        "the host {host:?} has two document roots, {} and {}: call `Host::root` once",
        first.display(),
        second.display()
    )]
    SecondRoot {
        /// The host.
        host: String,
        /// The folder that it was given first.
        first: PathBuf,
        /// The folder that it was given then.
        second: PathBuf,
    },
    /// A host was given a second HTTP service, and would have had no use for the first.
    #[error(
        "the host {host:?} has two HTTP services: call `Host::service` once, with one that knows \
         both, such as an axum `Router` that was merged"
    )]
    SecondService {
        /// The host.
        host: String,
    },
    /// A redirect leads nowhere, or from nowhere.
    #[error("a redirect of the host {host:?} makes no sense: {cause}")]
    Redirect {
        /// The host.
        host: String,
        /// What is wrong.
        cause: RedirectError,
    },
    /// A header cannot be added to files.
    #[error("a header of the host {host:?} makes no sense: {cause}")]
    FileHeader {
        /// The host.
        host: String,
        /// What is wrong.
        cause: FileHeaderError,
    },
    /// The document root is no folder that can be read.
    #[error("cannot serve files from {}: {cause}", path.display())]
    Root {
        /// The folder asked for.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What is asked of a document root makes no sense.
    #[error("the document root {} makes no sense: {cause}", path.display())]
    RootOptions {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        cause: RootError,
    },
    /// The server was given no host.
    #[error("the server has no host: add one with `Server::host`")]
    NoHost,
    /// No request could be for a host of this name.
    #[error("the host name {name:?} can never match: {cause}")]
    HostName {
        /// As it was given.
        name: String,
        /// What is wrong with it, and what to write.
        cause: HostNameError,
    },
    /// Two hosts have the same name.
    #[error("there are two hosts named {name:?}")]
    DuplicateHost {
        /// The name, in lower case.
        name: String,
    },
    /// No request could be for an endpoint on this path.
    #[error("the path {path:?} of host {host:?} can never match: {cause}")]
    Path {
        /// The host it was mounted on.
        host: String,
        /// As it was given.
        path: String,
        /// What is wrong with it, and what to write.
        cause: PathError,
    },
    /// A path cannot be routed, or is routed twice.
    #[error("the path {path:?} of host {host:?} cannot be routed: {cause}")]
    Route {
        /// The host it was mounted on.
        host: String,
        /// The path.
        path: String,
        /// What the router said.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// A period is zero, so that everybody would be cut off.
    #[error("`Server::{option}` is zero, which would cut everybody off: `None` is for never")]
    ZeroPeriod {
        /// The option of [`Server`](crate::Server).
        option: &'static str,
    },
    /// A drain would leave no time to stop.
    #[error(
        "`Server::drain` takes {period:?} of the {stop_period:?} that `Server::stop_period` has for all of a stop: \
         half of that at most, so make it longer or the drain shorter"
    )]
    Drain {
        /// Its delay and the time over which clients are closed.
        period: Duration,
        /// For the whole stop.
        stop_period: Duration,
    },
    /// An application's options make no sense.
    #[error("the options of the application at {path:?} make no sense: {cause}")]
    Options {
        /// The path it is mounted on.
        path: String,
        /// Which option, and why.
        cause: OptionsError,
    },
    /// There was one application, and another endpoint has it.
    #[error(
        "the application {name:?} for {path:?} is one value, and another endpoint has it: register it by \
         `Config::application_with`"
    )]
    ApplicationTaken {
        /// The name it is registered under.
        name: String,
        /// The path it was to be mounted on.
        path: String,
    },
    /// An application's `on_start` failed.
    #[error("the application at {path:?} could not start: {failure}")]
    Start {
        /// The path it is mounted on.
        path: String,
        /// What it failed with.
        failure: Failure,
    },
    /// [`Server::mount`](crate::Server::mount) was called on a server that has more than endpoints.
    #[error(
        "a server that is mounted in another one has {what}: that is for the server around it, and \
         `Server::start` for one that stands by itself"
    )]
    NotMountable {
        /// What it has.
        what: &'static str,
    },
    /// [`Server::run`](crate::Server::run) was called where it would block a tokio runtime.
    #[error(
        "`Server::run` was called inside a tokio runtime, which it would block: \
         use `Server::start` there, and then `Running::until_signalled`"
    )]
    InsideRuntime,
    /// A thread could not be started, or a signal not be listened for.
    #[error("the system refuses what the server needs: {0}")]
    System(io::Error),
    /// A second signal came while the server was stopping.
    #[error("stopped at once by a second signal; not every client was told")]
    Interrupted,
}

/// The sentence itself: it is what a `main` that returns the error prints.
impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn why_not_bound(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program is listening there".into(),
        io::ErrorKind::PermissionDenied => "this user may not listen there".into(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".into(),
        _ => error.to_string(),
    }
}
