//! What a `Root` can be told: a fallback, `Cache-Control`, and what makes no sense.

use std::{fs, io};

use aerys::{Host, Root, RootError, Server, ServerError};
use axum::{Router, http::StatusCode, routing::get as on_get};
use tempfile::TempDir;

use crate::common::{Raw, get, serve_host, try_start};

const APP: &str = "<title>The app</title>";
/// As a browser says it that goes to a page.
const PAGE: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

fn app() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("assets/deep")).unwrap();
    for (path, content) in [
        ("index.html", APP),
        ("about.html", "<title>About</title>"),
        ("assets/app.js", "app()"),
        ("assets/deep/app.css", "body {}"),
    ] {
        fs::write(folder.path().join(path), content).unwrap();
    }
    folder
}

#[tokio::test]
async fn the_fallback_is_for_who_goes_to_a_page_that_is_not_there() {
    let folder = app();
    let root = Root::new(folder.path()).fallback("index.html");
    let server = serve_host(Host::new("localhost").root(root)).await;
    let mut raw = Raw::connect(&server).await;
    for (path, accept, status) in [
        ("/", PAGE, 200),
        ("/users/7", PAGE, 200),
        ("/users/jane.doe?tab=1", PAGE, 200),
        ("/users/", PAGE, 200),
        ("/assets/", PAGE, 200),
        ("/.hidden", PAGE, 200),
        ("/%ff", PAGE, 200),
        ("/users/7", "Accept: text/html\r\n", 200),
        ("/users/7", "Accept: application/json\r\nAccept: TEXT/HTML;q=0.1\r\n", 200),
        ("/users/7", "Accept: application/xhtml+xml\r\n", 200),
        ("/users/7", "Accept: text/html;q=0\r\n", 404),
        ("/users/7", "Accept: */*\r\n", 404),
        ("/users/7", "Accept: application/json\r\n", 404),
        ("/assets/gone.js", "Accept: */*\r\n", 404),
        ("/logo.png", "Accept: image/avif,image/webp,*/*;q=0.8\r\n", 404),
        ("/users/7", "", 404),
    ] {
        let answer = raw.ask(get(path, accept)).await;
        assert_eq!(answer.status(), status, "{path} {accept}");
        assert_eq!(answer.mentions(APP), status == 200, "{path} {accept}");
        let vary = (path != "/").then_some("accept");
        assert_eq!(answer.header("vary"), vary, "{path} {accept}");
        raw.write(get(path, accept).replacen("GET", "HEAD", 1)).await;
        assert_eq!(raw.answer_without_body().await.status(), status, "HEAD {path} {accept}");
    }
    let answer = raw.ask(get("/about.html", PAGE)).await;
    assert_eq!((answer.text(), answer.header("vary")), ("<title>About</title>", None));
    assert_eq!(raw.ask(get("/assets", PAGE)).await.header("location"), Some("/assets/"));
    let post = get("/users/7", PAGE).replacen("GET", "POST", 1);
    assert_eq!(raw.ask(post).await.status(), 405);
    server.stop().await;
}

