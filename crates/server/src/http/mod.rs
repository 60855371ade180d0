//! HTTP/1.1 (RFC 9110, 9112): from a fresh connection to a route, and to the upgrade.

mod answer;
mod body;
mod connection;
mod exchange;
mod express;
mod files;
mod host;
mod http1;
mod linger;
mod pages;
mod root;
mod service;
mod site;
mod socket;
mod stall;
mod transfer;
mod upgrade;

use std::error::Error;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

pub use body::{Body, BodyError};
pub(crate) use connection::{Limits, Outcome, Reception, serve};
pub use host::Host;
pub(crate) use pages::{Pages, pages};
pub use root::Root;
pub(crate) use site::Site;
pub(crate) use transfer::BodyLimits;

/// Every response's body.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;
