//! Conditional requests: RFC 9110 §13, clause by clause, for a file of ten bytes.

use std::{
    fs::{self, File},
    time::{Duration, UNIX_EPOCH},
};

use super::site;
use crate::common::{Raw, get};

/// When the file was modified: Sun, 06 Nov 1994 08:49:37 GMT, and a half second.
const MODIFIED: Duration = Duration::from_millis(784_111_777_500);

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

/// What each request is answered; `TAG` stands for the file's entity tag.
const CONDITIONS: &[(&[&str], u16)] = &[
    // §13.1.1: If-Match, by strong comparison.
    (&["If-Match: *"], 200),
    (&["If-Match: TAG"], 200),
    (&["If-Match: \"x\", TAG"], 200),
    (&["If-Match: \"x\",,\tTAG ,"], 200),
    (&["If-Match: \"x\"", "If-Match: TAG"], 200),
    (&["If-Match: \"x\""], 412),
    (&["If-Match: W/TAG"], 412),
    (&["If-Match: \"x\"", "If-Match: \"y\""], 412),
    (&["If-Match: x"], 412),
    (&["If-Match: "], 412),
    // §13.1.2: If-None-Match, by weak comparison.
    (&["If-None-Match: *"], 304),
    (&["If-None-Match: TAG"], 304),
    (&["If-None-Match: W/TAG"], 304),
    (&["If-None-Match: \"x\", W/\"y\" , TAG"], 304),
    (&["If-None-Match: \"a, b\", TAG"], 304),
    (&["If-None-Match: \"x\"", "If-None-Match: TAG"], 304),
    (&["If-None-Match: \"x\""], 200),
    (&["If-None-Match: \"x\"", "If-None-Match: \"y\""], 200),
    (&["If-None-Match: x"], 200),
    (&["If-None-Match: "], 200),
    // §13.1.3: If-Modified-Since, in all formats of §5.6.7.
    (&["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], 304),
    (&["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"], 304),
    (&["If-Modified-Since: Sun Nov  6 08:49:37 1994"], 304),
    (&["If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT"], 304),
    (&["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"], 304),
    (&["If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], 200),
    (&["If-Modified-Since: Sunday, 06-Nov-94 08:49:36 GMT"], 200),
    (&["If-Modified-Since: Sun Nov  6 08:49:36 1994"], 200),
    (&["If-Modified-Since: Wed, 31 Dec 1969 23:59:59 GMT"], 200),
    (&["If-Modified-Since: tomorrow"], 200),
    (&["If-Modified-Since: 784111777"], 200),
    (&["If-Modified-Since: Sun, 31 Nov 1994 08:49:37 GMT"], 200),
    (
        &[
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        ],
        200,
    ),
    // §13.1.4: If-Unmodified-Since.
    (&["If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], 200),
    (&["If-Unmodified-Since: Sunday, 06-Nov-94 08:49:38 GMT"], 200),
    (&["If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], 412),
    (&["If-Unmodified-Since: Sun Nov  6 08:49:36 1994"], 412),
    (&["If-Unmodified-Since: Wed, 31 Dec 1969 23:59:59 GMT"], 412),
    (&["If-Unmodified-Since: yesterday"], 200),
    (
        &[
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT",
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT",
        ],
        200,
    ),
    // §13.2.2: which of them count, and in which order.
    (&["If-Match: TAG", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], 200),
    (&["If-Match: \"x\"", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:38 GMT"], 412),
    (&["If-None-Match: \"x\"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT"], 200),
    (&["If-None-Match: x", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT"], 200),
    (&["If-None-Match: TAG", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], 304),
    (&["If-Match: TAG", "If-None-Match: TAG"], 304),
    (&["If-Match: \"x\"", "If-None-Match: TAG"], 412),
    (&["If-Match: TAG", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], 304),
    (
        &[
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        ],
        304,
    ),
    // §13.2.1, §14.2: conditions count before ranges.
    (&["If-None-Match: TAG", "Range: bytes=0-3"], 304),
    (&["If-None-Match: TAG", "Range: bytes=10-"], 304),
    (&["If-None-Match: \"x\"", "Range: bytes=0-3"], 206),
    (&["If-None-Match: \"x\"", "Range: bytes=10-"], 416),
    (&["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "Range: bytes=0-3"], 304),
    (&["If-Match: TAG", "Range: bytes=0-3"], 206),
    (&["If-Match: \"x\"", "Range: bytes=0-3"], 412),
    (&["If-Match: \"x\"", "Range: bytes=10-"], 412),
    (&["If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", "Range: bytes=0-3"], 412),
    // §13.1.5: If-Range, by strong comparison, or with the very date.
    (&["If-Range: TAG", "Range: bytes=0-3"], 206),
    (&["If-Range: TAG", "Range: bytes=10-"], 416),
    (&["If-Range: W/TAG", "Range: bytes=0-3"], 200),
    (&["If-Range: \"x\"", "Range: bytes=0-3"], 200),
    (&["If-Range: \"x\"", "Range: bytes=10-"], 200),
    (&["If-Range: \"x\", TAG", "Range: bytes=0-3"], 200),
    (&["If-Range: TAG", "If-Range: TAG", "Range: bytes=0-3"], 200),
    (&["If-Range: *", "Range: bytes=0-3"], 200),
    (&["If-Range: Sun, 06 Nov 1994 08:49:37 GMT", "Range: bytes=0-3"], 206),
    (&["If-Range: Sunday, 06-Nov-94 08:49:37 GMT", "Range: bytes=0-3"], 206),
    (&["If-Range: Sun, 06 Nov 1994 08:49:38 GMT", "Range: bytes=0-3"], 200),
    (&["If-Range: Sun, 06 Nov 1994 08:49:36 GMT", "Range: bytes=0-3"], 200),
    (&["If-Range: someday", "Range: bytes=0-3"], 200),
    (&["If-Range: \"x\""], 200),
    (&["If-None-Match: TAG", "If-Range: TAG", "Range: bytes=0-3"], 304),
    (&["If-Match: TAG", "If-Range: \"x\"", "Range: bytes=0-3"], 200),
];

#[tokio::test]
async fn each_condition_is_answered_as_rfc_9110_says() {
    let (server, folder) = site(&[]).await;
    let file = File::options().write(true).open(folder.path().join("root/plain.txt")).unwrap();
    file.set_modified(UNIX_EPOCH + MODIFIED).unwrap();
    let mut raw = Raw::connect(&server).await;
    let full = raw.ask(get("/plain.txt", "")).await;
    let tag = full.header("etag").expect("an ETag");
    assert!(tag.starts_with('"'), "{tag} is not strong");
    assert_eq!(full.header("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    for (lines, status) in CONDITIONS {
        let lines = lines.iter().map(|line| line.replace("TAG", tag) + "\r\n").collect::<String>();
        let answer = raw.ask(get("/plain.txt", &lines)).await;
        assert_eq!(answer.status(), *status, "{lines}");
        let body = match status {
            200 => "0123456789",
            206 => "0123",
            _ => "",
        };
        assert_eq!(answer.text(), body, "{lines}");
        // HEAD is conditional too, but has no ranges (§14.2).
        raw.write(get("/plain.txt", &lines).replacen("GET", "HEAD", 1)).await;
        let bare = raw.answer_without_body().await;
        let status = if matches!(status, 206 | 416) { 200 } else { *status };
        assert_eq!(bare.status(), status, "HEAD {lines}");
    }
    server.stop().await;
}

/// §15.4.5: whatever a cache may need to go on with what it has.
#[tokio::test]
async fn a_304_says_what_the_200_would_have_said_to_a_cache() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, encoding) in [
        ("/plain.txt", ""),
        ("/style.css", ""),
        ("/style.css", "Accept-Encoding: gzip\r\n"),
        ("/cached/a.css", "Accept-Encoding: br\r\n"),
    ] {
        let full = raw.ask(get(path, encoding)).await;
        let tag = full.header("etag").expect("an ETag");
        let condition = format!("{encoding}If-None-Match: {tag}\r\n");
        let bare = raw.ask(get(path, &condition)).await;
        assert_eq!((full.status(), bare.status()), (200, 304), "{path} {encoding}");
        for name in ["etag", "vary", "cache-control", "last-modified", "x-content-type-options"] {
            assert_eq!(bare.header(name), full.header(name), "{name} of {path} {encoding}");
        }
        for name in ["content-type", "content-length", "content-encoding", "content-range"] {
            assert_eq!(bare.header(name), None, "{name} of {path} {encoding}");
        }
        assert!(bare.header("date").is_some(), "{path} {encoding}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_date_that_is_yet_to_come_is_not_told() {
    let (server, folder) = site(&[]).await;
    let file = File::options().write(true).open(folder.path().join("root/plain.txt")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(4_102_444_800)).unwrap();
    let answer = Raw::connect(&server).await.ask(get("/plain.txt", "")).await;
    let told = answer.header("last-modified").expect("a Last-Modified");
    assert_ne!(told, "Fri, 01 Jan 2100 00:00:00 GMT");
    assert_eq!(answer.text(), "0123456789");
    server.stop().await;
}

/// Two builds that are said to be of 1970 are told apart by nothing.
#[tokio::test]
async fn a_date_that_says_nothing_is_no_validator() {
    let (server, folder) = site(&[]).await;
    let file = File::options().write(true).open(folder.path().join("root/plain.txt")).unwrap();
    for modified in [UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(1)] {
        file.set_modified(modified).unwrap();
        let mut raw = Raw::connect(&server).await;
        let answer = raw.ask(get("/plain.txt", "")).await;
        assert_eq!((answer.header("etag"), answer.header("last-modified")), (None, None));
        for (line, status) in [
            ("If-None-Match: *", 304),
            ("If-None-Match: \"x\"", 200),
            ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 200),
            ("If-Match: *", 200),
            ("If-Match: \"x\"", 412),
            ("Range: bytes=0-3", 206),
        ] {
            let answer = raw.ask(get("/plain.txt", &format!("{line}\r\n"))).await;
            assert_eq!(answer.status(), status, "{line}");
        }
    }
    server.stop().await;
}
