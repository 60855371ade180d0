//! Which paths name a file, and which never do.

use super::site;
use crate::common::{Raw, get};

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
async fn a_folder_is_redirected_to_within_the_site() {
    let (server, _folder) = site(&[("root/evil.example/index.html", "<p>Within")]).await;
    let mut raw = Raw::connect(&server).await;
    for (path, location) in [
        ("/docs", "/docs/"),
        ("//docs", "/docs/"),
        ("///docs?a=/b&c", "/docs/?a=/b&c"),
        ("//evil.example", "/evil.example/"),
        ("http://localhost//evil.example", "/evil.example/"),
        ("/do%63s", "/docs/"),
        ("/a%20folder%23", "/a%20folder%23/"),
    ] {
        let answer = raw.ask(get(path, "")).await;
        assert_eq!((answer.status(), answer.header("location")), (307, Some(location)), "{path}");
    }
    let answer = raw.ask(get("//evil.example/", "")).await;
    assert_eq!((answer.status(), answer.text()), (200, "<p>Within"));
    for path in "/\\evil.example /%5cevil.example /%2fdocs /%2f/docs /%2F%2Fevil.example \\docs \
                 //evil.example/.. //evil.example/%2e%2e /docs/..//evil.example /docs%2f/"
        .split(' ')
    {
        let answer = Raw::connect(&server).await.ask(get(path, "")).await;
        assert!(matches!(answer.status(), 400 | 404), "{path}: {answer:?}");
    }
    server.stop().await;
}
