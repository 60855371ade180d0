//! The handshake of the peers that leave HTTP to hyper.

use std::future::ready;

use anyhow::Result;
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;

use super::{Settings, socket};

/// Serves HTTP, and lets `upgrade` answer each request.
pub(super) fn serve<U>(settings: &Settings, upgrade: U) -> Result<()>
where
    U: Fn(Request<Incoming>) -> Result<Response<Empty<Bytes>>> + Clone + Send + 'static,
{
    socket::serve(settings, |stream| {
        let upgrade = upgrade.clone();
        let service = service_fn(move |request| ready(upgrade(request)));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        async { Ok(connection.with_upgrades().await?) }
    })
}
