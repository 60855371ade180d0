//! Ranges: RFC 9110 §14, clause by clause.

use std::fs;

use super::site;
use crate::common::{Raw, get};

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

/// What a `Range` of a file of ten bytes is answered: a status and what is sent.
const RANGES: &[(&str, u16, &str)] = &[
    // §14.1.2: bytes from one place to another.
    ("bytes=0-3", 206, "0123"),
    ("bytes=0-0", 206, "0"),
    ("bytes=9-9", 206, "9"),
    ("bytes=0-9", 206, "0123456789"),
    ("bytes=0-", 206, "0123456789"),
    ("bytes=9-", 206, "9"),
    ("bytes=5-500", 206, "56789"),
    ("bytes=5-99999999999999999999999999", 206, "56789"),
    ("bytes=005-006", 206, "56"),
    // The last bytes; if there are not as many, all of them.
    ("bytes=-1", 206, "9"),
    ("bytes=-10", 206, "0123456789"),
    ("bytes=-11", 206, "0123456789"),
    ("bytes=-99999999999999999999999999", 206, "0123456789"),
    // §14.1: a unit's letters are of any case.
    ("Bytes=0-3", 206, "0123"),
    ("BYTES=-2", 206, "89"),
    // §15.5.17: nothing of it is there.
    ("bytes=10-", 416, ""),
    ("bytes=10-20", 416, ""),
    ("bytes=99999999999999999999999999-", 416, ""),
    ("bytes=-0", 416, ""),
    ("bytes=10-,20-30", 416, ""),
    // §14.2: what is not understood is ignored.
    ("items=0-5", 200, "0123456789"),
    ("seconds=1-2", 200, "0123456789"),
    ("bytes", 200, "0123456789"),
    ("bytes=", 200, "0123456789"),
    ("bytes=,", 200, "0123456789"),
    ("bytes=-", 200, "0123456789"),
    ("bytes=3", 200, "0123456789"),
    ("bytes=a-b", 200, "0123456789"),
    ("bytes=0x1-2", 200, "0123456789"),
    ("bytes=+1-2", 200, "0123456789"),
    ("bytes=--1", 200, "0123456789"),
    ("bytes=1-2-3", 200, "0123456789"),
    ("bytes=5-4", 200, "0123456789"),
    ("bytes=0-3,5-4", 200, "0123456789"),
    ("bytes=0 - 3", 200, "0123456789"),
    ("bytes = 0-3", 200, "0123456789"),
    ("bytes:0-3", 200, "0123456789"),
    ("0-3", 200, "0123456789"),
    ("bytes=0-3, bytes=5-6", 200, "0123456789"),
    // §14.2: of several, what is there; all, if that is shorter than the parts.
    ("bytes=0-0,2-2", 200, "0123456789"),
    ("bytes=-1,0-0", 200, "0123456789"),
    ("bytes=0-3,20-", 206, "0123"),
    ("bytes= 0-3 ,\t,", 206, "0123"),
    ("bytes=0-3,2-5", 206, "012345"),
    ("bytes=5-6,3-4", 206, "3456"),
];

