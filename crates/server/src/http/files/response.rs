//! The answer to a request for a file that is there.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt;

use super::{
    super::{ResponseBody, answer},
    body::{FileBody, Part},
    conditions::{self, HandshakeState},
    date::Date,
    encoding::Encoding,
    lookup::Opened,
    media,
    pool::Pool,
    ranges::{self, Selection},
    validators::Validators,
};

/// Browsers are to believe the type.
pub(super) const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
pub(super) const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Answers a GET or a HEAD with this file.
pub(super) fn file(
    opened: Opened,
    request: &Parts,
    cache_control: Option<&HeaderValue>,
    pool: &Arc<Pool>,
) -> Response<ResponseBody> {
    let now = SystemTime::now();
    let validators = Validators::new(opened.modified, opened.len, opened.encoding, now);
    // RFC 9110 §15.4.5: what a 304 says too.
    let mut headers = HeaderMap::with_capacity(12);
    validators.write(&mut headers);
    if opened.varies {
        headers.insert(header::VARY, ACCEPT_ENCODING);
    }
    if let Some(value) = cache_control {
        headers.insert(header::CACHE_CONTROL, value.clone());
    }
    let now = Date::of(now);
    match conditions::evaluate(&request.headers, &validators, now) {
        HandshakeState::NotModified => return empty(StatusCode::NOT_MODIFIED, headers),
        HandshakeState::Failed => {
            headers.remove(header::CACHE_CONTROL);
            return empty(StatusCode::PRECONDITION_FAILED, headers);
        }
        HandshakeState::Proceed => {}
    }
    headers.insert(header::ACCEPT_RANGES, BYTES);
    let len = opened.len;
    // RFC 9110 §14.2: GET alone has ranges.
    let has_ranges = request.method == Method::GET
        && conditions::range_counts(&request.headers, &validators, now);
    let selection = match has_ranges.then(|| ranges::select(&request.headers, len)) {
        // The encoding would be taken for that of all parts together.
        Some(Selection::Several(_)) if opened.encoding != Encoding::Identity => Selection::Whole,
        selection => selection.unwrap_or(Selection::Whole),
    };
    let kind = media::content_type(&opened.name.to_string());
    let (status, kind, parts) = match selection {
        Selection::Unsatisfiable => {
            headers.remove(header::CACHE_CONTROL);
            headers.insert(header::CONTENT_RANGE, value(format!("bytes */{len}")));
            return empty(StatusCode::RANGE_NOT_SATISFIABLE, headers);
        }
        Selection::Whole => (StatusCode::OK, kind, whole(opened.start, len)),
        Selection::One(range) => {
            headers.insert(header::CONTENT_RANGE, value(content_range(&range, len)));
            (StatusCode::PARTIAL_CONTENT, kind, vec![Part::File(range)])
        }
        Selection::Several(ranges) => {
            let (kind, parts) = multipart(&kind, ranges, len);
            (StatusCode::PARTIAL_CONTENT, kind, parts)
        }
    };
    headers.insert(header::CONTENT_TYPE, kind);
    if let Some(encoding) = opened.encoding.to_header() {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    full(status, headers, FileBody::new(Arc::clone(pool), opened.file, parts))
}

/// The root's page for what is not found: the same for every method, condition and range.
pub(super) fn not_found(opened: Opened, pool: &Arc<Pool>) -> Response<ResponseBody> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, media::content_type(&opened.name.to_string()));
    let parts = whole(opened.start, opened.len);
    let body = FileBody::new(Arc::clone(pool), opened.file, parts);
    full(StatusCode::NOT_FOUND, headers, body)
}

fn full(status: StatusCode, headers: HeaderMap, body: FileBody) -> Response<ResponseBody> {
    let len = HeaderValue::from(body.len());
    let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_LENGTH, len);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    response
}

fn empty(status: StatusCode, headers: HeaderMap) -> Response<ResponseBody> {
    let mut response = Response::new(answer::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    response
}

fn whole(start: Bytes, len: u64) -> Vec<Part> {
    let rest = start.len() as u64..len;
    vec![Part::Bytes(start), Part::File(rest)]
}

/// RFC 9110 §14.6: `multipart/byteranges`.
fn multipart(kind: &HeaderValue, ranges: Vec<Range<u64>>, len: u64) -> (HeaderValue, Vec<Part>) {
    // Nobody can have put it into the file.
    let boundary = format!("{:016x}", RandomState::new().hash_one(len));
    let kind = kind.to_str().unwrap_or_default();
    let mut parts = Vec::with_capacity(2 * ranges.len() + 1);
    for range in ranges {
        let of = content_range(&range, len);
        let head =
            format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {of}\r\n\r\n");
        parts.extend([Part::Bytes(head.into()), Part::File(range)]);
    }
    parts.push(Part::Bytes(format!("\r\n--{boundary}--\r\n").into()));
    (value(format!("multipart/byteranges; boundary={boundary}")), parts)
}

fn content_range(range: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end - 1)
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("it is made of letters and digits")
}
