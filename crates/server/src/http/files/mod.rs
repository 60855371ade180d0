//! Files below a document root.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower_http::services::ServeDir;

use super::{ResponseBody, answer};
use crate::log::{self, Said};

pub(super) struct Files {
    folder: ServeDir,
    not_found: PathBuf,
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        let folder = ServeDir::new(root).precompressed_br().precompressed_gzip();
        Self { folder, not_found: root.join("404.html") }
    }

    /// The file the request names; `None` if there is none, or none that is to be seen.
    pub(super) async fn serve(&self, request: Request<()>) -> Option<Response<ResponseBody>> {
        let path = request.uri().path().to_owned();
        if is_hidden(&path) {
            return None;
        }
        let mut response = match self.folder.clone().try_call(request).await {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => return None,
            Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
            Err(error) if is_missing(error.kind()) => return None,
            Err(error) => {
                let file = Said(path.as_bytes());
                log::event!(WARN, { %file, %error }, "a file cannot be read");
                answer::plain(StatusCode::INTERNAL_SERVER_ERROR, "This file cannot be read.")
            }
        };
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
        Some(response)
    }

    /// The answer where nothing is found: the root's own `404.html`, else the server's.
    pub(super) async fn not_found(&self) -> Response<ResponseBody> {
        match tokio::fs::read(&self.not_found).await {
            Ok(page) => answer::not_found_page(page),
            Err(_) => answer::not_found(),
        }
    }
}

/// Whether there is no file, as far as the world is concerned: also if it may not be read, if its
/// name is too long or has a NUL in it, or if a file stands where a folder would have to.
fn is_missing(kind: ErrorKind) -> bool {
    use ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(kind, NotFound | NotADirectory | PermissionDenied | InvalidFilename | InvalidInput)
}

/// Whether a name on the way begins with a dot: `.git`, `.env`. The way may be percent-encoded, what
/// separates the names too. RFC 8615's `.well-known` is meant to be seen.
fn is_hidden(path: &str) -> bool {
    let path =
        path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    path.split(['/', '\\']).any(|name| name.starts_with('.') && name != ".well-known")
}

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_with_a_dot_are_hidden() {
        for (path, hidden) in [
            ("/", false),
            ("/index.html", false),
            ("/a.b/c.d", false),
            ("/.well-known/acme", false),
            ("/.git/config", true),
            ("/a/.env", true),
            ("/a/%2Eenv", true),
            ("/a/%2eenv", true),
            ("/a%2f.env", true),
            ("/a%5C%2Eenv", true),
            ("/../etc/passwd", true),
        ] {
            assert_eq!(is_hidden(path), hidden, "{path}");
        }
    }
}
