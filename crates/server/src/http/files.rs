//! Files below a document root.

use std::{
    io::ErrorKind::{NotADirectory, NotFound, PermissionDenied},
    path::{Path, PathBuf},
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower_http::services::ServeDir;
use tracing::warn;

use super::{ResponseBody, answer};

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
            // A file that may not be read is, to the world, not there.
            Err(error) if matches!(error.kind(), NotFound | NotADirectory | PermissionDenied) => {
                return None;
            }
            Err(error) => {
                warn!(path, %error, "a file cannot be read");
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

/// Whether a name on the way begins with a dot: `.git`, `.env`. The way may be percent-encoded.
/// RFC 8615's `.well-known` is meant to be seen.
fn is_hidden(path: &str) -> bool {
    path.split(['/', '\\'])
        .map(|name| name.to_ascii_lowercase().replace("%2e", "."))
        .any(|name| name.starts_with('.') && name != ".well-known")
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
            ("/../etc/passwd", true),
        ] {
            assert_eq!(is_hidden(path), hidden, "{path}");
        }
    }
}
