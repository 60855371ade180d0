//! A host's document root: what is served of it, how, and what never is.

mod conditions;
mod encodings;
#[cfg(unix)]
mod links;
mod options;
mod paths;
mod ranges;
mod reading;

use std::fs;

use aerys::{Accepted, Handshake, Host, Refusal, Root, Websocket};
use tempfile::TempDir;

use crate::common::{Raw, Running, get, handshake, serve_host};

struct Welcome;

impl Websocket for Welcome {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

const INDEX: &str = "<!doctype html><title>Home</title>";
const STYLE: &str = "body { color: black; background: white }";

/// A server of the folder `root`, beside which there is a secret, with a websocket at `/chat`.
async fn site(more: &[(&str, &str)]) -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("secret.txt", "TOP SECRET"),
        ("root/index.html", INDEX),
        ("root/style.css", STYLE),
        ("root/style.css.gz", "as gzip"),
        ("root/style.css.br", "as brotli"),
        ("root/plain.txt", "0123456789"),
        ("root/docs/index.html", "<title>Docs</title>"),
        ("root/docs/.hidden", "TOP SECRET"),
        ("root/.env", "TOP SECRET"),
        ("root/.git/config", "TOP SECRET"),
        ("root/.well-known/security.txt", "Contact: us"),
        ("root/with space.txt", "a space"),
        ("root/cached/a.css", STYLE),
        ("root/cached/a.css.br", "as brotli"),
        ("root/a folder#/index.html", "<title>A folder</title>"),
    ];
    for (path, content) in files.iter().chain(more) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let root = Root::new(folder.path().join("root")).cache_control("/cached/*", "no-cache");
    let host = Host::new("localhost").websocket("/chat", Welcome).root(root);
    (serve_host(host).await, folder)
}

#[tokio::test]
async fn files_are_served_with_their_type() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, kind, content) in [
        ("/", "text/html; charset=utf-8", INDEX),
        ("/index.html", "text/html; charset=utf-8", INDEX),
        ("/docs/", "text/html; charset=utf-8", "<title>Docs</title>"),
        ("/style.css", "text/css; charset=utf-8", STYLE),
        ("/style.css?v=2", "text/css; charset=utf-8", STYLE),
        ("/plain.txt", "text/plain; charset=utf-8", "0123456789"),
        ("/with%20space.txt", "text/plain; charset=utf-8", "a space"),
        ("/pl%61in.txt", "text/plain; charset=utf-8", "0123456789"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8", "Contact: us"),
    ] {
        let answer = raw.ask(get(path, "")).await;
        assert_eq!((answer.status(), answer.text()), (200, content), "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let answer = raw.ask(get("/docs", "")).await;
    assert_eq!((answer.status(), answer.header("location")), (307, Some("/docs/")));
    server.stop().await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, status) in [("/plain.txt", 200), ("/", 200), ("/missing", 404)] {
        let full = raw.ask(get(path, "")).await;
        raw.write(get(path, "").replacen("GET", "HEAD", 1)).await;
        let bare = raw.answer_without_body().await;
        assert_eq!((bare.status(), full.status()), (status, status), "{path}");
        for name in ["content-type", "content-length", "etag", "last-modified"] {
            assert_eq!(bare.header(name), full.header(name), "{name} of {path}");
        }
    }
    // Had there been a body, it would stand before this answer.
    assert_eq!(raw.ask(get("/plain.txt", "")).await.text(), "0123456789");
    server.stop().await;
}

#[tokio::test]
async fn a_root_has_its_own_page_for_what_is_not_found() {
    let (server, folder) = site(&[("root/404.html", "<p>Not here")]).await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.ask(get("/missing", "")).await;
    assert_eq!((answer.status(), answer.text()), (404, "<p>Not here"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    fs::remove_file(folder.path().join("root/404.html")).unwrap();
    assert!(raw.ask(get("/missing", "")).await.text().contains("<h1>Not found</h1>"));
    server.stop().await;
}

#[tokio::test]
async fn files_are_only_read() {
    let (server, _folder) = site(&[]).await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for path in ["/plain.txt", "/missing"] {
            let request = get(path, "Content-Length: 5\r\n").replacen("GET", method, 1) + "hello";
            let answer = Raw::connect(&server).await.ask(request).await;
            assert_eq!(answer.status(), 405, "{method} {path}");
            let allowed: Vec<_> =
                answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
            assert_eq!(allowed, ["GET", "HEAD"], "{method} {path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn requests_share_a_connection_one_after_the_other_or_at_once() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..3 {
        assert_eq!(raw.ask(get("/plain.txt", "")).await.text(), "0123456789");
        assert_eq!(raw.ask(get("/missing", "")).await.status(), 404);
    }
    let paths = ["/plain.txt", "/missing", "/style.css", "/", "/docs/"];
    raw.write(paths.map(|path| get(path, "")).concat() + &handshake("/chat", "")).await;
    for status in [200, 404, 200, 200, 200, 101] {
        assert_eq!(raw.answer().await.status(), status);
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_stands_before_a_file_of_its_name_for_who_asks_for_one() {
    let (server, _folder) = site(&[("root/chat", "a file")]).await;
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/chat", "")).await.text(), "a file");
    assert_eq!(raw.ask(handshake("/plain.txt", "")).await.text(), "0123456789");
    assert_eq!(raw.ask(handshake("/chat", "")).await.status(), 101);
    drop(raw);
    server.stop().await;
}
