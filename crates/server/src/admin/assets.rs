//! The files of the page, which are part of the program, and what they say to browsers. They are the same for everybody
//! and tell nothing.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;

const HTML_TYPE: &str = "text/html; charset=utf-8";
const CSS_TYPE: &str = "text/css; charset=utf-8";
const JS_TYPE: &str = "text/javascript; charset=utf-8";
const SVG_TYPE: &str = "image/svg+xml";

/// Each with its path and its media type.
macro_rules! files {
    ($($path:literal: $kind:expr,)*) => {
        &[$(($path, $kind, include_bytes!(concat!("page", $path)))),*]
    };
}

const FILES: &[(&str, &str, &[u8])] = files! {
    "/index.html": HTML_TYPE,
    "/look.css": CSS_TYPE,
    "/page.css": CSS_TYPE,
    "/plots.css": CSS_TYPE,
    "/tables.css": CSS_TYPE,
    "/icon.svg": SVG_TYPE,
    "/axes.js": JS_TYPE,
    "/bars.js": JS_TYPE,
    "/clients.js": JS_TYPE,
    "/dialogs.js": JS_TYPE,
    "/endpoints.js": JS_TYPE,
    "/feed.js": JS_TYPE,
    "/format.js": JS_TYPE,
    "/lines.js": JS_TYPE,
    "/main.js": JS_TYPE,
    "/plot.js": JS_TYPE,
    "/series.js": JS_TYPE,
    "/token.js": JS_TYPE,
};

/// The page loads its own files and speaks to its own server, and nothing else, whatever might be written into it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                                       connect-src 'self'; base-uri 'none'; form-action 'none'; \
                                       frame-ancestors 'none'";

/// What every answer says, also those of the routes of operators.
const PRECAUTIONS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The file at a path, if there is one.
pub(super) fn file(method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
    let path = if path == "/" { "/index.html" } else { path };
    let (_, kind, content) = FILES.iter().find(|(it, ..)| *it == path)?;
    let is_read = [Method::GET, Method::HEAD].contains(method);
    let content = if is_read { content } else { &b"Only GET and HEAD are answered here.\n"[..] };
    let body = if *method == Method::HEAD { Bytes::new() } else { Bytes::from_static(content) };
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, content.len().into());
    if is_read {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    }
    Some(response)
}

/// Has an answer say what every one does.
pub(super) fn guard<B>(mut response: Response<B>) -> Response<B> {
    for (name, value) in PRECAUTIONS {
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_and_none_names_another_server() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page");
        let there: BTreeSet<_> = fs::read_dir(folder)
            .unwrap()
            .map(|it| format!("/{}", it.unwrap().file_name().to_string_lossy()))
            .collect();
        let served: BTreeSet<_> = FILES.iter().map(|(path, ..)| (*path).to_owned()).collect();
        assert_eq!(there, served);
        for (path, _, content) in FILES {
            let text = std::str::from_utf8(content).unwrap();
            // A namespace is a name, and what a hash names is in the same file.
            let text = text.replace("http://www.w3.org/2000/svg", "").replace("url(#", "");
            for other in ["http:", "https:", "//cdn", "@import", "url(", "style=\"", "onclick="] {
                assert!(!text.contains(other), "{path} has {other}");
            }
        }
    }

    #[test]
    fn files_are_read_and_no_more() {
        let get = file(&Method::GET, "/").unwrap();
        let head = file(&Method::HEAD, "/index.html").unwrap();
        assert_eq!((get.status(), get.headers()), (StatusCode::OK, head.headers()));
        assert_eq!(file(&Method::POST, "/").unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
        for path in ["", "/status", "/page", "/../mod.rs", "/index.html/"] {
            assert!(file(&Method::GET, path).is_none(), "{path}");
        }
    }
}
