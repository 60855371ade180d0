//! The handshake of the peers that leave HTTP to hyper.

use std::future::{Future, ready};

use anyhow::Result;
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Settings, socket, tls};

/// Serves HTTP, and lets `upgrade` answer each request.
pub(super) fn serve<U>(settings: &Settings, upgrade: U) -> Result<()>
where
    U: Fn(Request<Incoming>) -> Result<Response<Empty<Bytes>>> + Clone + Send + 'static,
{
    match &settings.tls {
        None => socket::serve(settings, |stream| serve_connection(stream, upgrade.clone())),
        Some(files) => {
            tls::serve(settings, files, move |stream| serve_connection(stream, upgrade.clone()))
        }
    }
}

fn serve_connection<S, U>(stream: S, upgrade: U) -> impl Future<Output = Result<()>> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    U: Fn(Request<Incoming>) -> Result<Response<Empty<Bytes>>> + Send + 'static,
{
    let service = service_fn(move |request| ready(upgrade(request)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    async { Ok(connection.with_upgrades().await?) }
}
