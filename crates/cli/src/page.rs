//! The chat's page, compiled in: a tower service that needs no files beside the binary.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower_service::Service;

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

const READING: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// A new build is seen at the next visit; what has not changed costs a 304.
const ALWAYS_ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// Serves the page and what belongs to it; everything else it answers 404.
#[derive(Clone)]
pub(crate) struct Page {
    files: Arc<[File]>,
}

struct File {
    paths: &'static [&'static str],
    kind: HeaderValue,
    content: Bytes,
    etag: HeaderValue,
}

impl Page {
    pub(crate) fn new() -> Self {
        let files = [
            File::new(
                &["/", "/index.html"],
                "text/html; charset=utf-8",
                include_bytes!("../page/index.html"),
            ),
            File::new(
                &["/chat.css"],
                "text/css; charset=utf-8",
                include_bytes!("../page/chat.css"),
            ),
            File::new(
                &["/chat.js"],
                "text/javascript; charset=utf-8",
                include_bytes!("../page/chat.js"),
            ),
            File::new(
                &["/connection.js"],
                "text/javascript; charset=utf-8",
                include_bytes!("../page/connection.js"),
            ),
            File::new(
                &["/rooms.js"],
                "text/javascript; charset=utf-8",
                include_bytes!("../page/rooms.js"),
            ),
            File::new(&["/icon.svg"], "image/svg+xml", include_bytes!("../page/icon.svg")),
        ];
        Self { files: files.into() }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let Some(file) = self.files.iter().find(|file| file.paths.contains(&path)) else {
            return plain(StatusCode::NOT_FOUND, "There is nothing at this address.\n");
        };
        match *request.method() {
            Method::GET if file.is_known(request.headers()) => file.unchanged(),
            Method::HEAD if file.is_known(request.headers()) => file.unchanged(),
            Method::GET => file.whole(file.content.clone()),
            Method::HEAD => file.whole(Bytes::new()),
            _ => not_allowed(),
        }
    }
}

impl<B> Service<Request<B>> for Page {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut response = self.answer(&request);
        response.headers_mut().extend(PRECAUTIONS);
        ready(Ok(response))
    }
}

impl File {
    fn new(paths: &'static [&'static str], kind: &'static str, content: &'static [u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        Self {
            paths,
            kind: HeaderValue::from_static(kind),
            content: Bytes::from_static(content),
            etag: HeaderValue::try_from(etag).expect("hexadecimal digits in quotes"),
        }
    }

    /// Whether the browser has this very content already.
    ///
    /// RFC 9110 §13.1.2: a list of tags, or `*`, compared weakly: the `W/` does not matter.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::IF_NONE_MATCH).iter();
        lines
            .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag))
            .any(|tag| tag == b"*" || tag == self.etag.as_bytes())
    }

    fn whole(&self, body: Bytes) -> Response<Full<Bytes>> {
        let mut response = self.response(StatusCode::OK, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        headers.insert(header::CONTENT_LENGTH, self.content.len().into());
        response
    }

    fn unchanged(&self) -> Response<Full<Bytes>> {
        self.response(StatusCode::NOT_MODIFIED, Bytes::new())
    }

    fn response(&self, status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::ETAG, self.etag.clone());
        response.headers_mut().insert(header::CACHE_CONTROL, ALWAYS_ASK);
        response
    }
}

fn not_allowed() -> Response<Full<Bytes>> {
    let mut response =
        plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are answered here.\n");
    response.headers_mut().insert(header::ALLOW, READING);
    response
}

fn plain(status: StatusCode, sentence: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(sentence.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, PLAIN);
    response
}

/// What every answer says: the page may load its own files and talk to its own server, and no more.
const PRECAUTIONS: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// An answer, with its body read.
    fn ask(request: http::request::Builder) -> Response<Bytes> {
        let request = request.body(()).unwrap();
        let Ok(response) = Page::new().call(request).into_inner();
        let (parts, body) = response.into_parts();
        let Some(Ok(body)) = now_or_never(body.collect()) else { panic!("a body at hand") };
        Response::from_parts(parts, body.to_bytes())
    }

    fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn each_file_comes_whole_and_as_what_it_is() {
        let html = include_str!("../page/index.html");
        for (path, kind, content) in [
            ("/", "text/html; charset=utf-8", html),
            ("/index.html", "text/html; charset=utf-8", html),
            ("/?from=there", "text/html; charset=utf-8", html),
            ("/chat.css", "text/css; charset=utf-8", include_str!("../page/chat.css")),
            ("/chat.js", "text/javascript; charset=utf-8", include_str!("../page/chat.js")),
            (
                "/connection.js",
                "text/javascript; charset=utf-8",
                include_str!("../page/connection.js"),
            ),
            ("/rooms.js", "text/javascript; charset=utf-8", include_str!("../page/rooms.js")),
            ("/icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
        ] {
            let response = ask(Request::get(path));
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache", "{path}");
            assert_eq!(response.body(), content, "{path}");
        }
    }

    #[test]
    fn every_answer_takes_its_precautions() {
        for request in [Request::get("/"), Request::get("/none"), Request::post("/")] {
            let response = ask(request);
            for (name, value) in PRECAUTIONS {
                assert_eq!(response.headers()[name], value);
            }
        }
    }

    #[test]
    fn a_head_is_answered_like_a_get_without_the_body() {
        let (get, head) = (ask(Request::get("/chat.js")), ask(Request::head("/chat.js")));
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers(), get.headers());
        assert_eq!(head.headers()[header::CONTENT_LENGTH], get.body().len().to_string());
        assert!(head.body().is_empty());
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let etag = ask(Request::get("/")).headers()[header::ETAG].to_str().unwrap().to_owned();
        let other = ask(Request::get("/chat.css")).headers()[header::ETAG].clone();
        let other = other.to_str().unwrap();
        for (sent, status) in [
            (etag.clone(), StatusCode::NOT_MODIFIED),
            (format!("W/{etag}"), StatusCode::NOT_MODIFIED),
            (format!("{other}, {etag}"), StatusCode::NOT_MODIFIED),
            ("*".into(), StatusCode::NOT_MODIFIED),
            (other.into(), StatusCode::OK),
            (etag.replace('"', ""), StatusCode::OK),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let request = Request::builder().method(method).uri("/");
                let response = ask(request.header(header::IF_NONE_MATCH, &sent));
                assert_eq!(response.status(), status, "{sent}");
                assert_eq!(response.headers()[header::ETAG], etag, "{sent}");
            }
        }
    }

    #[test]
    fn an_unchanged_file_is_answered_without_a_body() {
        let etag = ask(Request::get("/")).headers()[header::ETAG].clone();
        let response = ask(Request::get("/").header(header::IF_NONE_MATCH, etag));
        assert!(response.body().is_empty());
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in ["/none", "/chat", "/index", "/chat.js/", "//", "/../page.rs"] {
            assert_eq!(ask(Request::get(path)).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn only_reading_is_allowed() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let response = ask(Request::builder().method(&method).uri("/"));
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(response.headers()[header::ALLOW], "GET, HEAD", "{method}");
        }
    }
}
