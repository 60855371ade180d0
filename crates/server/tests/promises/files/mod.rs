//! A host's document root: what is served of it, how, and what never is.

use std::fs;

use aerys::{Client, Handshake, Host, Refusal, Running, Websocket};
use tempfile::TempDir;

use crate::common::{Raw, get, handshake, serve_host};

struct Welcome;

impl Websocket for Welcome {
    async fn on_open(&self, handshake: Handshake) -> Result<Client, Refusal> {
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
    ];
    for (path, content) in files.iter().chain(more) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let host = Host::new("localhost").websocket("/chat", Welcome).root(folder.path().join("root"));
    (serve_host(host).await, folder)
}

#[tokio::test]
async fn files_are_served_with_their_type() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, kind, content) in [
        ("/", "text/html", INDEX),
        ("/index.html", "text/html", INDEX),
        ("/docs/", "text/html", "<title>Docs</title>"),
        ("/style.css", "text/css", STYLE),
        ("/style.css?v=2", "text/css", STYLE),
        ("/plain.txt", "text/plain", "0123456789"),
        ("/with%20space.txt", "text/plain", "a space"),
        ("/pl%61in.txt", "text/plain", "0123456789"),
        ("/.well-known/security.txt", "text/plain", "Contact: us"),
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
async fn what_the_client_has_already_is_not_sent_again() {
    let (server, folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    let first = raw.ask(get("/plain.txt", "")).await;
    let tag = first.header("etag").expect("an ETag");
    let since = first.header("last-modified").expect("a Last-Modified");
    for (condition, status) in [
        (format!("If-None-Match: {tag}\r\n"), 304),
        (format!("If-None-Match: \"x\", {tag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"x\"\r\n".to_owned(), 200),
        (format!("If-Modified-Since: {since}\r\n"), 304),
        ("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n".to_owned(), 200),
        ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n".to_owned(), 412),
    ] {
        let answer = raw.ask(get("/plain.txt", &condition)).await;
        assert_eq!(answer.status(), status, "{condition}");
        let body = if status == 200 { "0123456789" } else { "" };
        assert_eq!(answer.text(), body, "{condition}");
        if status == 304 {
            assert_eq!(answer.header("etag"), Some(tag), "{condition}");
        }
    }
    fs::write(folder.path().join("root/plain.txt"), "changed").unwrap();
    let answer = raw.ask(get("/plain.txt", &format!("If-None-Match: {tag}\r\n"))).await;
    assert_eq!((answer.status(), answer.text()), (200, "changed"));
    server.stop().await;
}

#[tokio::test]
async fn a_range_is_served_alone() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (range, status, body, of) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=4-", 206, "456789", "bytes 4-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=5-500", 206, "56789", "bytes 5-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
    ] {
        let answer = raw.ask(get("/plain.txt", &format!("Range: {range}\r\n"))).await;
        assert_eq!((answer.status(), answer.text()), (status, body), "{range}");
        assert_eq!(answer.header("content-range"), Some(of), "{range}");
    }
    assert_eq!(raw.ask(get("/plain.txt", "")).await.header("accept-ranges"), Some("bytes"));
    server.stop().await;
}

#[tokio::test]
async fn a_precompressed_file_is_served_to_who_can_read_it() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (accept, encoding, body) in [
        ("gzip", Some("gzip"), "as gzip"),
        ("br", Some("br"), "as brotli"),
        ("gzip, deflate, br, zstd", Some("br"), "as brotli"),
        ("gzip;q=1, br;q=0.5", Some("gzip"), "as gzip"),
        ("gzip;q=0", None, STYLE),
        ("identity", None, STYLE),
        ("zstd", None, STYLE),
    ] {
        let answer = raw.ask(get("/style.css", &format!("Accept-Encoding: {accept}\r\n"))).await;
        assert_eq!((answer.status(), answer.text()), (200, body), "{accept}");
        assert_eq!(answer.header("content-encoding"), encoding, "{accept}");
        assert_eq!(answer.header("content-type"), Some("text/css"), "{accept}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{accept}");
    }
    let answer = raw.ask(get("/plain.txt", "Accept-Encoding: gzip, br\r\n")).await;
    assert_eq!((answer.text(), answer.header("content-encoding")), ("0123456789", None));
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_to_be_seen_is_not_found() {
    let (server, _folder) = site(&[("root/404.html", "<p>Not here")]).await;
    for path in "/.env /%2eenv /%2Eenv /./.env //.env /docs/.hidden /docs/%2Ehidden /docs//.hidden \
                 /docs%2f.hidden /docs%2F%2ehidden /docs/%2e/.hidden /docs%5C.hidden /%2f.env \
                 /.%2fplain.txt /.git/config /.git%2fconfig /%2egit/config /.git/ /.git /. /.. /../ \
                 /../secret.txt /docs/../../secret.txt /..%2fsecret.txt /%2e%2e/secret.txt \
                 /%2e%2e%2fsecret.txt /%2E%2E%2Fsecret.txt /.%2e/secret.txt /..\\secret.txt \
                 /docs%2f..%2f..%2fsecret.txt /..%5csecret.txt /docs/..\\..\\secret.txt \
                 /%252e%252e/secret.txt /%252eenv"
        .split(' ')
    {
        let answer = Raw::connect(&server).await.ask(get(path, "")).await;
        assert_eq!((answer.status(), answer.text()), (404, "<p>Not here"), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_file_is_not_found() {
    let (server, _folder) = site(&[]).await;
    let long = format!("/{}", "x".repeat(5000));
    for path in "/missing /missing/ /plain.txt/ /plain.txt/more /%00 /plain.txt%00 /%ff /% /%zz \
                 /docs/missing /style.css.zst /chat/more"
        .split(' ')
        .chain([&*long])
    {
        let answer = Raw::connect(&server).await.ask(get(path, "")).await;
        assert_eq!(answer.status(), 404, "{path:.40}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path:.40}");
        assert!(answer.text().contains("<h1>Not found</h1>"), "{path:.40}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_root_has_its_own_page_for_what_is_not_found() {
    let (server, folder) = site(&[("root/404.html", "<p>Not here")]).await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.ask(get("/missing", "")).await;
    assert_eq!((answer.status(), answer.text()), (404, "<p>Not here"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
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
