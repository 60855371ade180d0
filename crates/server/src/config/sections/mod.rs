//! The sections of a file, each with its keys.

mod admin;
mod application;
mod cluster;
mod compression;
mod drain;
mod host;
mod limits;
mod listen;
mod log;
mod root;
mod tls;
mod top;
mod websocket;

pub use self::log::Log;
pub(super) use self::{
    admin::AdminSection,
    application::ApplicationSection,
    cluster::ClusterSection,
    compression::CompressionSection,
    drain::DrainSection,
    host::HostSection,
    limits::LimitsSection,
    listen::ListenSection,
    tls::{CertificateSection, TlsSection},
    top::Top,
    websocket::WebsocketSection,
};