#[tokio::test]
async fn the_fallback_is_a_file_like_others() {
    let folder = app();
    fs::write(folder.path().join("index.html.gz"), "as gzip").unwrap();
    let root = Root::new(folder.path()).fallback("/index.html").cache_control("*", "no-cache");
    let server = serve_host(Host::new("localhost").root(root)).await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.ask(get("/users", &format!("{PAGE}Accept-Encoding: gzip\r\n"))).await;
    assert_eq!((answer.status(), answer.text()), (200, "as gzip"));
    assert_eq!(answer.headers("vary"), ["accept-encoding", "accept"]);
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let answer = raw.ask(get("/users", PAGE)).await;
    let tag = answer.header("etag").expect("an ETag");
    let known = raw.ask(get("/users", &format!("{PAGE}If-None-Match: {tag}\r\n"))).await;
    assert_eq!((known.status(), known.headers("vary")), (304, answer.headers("vary")));
    fs::remove_file(folder.path().join("index.html")).unwrap();
    assert_eq!(raw.ask(get("/users", PAGE)).await.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn a_service_is_asked_before_there_is_a_fallback() {
    let folder = app();
    let router = Router::new()
        .route("/api/users", on_get(async || "all of them"))
        .route("/api/broken", on_get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .fallback(async || (StatusCode::NOT_FOUND, "the service has none"));
    let root = Root::new(folder.path()).fallback("index.html");
    let server = serve_host(Host::new("localhost").root(root).service(router)).await;
    let mut raw = Raw::connect(&server).await;
    for (path, accept, status, text) in [
        ("/api/users", PAGE, 200, "all of them"),
        ("/api/users", "Accept: application/json\r\n", 200, "all of them"),
        ("/api/broken", PAGE, 500, ""),
        ("/users/7", PAGE, 200, APP),
        ("/users/7", "Accept: application/json\r\n", 404, "the service has none"),
        ("/assets/app.js", PAGE, 200, "app()"),
    ] {
        let answer = raw.ask(get(path, accept)).await;
        assert_eq!((answer.status(), answer.text()), (status, text), "{path} {accept}");
    }
    let post = get("/users/7", PAGE).replacen("GET", "POST", 1);
    assert_eq!(raw.ask(post).await.text(), "the service has none");
    server.stop().await;
}

#[tokio::test]
async fn what_may_be_cached_goes_by_the_path_of_the_file() {
    let folder = app();
    let root = Root::new(folder.path())
        .cache_control("/assets/*.js", "max-age=1")
        .cache_control("/assets/*", "max-age=2, immutable")
        .cache_control("*.html", "no-cache");
    let server = serve_host(Host::new("localhost").root(root)).await;
    let mut raw = Raw::connect(&server).await;
    fs::write(folder.path().join("other.txt"), "other").unwrap();
    for (path, extra, status, value) in [
        ("/assets/app.js", "", 200, Some("max-age=1")),
        ("/%61ssets/app.js?v=1", "", 200, Some("max-age=1")),
        ("//assets//app.js", "", 200, Some("max-age=1")),
        ("/assets/deep/app.css", "", 200, Some("max-age=2, immutable")),
        ("/assets/deep/app.css", "Range: bytes=0-0\r\n", 206, Some("max-age=2, immutable")),
        ("/assets/deep/app.css", "If-None-Match: *\r\n", 304, Some("max-age=2, immutable")),
        ("/assets/deep/app.css", "If-Match: \"x\"\r\n", 412, None),
        ("/assets/deep/app.css", "Range: bytes=99-\r\n", 416, None),
        ("/", "", 200, Some("no-cache")),
        ("/about.html", "", 200, Some("no-cache")),
        ("/other.txt", "", 200, None),
        ("/assets/gone.js", "", 404, None),
        ("/assets/deep", "", 307, None),
    ] {
        let answer = raw.ask(get(path, extra)).await;
        let found = (answer.status(), answer.header("cache-control"));
        assert_eq!(found, (status, value), "{path} {extra}");
    }
    server.stop().await;
}

/// What a server of this root says instead of starting.
async fn refusal(root: Root) -> ServerError {
    let said = format!("{root:?}");
    try_start(Server::new().host(Host::new("a").root(root))).await.expect_err(&said)
}

#[tokio::test]
async fn what_makes_no_sense_is_found_at_the_start() {
    let folder = app();
    let root = || Root::new(folder.path());
    for (root, sentence) in [
        (root().fallback("gone.html"), "the fallback \"gone.html\" cannot be served from it: "),
        (root().fallback("assets"), "the fallback \"assets\" cannot be served from it: "),
        (root().fallback(""), "the fallback \"\" cannot be served from it: "),
        (root().fallback("index.html/"), "the fallback \"index.html/\" cannot be served from it: "),
        (root().fallback(".hidden"), "the fallback \".hidden\" cannot be served from it: "),
        (root().fallback("../index.html"), "the fallback \"../index.html\" cannot be served"),
        (
            root().cache_control("", "no-cache"),
            "the pattern \"\" of a Cache-Control matches no file",
        ),
        (root().cache_control("assets/*", "no-cache"), "the pattern \"assets/*\" of a Cache-"),
        (root().cache_control("/a?b", "no-cache"), "the pattern \"/a?b\" of a Cache-Control"),
        (root().cache_control("/assets/", "no-cache"), "the pattern \"/assets/\" of a Cache-"),
        (root().cache_control("*", ""), "\"\" is no value of a header"),
        (root().cache_control("*", "a\r\nb: c"), "\"a\\r\\nb: c\" is no value of a header"),
    ] {
        let error = refusal(root).await.to_string();
        let start =
            format!("the document root {} makes no sense: {sentence}", folder.path().display());
        assert!(error.starts_with(&start), "{error}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_root_can_be_matched_on() {
    let folder = app();
    let root = || Root::new(folder.path());
    let error = refusal(root().fallback("gone.html")).await;
    assert!(
        matches!(&error, ServerError::RootOptions { path, cause: RootError::Fallback { file, cause } }
            if path == folder.path() && file == "gone.html"
                && cause.kind() == io::ErrorKind::NotFound),
        "{error:?}"
    );
    let error = refusal(root().cache_control("a", "no-cache")).await;
    assert!(
        matches!(&error, ServerError::RootOptions { cause: RootError::Pattern { pattern }, .. }
            if pattern == "a"),
        "{error:?}"
    );
    let error = refusal(root().cache_control("*", "\n")).await;
    assert!(
        matches!(&error, ServerError::RootOptions { cause: RootError::CacheControl { value }, .. }
            if value == "\n"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_hosts_headers_go_with_its_files_and_with_nothing_else() {
    let folder = app();
    fs::write(folder.path().join("404.html"), "<p>Not here").unwrap();
    let teapot = || async { StatusCode::IM_A_TEAPOT };
    let host = Host::new("localhost")
        .root(folder.path())
        .service(Router::new().route("/service", on_get(teapot)))
        .header("X-Frame-Options", "DENY")
        .header("Link", "<a>; rel=x")
        .header("link", "<b>; rel=y");
    let server = serve_host(host).await;
    let mut raw = Raw::connect(&server).await;
    let page = raw.ask(get("/about.html", "")).await;
    let unchanged = format!("If-None-Match: {}\r\n", page.header("etag").unwrap());
    for (path, more, status) in [
        ("/", "", 200),
        ("/assets/app.js", "", 200),
        ("/about.html", "Range: bytes=0-1\r\n", 206),
        ("/about.html", &unchanged, 304),
    ] {
        let answer = raw.ask(get(path, more)).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.headers("link"), ["<a>; rel=x", "<b>; rel=y"], "{path}");
    }
    for (path, status) in [("/service", 418), ("/assets", 307)] {
        let answer = raw.ask(get(path, "")).await;
        assert_eq!((answer.status(), answer.header("x-frame-options")), (status, None), "{path}");
    }
    server.stop().await;
    let own_page = serve_host(Host::new("localhost").root(folder.path()).header("X-A", "b")).await;
    let answer = Raw::connect(&own_page).await.ask(get("/gone", "")).await;
    assert_eq!((answer.status(), answer.header("x-a")), (404, Some("b")));
    own_page.stop().await;
}

#[tokio::test]
async fn a_header_that_is_the_files_own_keeps_the_server_from_starting() {
    let host = Host::new("localhost").root(app().path()).header("ETag", "x");
    let error = try_start(Server::new().host(host)).await.unwrap_err();
    let sentence =
        "a header of the host \"localhost\" makes no sense: \"ETag\" is for the server itself";
    assert!(error.to_string().starts_with(sentence), "{error}");
}
