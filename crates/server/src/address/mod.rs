//! Hosts, ports and paths in their normal form: RFC 3986 §6.2.
//!
//! Whatever is compared with a request, a host's name, an endpoint's path, an allowed origin, is
//! brought into the same form when the server starts as the request is when it comes. What a
//! configuration says in a form that no request can have is refused at the start, with what to write.

mod authority;
mod host_name;
mod origin;
mod parameter;
mod path;
mod route;
mod target;

pub(crate) use authority::Authority;
pub use host_name::HostNameError;
pub(crate) use host_name::configured_name;
pub(crate) use origin::Origin;
pub(crate) use path::normal_path;
pub use route::PathError;
pub(crate) use route::route;
pub(crate) use target::{Target, TargetError, requested};

/// A header's value as text; `None` if it is more than visible ASCII.
pub(crate) fn visible(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| text.is_ascii())
}
