//! HTTP/1.1 and HTTP/2 (RFC 9110, 9112, 9113): from a fresh connection to a route, and to the upgrade.

mod access;
mod admin;
mod admission;
mod answer;
mod body;
mod connection;
mod exchange;
mod fast_handshake;
mod file_headers;
#[cfg_attr(not(feature = "files"), path = "no_files.rs")]
mod files;
mod forwarded;
mod host;
mod host_service;
mod hosts;
mod http1;
#[cfg_attr(not(feature = "http2"), path = "no_http2.rs")]
mod http2;
mod hyper_connection;
mod hyper_socket;
mod linger;
mod listener_routes;
mod monitor;
mod mounter;
mod proxies;
mod received;
mod redirects;
mod service;
mod socket;
mod stall;
mod transfer;
mod upgrade;

use std::error::Error;

use bytes::Bytes;
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;

pub(crate) use access::AccessLog;
#[cfg(feature = "admin")]
pub(crate) use admin::AdminRoutes;
pub(crate) use admin::Control;
pub use body::{Body, BodyError};
pub(crate) use connection::{AcceptContext, Entrance, Limits, Outcome, Site, serve};
#[cfg(feature = "files")]
pub use files::Root;
pub use host::Host;
#[cfg(feature = "config")]
pub(crate) use host::{MountFn, Mounting};
pub(crate) use host_service::{HostService, host_service};
pub(crate) use hosts::Hosts;
pub(crate) use listener_routes::ListenerRoutes;
pub(crate) use monitor::Monitor;
pub(crate) use mounter::Mounter;
pub(crate) use proxies::TrustedProxies;
pub(crate) use received::{Answered, ReceivedHandshake};
pub(crate) use transfer::BodyLimits;
#[cfg(feature = "config")]
pub(crate) use {file_headers::check_file_header, redirects::check_redirect};

/// What is answered to who comes while the server stops.
pub(crate) fn stopping() -> Response<ResponseBody> {
    answer::refused(upgrade::stopping())
}

/// Every response's body.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;
