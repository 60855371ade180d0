//! Which encoding is sent: RFC 9110 §12.5.3.

use super::{STYLE, site};
use crate::common::{Raw, get};

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
        assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"), "{accept}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{accept}");
    }
    let answer = raw.ask(get("/plain.txt", "Accept-Encoding: gzip, br\r\n")).await;
    assert_eq!((answer.text(), answer.header("content-encoding")), ("0123456789", None));
    server.stop().await;
}

/// What is sent where there is `br`, `gzip` and the plain file, and where there is no `br`.
#[tokio::test]
async fn the_preferred_encoding_is_sent() {
    let (server, _folder) = site(&[("root/a.txt", "plain"), ("root/a.txt.gz", "as gzip")]).await;
    let mut raw = Raw::connect(&server).await;
    for (accept, of_all, of_gzip) in [
        (&["br, gzip"][..], "as brotli", "as gzip"),
        (&["br", "gzip"], "as brotli", "as gzip"),
        (&["gzip", "br;q=0.9"], "as gzip", "as gzip"),
        (&["GZip"], "as gzip", "as gzip"),
        (&["x-gzip"], "as gzip", "as gzip"),
        (&[""], STYLE, "plain"),
        (&["*"], "as brotli", "as gzip"),
        (&["*;q=0.5"], "as brotli", "as gzip"),
        (&["br;q=0, *"], "as gzip", "as gzip"),
        (&["br;q=0, gzip;q=0.0"], STYLE, "plain"),
        (&["identity, gzip;q=0.5"], STYLE, "plain"),
        (&["identity;q=0.5, gzip;q=0.4"], STYLE, "plain"),
        (&["gzip, identity;q=0"], "as gzip", "as gzip"),
        (&["*, identity;q=0"], "as brotli", "as gzip"),
        (&["gzip;q=1.5"], STYLE, "plain"),
        (&["gzip;q=high"], STYLE, "plain"),
        (&["identity, *;q=0"], STYLE, "plain"),
    ] {
        let lines: String = accept.iter().map(|it| format!("Accept-Encoding: {it}\r\n")).collect();
        for (path, expected) in [("/style.css", of_all), ("/a.txt", of_gzip)] {
            let answer = raw.ask(get(path, &lines)).await;
            assert_eq!((answer.status(), answer.text()), (200, expected), "{path}: {accept:?}");
            let encoding = match expected {
                "as brotli" => Some("br"),
                "as gzip" => Some("gzip"),
                _ => None,
            };
            assert_eq!(answer.header("content-encoding"), encoding, "{path}: {accept:?}");
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}: {accept:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn who_refuses_all_that_there_is_gets_none() {
    let (server, _folder) = site(&[("root/a.txt", "plain"), ("root/a.txt.gz", "as gzip")]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, accept) in [
        ("/plain.txt", "identity;q=0"),
        ("/plain.txt", "*;q=0"),
        ("/plain.txt", "gzip, br, identity;q=0"),
        ("/a.txt", "br, *;q=0"),
        ("/style.css", "identity;q=0"),
    ] {
        let answer = raw.ask(get(path, &format!("Accept-Encoding: {accept}\r\n"))).await;
        assert_eq!(answer.status(), 406, "{path}: {accept}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}: {accept}");
    }
    server.stop().await;
}

#[tokio::test]
async fn each_encoding_is_told_from_the_others() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    let mut tags = Vec::new();
    for accept in ["identity", "gzip", "br"] {
        let answer = raw.ask(get("/style.css", &format!("Accept-Encoding: {accept}\r\n"))).await;
        tags.push((accept, answer.header("etag").expect("an ETag").to_owned()));
    }
    for (accept, _) in &tags {
        for (of, tag) in &tags {
            let lines = format!("Accept-Encoding: {accept}\r\nIf-None-Match: {tag}\r\n");
            let status = raw.ask(get("/style.css", &lines)).await.status();
            assert_eq!(status, if accept == of { 304 } else { 200 }, "{accept}, {tag} of {of}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn only_what_comes_in_several_encodings_varies() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, vary) in [
        ("/plain.txt", None),
        ("/missing", None),
        ("/docs", None),
        ("/style.css.gz", None),
        ("/style.css", Some("accept-encoding")),
    ] {
        for accept in ["", "Accept-Encoding: gzip, br\r\n"] {
            let answer = raw.ask(get(path, accept)).await;
            assert_eq!(answer.header("vary"), vary, "{path} {accept}");
        }
    }
    let kind = raw.ask(get("/style.css.gz", "")).await.header("content-type").map(str::to_owned);
    assert_eq!(kind.as_deref(), Some("application/gzip"));
    server.stop().await;
}

/// It is the file that is there or not; what stands beside it is for sending it.
#[tokio::test]
async fn what_is_there_compressed_alone_is_not_there() {
    let (server, _folder) = site(&[("root/alone.txt.gz", "as gzip")]).await;
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/alone.txt", "Accept-Encoding: gzip\r\n")).await.status(), 404);
    server.stop().await;
}
