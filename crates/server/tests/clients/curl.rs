//! curl, for everything that is HTTP.

use std::fs;

use tokio::process::Command;

use crate::{
    program::Program,
    stage::{PAGE, PATIENCE, Stage},
};

/// What curl does with these arguments on these paths.
fn curl(stage: &Stage, arguments: &[&str], paths: &[&str]) -> Program {
    curl_at(&stage.address(), arguments, paths)
}

fn curl_at(address: &str, arguments: &[&str], paths: &[&str]) -> Program {
    let mut command = Command::new("curl");
    // Its configuration and the proxies of whoever runs the tests are left out.
    command.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--max-time", "50"]);
    command.args(arguments);
    command.args(paths.iter().map(|path| format!("http://{address}{path}")));
    Program::start(&mut command, "These tests need curl: apt-get install curl")
}

/// What curl prints for one path.
async fn ask(stage: &Stage, arguments: &[&str], path: &str) -> String {
    curl(stage, arguments, &[path]).success().await
}

/// The value under this name in an answer that was asked for with `--include` or `--head`.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let lines = answer.lines().skip(1).take_while(|line| !line.is_empty());
    let mut fields = lines.filter_map(|line| line.split_once(": "));
    fields.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A line of its own after everything else: status, bytes of body, and connections it took.
const WRITE: [&str; 2] = ["--write-out", "\n%{http_code} %{size_download} %{num_connects}\n"];

#[tokio::test]
async fn a_page_is_got_once_and_then_only_asked_for() {
    let stage = Stage::usual().await;
    let tag = stage.site().path().join("tag");
    let tag = tag.to_str().expect("it is text");
    let first = ask(&stage, &[&["--etag-save", tag][..], &WRITE].concat(), "/").await;
    assert_eq!(first, format!("{PAGE}\n200 {} 1\n", PAGE.len()));
    let second = ask(&stage, &[&["--etag-compare", tag][..], &WRITE].concat(), "/").await;
    assert_eq!(second, "\n304 0 1\n");
    stage.strike().await;
}

#[tokio::test]
async fn a_head_has_no_body_and_tells_its_length() {
    let stage = Stage::usual().await;
    let head = ask(&stage, &["--head"], "/index.html").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(header(&head, "content-length"), Some(PAGE.len().to_string().as_str()));
    assert_eq!(header(&head, "content-type"), Some("text/html; charset=utf-8"));
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    stage.strike().await;
}

#[tokio::test]
async fn a_part_is_got_by_its_range() {
    let stage = Stage::usual().await;
    for (range, part) in [("2-8", "doctype"), ("-9", "</title>\n"), ("15-", &PAGE[15..])] {
        let answer = ask(&stage, &["--include", "--range", range], "/").await;
        assert!(answer.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{answer}");
        let start = PAGE.rfind(part).expect("it is a part");
        let bytes = format!("bytes {start}-{}/{}", start + part.len() - 1, PAGE.len());
        assert_eq!(header(&answer, "content-range"), Some(bytes.as_str()), "{range}");
        assert!(answer.ends_with(&format!("\r\n\r\n{part}")), "{answer}");
    }
    let answer = ask(&stage, &["--include", "--range", "1000-"], "/").await;
    assert!(answer.starts_with("HTTP/1.1 416 "), "{answer}");
    stage.strike().await;
}

#[tokio::test]
async fn what_is_not_there_is_answered_404() {
    let stage = Stage::usual().await;
    let answer = ask(&stage, &["--include"], "/nothing").await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    let fails = curl(&stage, &["--fail"], &["/nothing"]).end(PATIENCE).await;
    assert_eq!(fails.code, Some(22), "{}", fails.errors);
    stage.strike().await;
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let stage = Stage::usual().await;
    let told = curl(&stage, &WRITE, &["/", "/nothing", "/echo", "/index.html"]).success().await;
    let figures = told.lines().filter_map(|line| {
        let figures: Result<Vec<u16>, _> = line.split(' ').map(str::parse).collect();
        figures.ok().map(|it| (it[0], it[2]))
    });
    assert_eq!(figures.collect::<Vec<_>>(), [(200, 1), (404, 0), (426, 0), (200, 0)], "{told}");
    stage.strike().await;
}

#[tokio::test]
async fn an_endpoint_tells_who_only_looks_how_to_come_in() {
    let stage = Stage::usual().await;
    for arguments in [&["--include"][..], &["--include", "--http2"]] {
        let answer = ask(&stage, arguments, "/echo").await;
        assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
        assert_eq!(header(&answer, "upgrade"), Some("websocket"));
        assert_eq!(header(&answer, "sec-websocket-version"), Some("13"));
    }
    let answer = ask(&stage, &["--include", "--data", "hello"], "/echo").await;
    assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
    assert_eq!(header(&answer, "allow"), Some("GET"));
    stage.strike().await;
}

#[tokio::test]
async fn an_upgrade_is_answered_with_what_the_key_demands() {
    let stage = Stage::usual().await;
    // The key and its answer are those of RFC 6455 §1.3.
    let headers = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let headers = headers.iter().flat_map(|header| ["--header", header]);
    let arguments: Vec<_> = ["--include", "--no-buffer"].into_iter().chain(headers).collect();
    let mut curl = curl(&stage, &arguments, &["/echo"]);
    assert_eq!(curl.line().await, "HTTP/1.1 101 Switching Protocols");
    let mut answer = String::from("\n");
    loop {
        match curl.line().await {
            end if end.is_empty() => break,
            line => answer += &(line + "\n"),
        }
    }
    assert_eq!(header(&answer, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(header(&answer, "upgrade"), Some("websocket"));
    assert_eq!(header(&answer, "connection"), Some("Upgrade"));
    assert_eq!(header(&answer, "sec-websocket-extensions"), None);
    // It would wait for more: it is not let.
    drop(curl);
    stage.strike().await;
}

#[tokio::test]
async fn files_are_got_over_http_2_by_who_knows_that_it_is_spoken() {
    let stage = Stage::usual().await;
    fs::write(stage.site().path().join("large.bin"), vec![b'x'; 3 << 20]).unwrap();
    let address = stage.http2_address();
    let knows = "--http2-prior-knowledge";
    let page = curl_at(&address, &[knows, "--include"], &["/"]).success().await;
    assert!(page.starts_with("HTTP/2 200 \r\n"), "{page}");
    assert_eq!(header(&page, "content-length"), Some(PAGE.len().to_string().as_str()));
    assert!(header(&page, "date").is_some() && page.ends_with(PAGE), "{page}");
    let head = curl_at(&address, &[knows, "--head"], &["/large.bin"]).success().await;
    assert_eq!(header(&head, "content-length"), Some((3 << 20).to_string().as_str()));

    let write =
        ["--output", "/dev/null", "--write-out", "%{http_version} %{http_code} %{size_download}"];
    let quietly = [&[knows][..], &write].concat();
    let large = curl_at(&address, &quietly, &["/large.bin"]).success().await;
    assert_eq!(large, "2 200 3145728");
    let missing = curl_at(&address, &[knows, "--include"], &["/nothing"]).success().await;
    assert!(missing.starts_with("HTTP/2 404 \r\n"), "{missing}");
    let endpoint = curl_at(&address, &[knows, "--include"], &["/echo"]).success().await;
    assert!(endpoint.starts_with("HTTP/2 405 \r\n"), "{endpoint}");
    assert_eq!(header(&endpoint, "allow"), Some("CONNECT"));
    // Who knows nothing beforehand is served there too.
    let page = curl_at(&address, &["--include"], &["/"]).success().await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with(PAGE), "{page}");
    stage.strike().await;
}
