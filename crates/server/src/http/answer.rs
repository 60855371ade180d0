//! The responses that the server makes itself: 404, 405, `OPTIONS *`, a handshake that was refused.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::ext::ReasonPhrase;

use super::ResponseBody;
use crate::error::Refusal;

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

pub(super) fn empty() -> ResponseBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A sentence for a person or a log.
pub(super) fn plain(status: StatusCode, sentence: &str) -> Response<ResponseBody> {
    let mut response = Response::new(full(format!("{sentence}\n").into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, PLAIN);
    response
}

/// RFC 9110 §9.3.7: `OPTIONS *` "is only useful as a "ping" or "no-op" type of method".
pub(super) fn options() -> Response<ResponseBody> {
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// For what the log tells of and the peer is not to know.
pub(super) fn failed() -> Response<ResponseBody> {
    plain(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to answer this.")
}

/// RFC 9110 §15.5.20: the request is for a host for which nothing answers here.
pub(super) fn misdirected() -> Response<ResponseBody> {
    plain(StatusCode::MISDIRECTED_REQUEST, "This server does not answer for a host of that name.")
}

pub(super) fn not_found() -> Response<ResponseBody> {
    not_found_page(NOT_FOUND_PAGE)
}

pub(super) fn not_found_page(html: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(full(html.into()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    response
}

pub(super) fn refused(refusal: Refusal) -> Response<ResponseBody> {
    let refusal = refusal.into_answer();
    let status = refusal.status.as_status_code();
    let standard = status.canonical_reason().unwrap_or("Refused");
    let mut response = plain(status, refusal.reason.as_deref().unwrap_or(standard));
    if let Some(phrase) = refusal.reason.as_deref().and_then(phrase) {
        response.extensions_mut().insert(phrase);
    }
    // Several values under one name all go out; a name that is here replaces ours.
    let mut headers = refusal.headers;
    // Where the body ends is the server's to say.
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    for name in headers.keys() {
        response.headers_mut().remove(name);
    }
    response.headers_mut().extend(headers);
    response
}

pub(super) fn method_not_allowed(allowed: &Method) -> Response<ResponseBody> {
    not_allowed(&format!("Only {allowed} is answered here."), allowed.as_str())
}

/// RFC 9110 §15.5.6: with the methods that are.
pub(super) fn not_allowed(sentence: &str, allowed: &str) -> Response<ResponseBody> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, sentence);
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// For what is true now alone: RFC 9111 §5.2.2.5.
pub(super) fn no_store(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn full(body: Bytes) -> ResponseBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// RFC 9112 §4: a reason phrase is tabs, spaces and visible characters. Ours keep to ASCII.
fn phrase(reason: &str) -> Option<ReasonPhrase> {
    let visible = |c: char| if matches!(c, '\t' | ' '..='~') { c } else { '?' };
    ReasonPhrase::try_from(reason.chars().map(visible).collect::<String>()).ok()
}

const NOT_FOUND_PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found</title>
<h1>Not found</h1>
<p>There is nothing at this address.</p>
</html>
"#;
