//! `authorize` and `origin`: who is let in.

use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, header};

use crate::{
    program::{Program, all_of, command},
    visitor::{Visitor, request},
};

/// Somebody who brings a header along.
async fn visit_with(
    program: &Program,
    name: HeaderName,
    value: &'static str,
) -> Result<Visitor, String> {
    let mut request = request(program.address(), "/");
    request.headers_mut().insert(name, HeaderValue::from_static(value));
    Visitor::enter(request).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn authorize_knows_who_has_a_token() {
    let program = Program::start("authorize").await;
    let mut ali = visit_with(&program, header::AUTHORIZATION, "Bearer open-sesame").await.unwrap();
    assert_eq!(ali.hear().await, "Welcome, Ali Baba!");
    let cookie = "theme=dark; token=one-thousand-and-one";
    let mut morgiana = visit_with(&program, header::COOKIE, cookie).await.unwrap();
    assert_eq!(morgiana.hear().await, "Welcome, Morgiana!");
    morgiana.say("beware").await;
    assert_eq!(ali.hear().await, "Morgiana: beware");
    morgiana.leave().await;
    assert_eq!(ali.hear().await, "Morgiana has left");
    ali.leave().await;
    let (name, offer) = (header::SEC_WEBSOCKET_PROTOCOL, "bearer, open-sesame");
    let mut page = visit_with(&program, name, offer).await.unwrap();
    assert_eq!(page.hear().await, "Welcome, Ali Baba!");
    page.leave().await;
    program.end().await;
}

#[tokio::test]
async fn authorize_tells_who_has_none_what_to_bring() {
    let program = Program::start("authorize").await;
    for credentials in [
        "",
        "Authorization: Bearer open-barley\r\n",
        "Authorization: Basic b3Blbi1zZXNhbWU=\r\n",
        "Cookie: theme=dark\r\n",
    ] {
        let answer = program
            .ask(&format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{credentials}\r\n"
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 401 Say the magic words\r\n"), "{answer}");
        assert!(answer.contains("\r\nwww-authenticate: Bearer\r\n"), "{answer}");
    }
    program.end().await;
}

#[tokio::test]
async fn origin_lets_in_the_pages_that_are_listed() {
    let (program, log) = Program::start_with_log(&mut command("origin")).await;
    for origin in ["https://mysite.com", "https://www.mysite.com"] {
        let mut visitor = visit_with(&program, header::ORIGIN, origin).await.unwrap();
        assert_eq!(visitor.hear().await, format!("Welcome, you who come from {origin}"));
        visitor.leave().await;
    }
    for origin in ["https://evil.example", "http://mysite.com", "null"] {
        let refused = visit_with(&program, header::ORIGIN, origin).await.err().expect(origin);
        assert!(refused.contains("403"), "{origin}: {refused}");
    }
    let mut program_of_its_own = program.visit().await;
    assert_eq!(program_of_its_own.hear().await, "Welcome, you who come from no page at all");
    program_of_its_own.leave().await;
    program.end().await;
    assert!(all_of(log).await.contains("https://evil.example"), "it is logged");
}
