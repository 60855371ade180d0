//! A host's HTTP service, whatever its type, what it may not answer, and what is answered for it if
//! it panics.

use std::{
    collections::HashSet, convert::Infallible, error::Error, future::poll_fn,
    panic::AssertUnwindSafe, sync::Arc,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::upgrade::OnUpgrade;
use tower_service::Service;
use tracing::field::display;

use super::{Body, ResponseBody, answer, exchange::Switches};
use crate::{
    log::{self, Brief, PeerText},
    runtime::Panicked,
    session::BoxFuture,
    sync::Mutex,
    transport::ClientIp,
};

/// How many paths are reported of a service that answers what it may not, and how many characters of each.
const MAX_REPORTED: usize = 64;
const MAX_REPORTED_LENGTH: usize = 200;

/// An HTTP service.
pub(crate) type HostService =
    Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<ResponseBody>> + Send + Sync>;

pub(crate) fn host_service<T, B>(service: T) -> HostService
where
    T: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    T: Clone + Send + Sync + 'static,
    T::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let reports = Arc::new(StatusReports::default());
    Arc::new(move |request| {
        let (mut service, reports) = (service.clone(), Arc::clone(&reports));
        Box::pin(async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let client_ip = request.extensions().get::<ClientIp>().map(|ip| display(ip.0));
            // Hyper says so of what asks for it.
            let can_switch = request.extensions().get::<OnUpgrade>().is_some();
            let answering = async {
                let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
                service.call(request).await
            };
            let mut response = match AssertUnwindSafe(answering).catch_unwind().await {
                Ok(Ok(response)) => response,
                Err(panic) => {
                    let (target, panic) = (PeerText(uri.path().as_bytes()), Panicked::new(panic));
                    let panic = Brief(panic);
                    log::event!(ERROR, { client_ip, %method, %target, %panic }, "a service panicked");
                    return answer::failed();
                }
            };
            let status = response.status();
            if can_switch && switches(&method, status) {
                response.extensions_mut().insert(Switches);
            } else if status.is_informational() || switches(&method, status) {
                reports.report(uri.path(), status);
                return cannot_switch();
            }
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        })
    })
}

/// Whether the connection speaks something else from here on: RFC 9110 §7.8, §9.3.6.
fn switches(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// What would not be the last response to its request (RFC 9110 §15.2), or be taken for a switch that
/// nobody has asked for.
fn cannot_switch() -> Response<ResponseBody> {
    let mut response = answer::failed();
    // What the client sends next may not be HTTP.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// On which paths a service has answered what it may not, as far as it was reported.
#[derive(Default)]
struct StatusReports(Mutex<HashSet<String>>);

impl StatusReports {
    /// Says so once for each path.
    fn report(&self, path: &str, status: StatusCode) {
        let path: String = path.chars().take(MAX_REPORTED_LENGTH).collect();
        let is_new = {
            let mut reported = self.0.lock();
            reported.len() < MAX_REPORTED && reported.insert(path.clone())
        };
        if is_new {
            log::event!(
                ERROR, at path.as_str(), { status = status.as_u16() },
                "a service answered with a status that is no answer to its request, and 500 was answered for \
                 it: to switch protocols, the request has to ask for it"
            );
        }
    }
}
