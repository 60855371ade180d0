//! What is answered beside the feed: the page's files to everybody, and the routes of operators to who has the token.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::{Admin, assets};
use crate::{
    app::RequestHead,
    http_server::{Body, ResponseBody},
    session::BoxFuture,
};

const ASKS_FOR_TOKEN: &str =
    "Who are you? The token of this page is asked for: Authorization: Bearer TOKEN.\n";

/// RFC 6750 §3.
pub(super) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"aerys\"");

#[derive(Clone)]
pub(crate) struct Pages(pub(crate) Arc<Admin>);

impl Service<Request<Body>> for Pages {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let admin = Arc::clone(&self.0);
        Box::pin(async move { Ok(assets::guard(answer(&admin, request).await)) })
    }
}

async fn answer(admin: &Admin, request: Request<Body>) -> Response<ResponseBody> {
    if let Some(file) = assets::file(request.method(), request.uri().path()) {
        return boxed(file);
    }
    if !admin.admits(bearer(request.headers())) {
        return boxed(unauthorized());
    }
    let (head, _) = request.into_parts();
    let limits_hit = admin.metrics.snapshot().limits_hit;
    admin.routes.answer(&RequestHead::from(head), limits_hit).await
}

/// The token that a request brings: RFC 6750 §2.1.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    // RFC 9110 §11.1: the scheme is "a case-insensitive token".
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// RFC 9110 §15.5.2: who answers 401 says what is asked for.
fn unauthorized() -> Response<Full<bytes::Bytes>> {
    let mut response = Response::new(Full::from(ASKS_FOR_TOKEN));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn boxed(response: Response<Full<bytes::Bytes>>) -> Response<ResponseBody> {
    response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}
