//! HTTP/1.1 (RFC 9110, 9112): from a fresh connection to a route, and to the upgrade.

mod answer;
mod connection;
mod express;
mod files;
mod patient;
mod service;
mod site;
mod upgrade;

use std::{convert::Infallible, error::Error, future::poll_fn, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tower_service::Service;

pub(crate) use connection::{Limits, Outcome, Reception, serve};
pub(crate) use site::Site;

use crate::mount::BoxFuture;

/// Every response's body.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// An HTTP service, whatever its type.
pub(crate) type Pages =
    Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<ResponseBody>> + Send + Sync>;

pub(crate) fn pages<T, B>(service: T) -> Pages
where
    T: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    T: Clone + Send + Sync + 'static,
    T::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    Arc::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
            let Ok(response) = service.call(request).await;
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        })
    })
}
