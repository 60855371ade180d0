//! The protocol's rules, RFC by RFC and section by section, through the public interface alone.

mod client;
mod rfc6455;
mod rfc7692;
mod rfc8441;
