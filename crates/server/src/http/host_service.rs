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
use tower_service::Service;

use super::{Body, ResponseBody, answer};
use crate::{
    log::{self, Brief, PeerText},
    runtime::Panicked,
    session::BoxFuture,
    sync::Mutex,
};

/// How many paths are reported of a service that tries to upgrade, and how many characters of each.
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
    let reports = Arc::new(UpgradeReports::default());
    Arc::new(move |request| {
        let (mut service, reports) = (service.clone(), Arc::clone(&reports));
        Box::pin(async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let answering = async {
                let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
                service.call(request).await
            };
            let response = match AssertUnwindSafe(answering).catch_unwind().await {
                Ok(Ok(response)) => response,
                Err(panic) => {
                    let (target, panic) = (PeerText(uri.path().as_bytes()), Panicked::new(panic));
                    let panic = Brief(panic);
                    log::event!(ERROR, { %method, %target, %panic }, "a service panicked");
                    return failed();
                }
            };
            if is_upgrade(&method, response.status()) {
                reports.report(uri.path(), response.status());
                return cannot_upgrade();
            }
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        })
    })
}

/// Whether the connection would speak something else from here on, or the response not be the last
/// to its request: RFC 9110 §9.3.6, §15.2.
fn is_upgrade(method: &Method, status: StatusCode) -> bool {
    status.is_informational() || (*method == Method::CONNECT && status.is_success())
}

fn failed() -> Response<ResponseBody> {
    answer::plain(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to answer this.")
}

fn cannot_upgrade() -> Response<ResponseBody> {
    let sentence = "This server cannot upgrade the connection here.";
    let mut response = answer::plain(StatusCode::INTERNAL_SERVER_ERROR, sentence);
    // What the client sends next may not be HTTP.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// On which paths a service has tried to upgrade, as far as it was reported.
#[derive(Default)]
struct UpgradeReports(Mutex<HashSet<String>>);

impl UpgradeReports {
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
                "a service tried to upgrade its connection, which it cannot do here, and 500 was \
                 answered for it: mount the websocket with `Host::websocket`"
            );
        }
    }
}
