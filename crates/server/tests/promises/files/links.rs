//! Symbolic links, and what is neither a file nor a folder.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
};

use aerys::{Host, Root};
use tempfile::TempDir;

use super::{INDEX, STYLE, site};
use crate::common::{Raw, Running, get, serve_host, soon};

fn add_links(folder: &Path) {
    fs::create_dir(folder.join("outside")).unwrap();
    fs::write(folder.join("outside/index.html"), "TOP SECRET").unwrap();
    let root = folder.join("root");
    for (target, link) in [
        ("plain.txt", "link.txt"),
        ("link.txt", "link-to-link.txt"),
        ("docs", "link-to-docs"),
        ("../plain.txt", "docs/up.txt"),
        ("docs/.hidden", "shown.txt"),
        ("../secret.txt", "out.txt"),
        ("../../secret.txt", "docs/out.txt"),
        ("../outside", "outside"),
        ("..", "up"),
        ("/etc/passwd", "passwd"),
        ("/dev/zero", "zero"),
        ("/proc/self/environ", "environ"),
        ("circle", "circle"),
        ("nothing", "dangling"),
        ("../secret.txt", "plain.txt.gz"),
        ("../secret.txt", "404.html"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    symlink(root.join("plain.txt"), root.join("absolute.txt")).unwrap();
    symlink(folder.join("secret.txt"), root.join("absolute-out.txt")).unwrap();
}

async fn answers(server: &Running, path: &str, status: u16, text: &str) {
    let request = get(path, "Accept-Encoding: gzip\r\n");
    let answer = Raw::connect(server).await.ask(request).await;
    assert_eq!(answer.status(), status, "{path}");
    assert!(answer.mentions(text), "{path}: {answer:?}");
    assert!(text == "TOP SECRET" || !answer.mentions("TOP SECRET"), "{path}");
}

#[tokio::test]
async fn links_within_the_root_are_followed_and_others_are_not_found() {
    let (server, folder) = site(&[]).await;
    add_links(folder.path());
    for (path, text) in [
        ("/link.txt", "0123456789"),
        ("/link-to-link.txt", "0123456789"),
        ("/link-to-docs/", "<title>Docs</title>"),
        ("/docs/up.txt", "0123456789"),
        ("/absolute.txt", "0123456789"),
        // What stands beside it leads out and is not there.
        ("/plain.txt", "0123456789"),
    ] {
        answers(&server, path, 200, text).await;
    }
    for path in
        "/out.txt /docs/out.txt /absolute-out.txt /outside /outside/ /outside/index.html /up \
                 /up/ /up/secret.txt /passwd /zero /environ /circle /circle/ /circle/a /dangling \
                 /404.html /missing"
            .split(' ')
    {
        answers(&server, path, 404, "<h1>Not found</h1>").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn links_lead_out_of_the_root_if_they_may() {
    let (first, folder) = site(&[]).await;
    first.stop().await;
    add_links(folder.path());
    let root = Root::new(folder.path().join("root")).follow_links(true);
    let server = serve_host(Host::new("localhost").root(root)).await;
    for (path, status, text) in [
        ("/out.txt", 200, "TOP SECRET"),
        ("/docs/out.txt", 200, "TOP SECRET"),
        ("/absolute-out.txt", 200, "TOP SECRET"),
        ("/outside/", 200, "TOP SECRET"),
        ("/up/secret.txt", 200, "TOP SECRET"),
        ("/link.txt", 200, "0123456789"),
        ("/", 200, INDEX),
        ("/missing", 404, "TOP SECRET"),
        // What is hidden stays so, and what is no file too.
        ("/.env", 404, "TOP SECRET"),
        ("/up/root/.env", 404, "TOP SECRET"),
        ("/zero", 404, "TOP SECRET"),
        ("/circle", 404, "TOP SECRET"),
        ("/dangling", 404, "TOP SECRET"),
    ] {
        answers(&server, path, status, text).await;
    }
    server.stop().await;
}

/// A link to the latest version is moved on; a build makes the folder anew.
#[tokio::test]
async fn the_root_is_what_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    for version in ["1", "2"] {
        fs::create_dir(folder.path().join(version)).unwrap();
        fs::write(folder.path().join(version).join("index.html"), version).unwrap();
    }
    let current = folder.path().join("current");
    symlink("1", &current).unwrap();
    let server = serve_host(Host::new("localhost").root(&current)).await;
    answers(&server, "/", 200, "1").await;
    fs::remove_file(&current).unwrap();
    answers(&server, "/", 404, "<h1>Not found</h1>").await;
    symlink("2", &current).unwrap();
    answers(&server, "/", 200, "2").await;
    server.stop().await;
}

#[cfg(target_os = "linux")]
fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// More of them than threads were ever there for it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_pipe_is_never_opened() {
    let (server, folder): (Running, TempDir) = site(&[]).await;
    let root = folder.path().join("root");
    fs::remove_file(root.join("docs/index.html")).unwrap();
    fs::remove_file(root.join("style.css.br")).unwrap();
    for pipe in ["pipe", "style.css.br", "docs/index.html", "404.html"] {
        make_pipe(&root.join(pipe));
    }
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    symlink("pipe", root.join("link")).unwrap();
    for _ in 0..10 {
        for path in ["/pipe", "/socket", "/link", "/docs/", "/404.html", "/missing", "/pipe/"] {
            let mut raw = Raw::connect(&server).await;
            raw.write(get(path, "")).await;
            drop(raw);
            answers(&server, path, 404, "<h1>Not found</h1>").await;
        }
    }
    for accept in ["br", "gzip;q=0"] {
        let request = get("/style.css", &format!("Accept-Encoding: {accept}\r\n"));
        assert_eq!(Raw::connect(&server).await.ask(request).await.text(), STYLE);
    }
    soon(server.stop()).await;
}
