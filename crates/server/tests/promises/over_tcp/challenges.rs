//! Challenges of ACME, answered from files.

use std::{fs, os::unix::fs::symlink, path::Path};

use aerys::{Host, Listener, Running, Server};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::common::{Answer, Echo, Raw, get, soon};

const TOKEN: &str = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";

/// RFC 8555 §8.1: the token, and the digest of a key.
const ANSWER: &str =
    "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";

/// A folder as an ACME client leaves it, with more in it than anybody is to see.
fn webroot() -> TempDir {
    let outer = tempfile::tempdir().unwrap();
    let challenges = outer.path().join("web/.well-known/acme-challenge");
    fs::create_dir_all(challenges.join("folder")).unwrap();
    fs::write(outer.path().join("secret"), "TOP SECRET").unwrap();
    fs::write(outer.path().join("web/page"), "TOP SECRET").unwrap();
    fs::write(challenges.join(TOKEN), ANSWER).unwrap();
    fs::write(challenges.join("folder/inner"), "TOP SECRET").unwrap();
    fs::write(challenges.join(".hidden"), "TOP SECRET").unwrap();
    fs::write(challenges.join("with.dot"), "TOP SECRET").unwrap();
    fs::write(challenges.join("large"), "TOP SECRET".repeat(1000)).unwrap();
    symlink("../../../secret", challenges.join("out")).unwrap();
    symlink(outer.path().join("secret"), challenges.join("absolute")).unwrap();
    symlink("/dev/zero", challenges.join("device")).unwrap();
    symlink(TOKEN, challenges.join("link")).unwrap();
    outer
}

async fn start(listener: Listener) -> Running {
    let host = Host::new("localhost").websocket("/", Echo { waits: false });
    let server = Server::new().listen(listener).host(host.root(env!("CARGO_MANIFEST_DIR")));
    let other = Host::new("other.example").websocket("/", Echo { waits: false });
    soon(server.host(other).workers(1).start()).await.expect("the server starts")
}

fn listener(outer: &Path) -> Listener {
    Listener::from(([127, 0, 0, 1], 0)).acme_webroot(outer.join("web"))
}

async fn ask(server: &Running, request: impl AsRef<[u8]>) -> Answer {
    let stream = soon(TcpStream::connect(server.address())).await.expect("it listens");
    Raw::from(stream).ask(request).await
}

#[tokio::test]
async fn an_answer_is_what_is_in_the_file_whatever_host_is_asked_for() {
    let outer = webroot();
    for redirects in [true, false] {
        let listener = listener(outer.path());
        let listener = if redirects { listener.redirect_to_https(443) } else { listener };
        let server = start(listener).await;
        let path = format!("/.well-known/acme-challenge/{TOKEN}");
        for host in ["localhost", "other.example:80", "not.served.example"] {
            let answer = get(&path, "").replace("localhost", host);
            let answer = ask(&server, answer).await;
            assert_eq!((answer.status(), answer.text()), (200, ANSWER), "{host}");
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        let answer = ask(&server, get("/.well-known/acme-challenge/link", "")).await;
        assert_eq!(answer.text(), ANSWER);
        // And what is asked for at other paths is none of its business.
        let elsewhere = ask(&server, get("/Cargo.toml", "")).await;
        assert_eq!(elsewhere.status(), if redirects { 301 } else { 200 });
        let mut raw = Raw::from(soon(TcpStream::connect(server.address())).await.unwrap());
        if !redirects {
            raw.upgrade("/").await;
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn nothing_else_is_found_there() {
    let outer = webroot();
    let server = start(listener(outer.path()).redirect_to_https(443)).await;
    for name in [
        "",
        "nothing",
        "folder",
        "folder/",
        "folder/inner",
        ".hidden",
        "with.dot",
        "large",
        "out",
        "absolute",
        "device",
        "..",
        "../../page",
        "../../../secret",
        "..%2f..%2fpage",
        "%2e%2e/%2e%2e/page",
        "%4CoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
        &"a".repeat(300),
        &format!("{TOKEN}/"),
        &format!("/{TOKEN}"),
    ] {
        let answer = ask(&server, get(&format!("/.well-known/acme-challenge/{name}"), "")).await;
        assert_eq!(answer.status(), 404, "{name}");
        assert!(!answer.mentions("TOP SECRET"), "{name}");
    }
    for path in ["/page", "/.well-known/", "/.well-known/acme-challenge"] {
        assert_eq!(ask(&server, get(path, "")).await.status(), 301, "{path}");
    }
    let post = format!("POST /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = ask(&server, post).await;
    assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET, HEAD")));
    server.stop().await;
}

#[tokio::test]
async fn what_comes_and_goes_in_the_folder_does_so_at_once() {
    let outer = webroot();
    let server = start(listener(outer.path())).await;
    let path = format!("/.well-known/acme-challenge/{TOKEN}");
    let inner = outer.path().join("web/.well-known");
    // An ACME client clears away what it has made.
    fs::remove_dir_all(&inner).unwrap();
    assert_eq!(ask(&server, get(&path, "")).await.status(), 404);
    fs::create_dir_all(inner.join("acme-challenge")).unwrap();
    fs::write(inner.join("acme-challenge").join(TOKEN), "new").unwrap();
    assert_eq!(ask(&server, get(&path, "")).await.text(), "new");
    server.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_keeps_the_server_from_starting() {
    let outer = webroot();
    let listener = Listener::from(([127, 0, 0, 1], 0)).acme_webroot(outer.path().join("none"));
    let server = Server::new().listen(listener).host(Host::new("localhost"));
    let error = soon(server.start()).await.expect_err("there is no folder").to_string();
    assert!(error.starts_with("cannot serve files from ") && error.contains("none"), "{error}");
}
