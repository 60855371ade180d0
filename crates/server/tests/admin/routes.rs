//! Who may ask what, and what browsers are told to keep to.

use aerys::{AdminPage, Host};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{
    TOKEN, ask, ask_with, bare, echo, handshake, knock, page, server, soon, start, told, visit,
    watch,
};

const ROUTES: [&str; 5] = [
    "GET /status",
    "POST /reload",
    "POST /close?endpoint=localhost/echo&client=1",
    "POST /drain",
    "POST /stop",
];

#[tokio::test]
async fn whoever_does_not_bring_the_token_is_told_nothing_and_nothing_is_done() {
    let running = start(server(echo())).await;
    let page = page(&running);
    let mut client = visit(&running, "/echo").await;
    let wrong = TOKEN.replace('a', "b");
    for request in ROUTES.into_iter().chain(["GET /nothing", "DELETE /status"]) {
        for authorization in [
            String::new(),
            format!("Authorization: Bearer {wrong}\r\n"),
            format!("Authorization: Bearer {TOKEN}x\r\n"),
            format!("Authorization: Basic {TOKEN}\r\n"),
            format!("Authorization: {TOKEN}\r\n"),
            "Authorization: Bearer \r\n".to_owned(),
            format!("Cookie: token={TOKEN}\r\n"),
        ] {
            let answer = ask_with(page, request, &format!("Host: {page}\r\n{authorization}")).await;
            assert_eq!(answer.status, 401, "{request} {authorization}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"aerys\""));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(
                !answer.body.contains("echo") && !answer.body.contains(TOKEN),
                "{}",
                answer.body
            );
        }
    }
    // Neither in an address, where logs would have it.
    let answer =
        ask_with(page, &format!("GET /status?token={TOKEN}"), &format!("Host: {page}\r\n")).await;
    assert_eq!(answer.status, 401);
    client.send(Message::text("still here")).await.unwrap();
    let status = ask(page, "GET /status").await.json();
    assert_eq!(
        (&status["state"], &status["endpoints"][0]["clients"]),
        (&"ready".into(), &1.into())
    );
    soon(running.stop()).await;
}

#[tokio::test]
async fn the_feed_is_for_who_has_the_token_and_comes_from_this_page() {
    let running = start(server(echo())).await;
    let page = page(&running);
    let challenge = || Some("Bearer realm=\"aerys\"".to_owned());
    for protocols in [
        "",
        "aerys.admin",
        "aerys.admin, bearer",
        "aerys.admin, bearer, another-token-than-that",
        &format!("aerys.admin, {TOKEN}"),
    ] {
        let refused = knock(page, handshake(page, protocols)).await.err();
        assert_eq!(refused, Some((401, challenge())), "{protocols}");
    }
    let protocols = format!("aerys.admin, bearer, {TOKEN}");
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"] {
        let mut request = handshake(page, &protocols);
        request.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(knock(page, request).await.err(), Some((403, None)), "{origin}");
    }
    // Some name that was pointed at this machine is another's, and its pages are of the same origin.
    let mut request = handshake(page, &protocols);
    request.headers_mut().insert("host", "evil.example".parse().unwrap());
    request.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    assert_eq!(knock(page, request).await.err(), Some((421, None)));
    told(&mut watch(page).await, "history").await;
    soon(running.stop()).await;
}

#[tokio::test]
async fn the_page_itself_is_for_everybody_and_loads_nothing_from_elsewhere() {
    let running = start(server(echo())).await;
    let page = page(&running);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = ask_with(page, &format!("GET {path}"), &format!("Host: {page}\r\n")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").expect("a policy");
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule) && !policy.contains("unsafe"), "{policy}");
        }
    }
    for (name, status) in [
        ("localhost", 200),
        ("127.0.0.1:9001", 200),
        ("[::1]", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
    ] {
        let answer = ask_with(page, "GET /", &format!("Host: {name}\r\n")).await;
        assert_eq!(answer.status, status, "{name}");
    }
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_name_is_the_pages_if_it_was_told() {
    let admin_page = AdminPage::on("127.0.0.1:0").name("Admin.MySite.com");
    let running = start(bare(echo()).admin_page(admin_page)).await;
    let url = running.admin_page_url().unwrap();
    let (origin, token) = url.split_once("/#token=").expect("a random token");
    let (name, port) = origin.rsplit_once(':').unwrap();
    assert_eq!((name, token.len()), ("http://Admin.MySite.com", 22));
    let page = format!("127.0.0.1:{port}").parse().unwrap();
    let answer = ask_with(page, "GET /", "Host: admin.mysite.com\r\n").await;
    assert_eq!(answer.status, 200);
    let headers = format!("Host: admin.mysite.com\r\nAuthorization: bearer {token}\r\n");
    assert_eq!(ask_with(page, "GET /status", &headers).await.status, 200);
    soon(running.stop()).await;
}

#[tokio::test]
async fn routes_answer_as_they_do_on_a_socket_of_operators() {
    let running = start(server(Host::new("localhost"))).await;
    let page = page(&running);
    let status = ask(page, "GET /status").await;
    assert_eq!((status.status, status.header("content-type")), (200, Some("application/json")));
    assert_eq!(status.json()["listeners"][0], running.address().to_string());
    // Whoever has chosen the token knows it.
    assert_eq!(status.json()["admin_page"], format!("http://{page}/"));
    for (request, status, allowed) in [
        ("POST /status", 405, Some("GET")),
        ("GET /stop", 405, Some("POST")),
        ("POST /index.html", 405, Some("GET, HEAD")),
        ("GET /nothing", 404, None),
        ("GET /metrics", 404, None),
        ("POST /close", 400, None),
        ("POST /close?endpoint=localhost/none&client=1", 404, None),
    ] {
        let answer = ask(page, request).await;
        assert_eq!((answer.status, answer.header("allow")), (status, allowed), "{request}");
    }
    let headers = format!("Host: {page}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 4\r\n");
    assert_eq!(ask_with(page, "POST /stop", &headers).await.status, 413);
    soon(running.stop()).await;
}