#[tokio::test]
async fn each_range_is_answered_as_rfc_9110_says() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (range, status, body) in RANGES {
        let line = format!("Range: {range}\r\n");
        let answer = raw.ask(get("/plain.txt", &line)).await;
        assert_eq!((answer.status(), answer.text()), (*status, *body), "{range}");
        let of = match status {
            206 => {
                let first = "0123456789".find(body).unwrap();
                Some(format!("bytes {first}-{}/10", first + body.len() - 1))
            }
            416 => Some("bytes */10".to_owned()),
            _ => None,
        };
        assert_eq!(answer.header("content-range"), of.as_deref(), "{range}");
        raw.write(get("/plain.txt", &line).replacen("GET", "HEAD", 1)).await;
        let bare = raw.answer_without_body().await;
        let head = (bare.status(), bare.header("content-length"), bare.header("content-range"));
        assert_eq!(head, (200, Some("10"), None), "HEAD {range}");
    }
    let twice = "Range: bytes=0-3\r\nRange: bytes=5-6\r\n";
    assert_eq!(raw.ask(get("/plain.txt", twice)).await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn nothing_has_no_range() {
    let (server, _folder) = site(&[("root/empty.txt", "")]).await;
    let mut raw = Raw::connect(&server).await;
    for (range, status) in [
        ("bytes=0-", 416),
        ("bytes=0-0", 416),
        ("bytes=5-", 416),
        ("bytes=-0", 416),
        ("bytes=-1", 200),
        ("bytes=-100", 200),
        ("bytes=0-,-1", 200),
        ("items=0-5", 200),
    ] {
        let answer = raw.ask(get("/empty.txt", &format!("Range: {range}\r\n"))).await;
        assert_eq!((answer.status(), answer.text()), (status, ""), "{range}");
        let of = (status == 416).then_some("bytes */0");
        assert_eq!(answer.header("content-range"), of, "{range}");
    }
    let answer = raw.ask(get("/empty.txt", "")).await;
    assert_eq!((answer.status(), answer.header("content-length")), (200, Some("0")));
    server.stop().await;
}

/// §15.3.7: what goes with the whole goes with a range of it.
#[tokio::test]
async fn a_206_says_what_the_200_would_have_said() {
    let (server, _folder) = site(&[]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, encoding) in [
        ("/plain.txt", ""),
        ("/style.css", "Accept-Encoding: gzip\r\n"),
        ("/cached/a.css", "Accept-Encoding: br\r\n"),
    ] {
        let full = raw.ask(get(path, encoding)).await;
        let part = raw.ask(get(path, &format!("{encoding}Range: bytes=1-2\r\n"))).await;
        assert_eq!((full.status(), part.status()), (200, 206), "{path}");
        assert_eq!(part.text(), &full.text()[1..3], "{path}");
        for name in "etag vary cache-control last-modified content-type content-encoding \
                     accept-ranges x-content-type-options"
            .split(' ')
        {
            assert_eq!(part.header(name), full.header(name), "{name} of {path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn several_ranges_come_in_parts_in_the_order_asked_for() {
    let text: String = (0..1000).map(|number| format!("{number:03} ")).collect();
    let (server, _folder) = site(&[("root/long.txt", &text)]).await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.ask(get("/long.txt", "Range: bytes=2000-2006,-3,0-2,1-6\r\n")).await;
    assert_eq!((answer.status(), answer.header("content-range")), (206, None));
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("parts");
    let line = format!("\r\n--{boundary}");
    let mut parts = answer.text().split(&*line);
    assert_eq!(parts.next(), Some(""));
    for (of, body) in [
        ("bytes 2000-2006/4000", "500 501"),
        ("bytes 3997-3999/4000", "99 "),
        ("bytes 0-6/4000", "000 001"),
    ] {
        let kind = "Content-Type: text/plain; charset=utf-8";
        let part = format!("\r\n{kind}\r\nContent-Range: {of}\r\n\r\n{body}");
        assert_eq!(parts.next(), Some(&*part));
    }
    assert_eq!((parts.next(), parts.next()), (Some("--\r\n"), None));
    server.stop().await;
}

/// However a client cuts it, it gets little more than the file.
#[tokio::test]
async fn ranges_do_not_amplify() {
    let (server, folder) = site(&[]).await;
    fs::write(folder.path().join("root/data"), vec![b'x'; 100_000]).unwrap();
    let mut raw = Raw::connect(&server).await;
    let list = |count: usize, range: fn(usize) -> String| {
        format!("bytes={}", (0..count).map(range).collect::<Vec<_>>().join(","))
    };
    for range in [
        list(1_300, |_| "0-".to_owned()),
        list(30, |_| "0-".to_owned()),
        list(30, |it| format!("{it}-")),
        list(30, |it| format!("-{}", 100_000 - it)),
        list(32, |it| format!("{}-{}", it * 3_000, it * 3_000 + 2_990)),
        list(1_000, |it| format!("{}-{0}", it * 2)),
        list(32, |it| format!("{}-{0}", it * 2)),
    ] {
        let answer = raw.ask(get("/data", &format!("Range: {range}\r\n"))).await;
        assert!(matches!(answer.status(), 200 | 206), "{range:.40}: {}", answer.status());
        let len = answer.body.len();
        assert!(len <= 100_000, "{range:.40}: {len} bytes of 100,000");
    }
    server.stop().await;
}

/// The parts would be taken for what is compressed.
#[tokio::test]
async fn what_is_compressed_comes_whole_rather_than_in_parts() {
    let text = "0123456789".repeat(100);
    let (server, _folder) = site(&[("root/a.txt", "plain"), ("root/a.txt.gz", &text)]).await;
    let mut raw = Raw::connect(&server).await;
    let several = "Accept-Encoding: gzip\r\nRange: bytes=0-1,100-101\r\n";
    let answer = raw.ask(get("/a.txt", several)).await;
    assert_eq!((answer.status(), answer.text()), (200, &*text));
    server.stop().await;
}
