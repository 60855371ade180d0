//! From clear text to TLS, as curl goes there.

use std::net::TcpListener;

use aerys::{Host, Listener, Server};
use axum::{Router, routing::any};

use super::{Authority, Echo, clients::run, server};

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_redirect_gets_there_with_all_that_was_asked() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let https = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = https.local_addr().unwrap().port();
    let service = Router::new().fallback(any(async |request: axum::extract::Request| {
        // By HTTP/2 the whole URL is asked for.
        let target = request.uri().path_and_query().unwrap();
        let asked = format!("{} {target} ", request.method());
        let body = axum::body::to_bytes(request.into_body(), 1000).await.unwrap();
        asked + str::from_utf8(&body).unwrap()
    }));
    let server = Server::new()
        .workers(1)
        .listen(Listener::from(https).tls(authority.tls("own")))
        .listen(Listener::from(([127, 0, 0, 1], 0)).redirect_to_https(port))
        .host(Host::new("localhost").service(service));
    let running = server.start().await.unwrap();
    let clear = running.addresses()[1].port();
    let trusted = authority.path("authority.pem");
    let resolve = [port, clear].map(|port| format!("localhost:{port}:127.0.0.1"));
    let url = format!("http://localhost:{clear}/a/b?c=%20d");
    let common = ["-sSL", "--cacert", trusted.to_str().unwrap()];
    let common = [&common[..], &["--resolve", &resolve[0], "--resolve", &resolve[1]]].concat();
    for (arguments, answer) in [
        (&[&*url][..], "GET /a/b?c=%20d "),
        (&["-X", "PUT", "-d", "hello", &url], "PUT /a/b?c=%20d hello"),
        (&["-d", "hello", &url], "POST /a/b?c=%20d hello"),
    ] {
        let got = run("curl", &[&common[..], arguments].concat()).await;
        let said = String::from_utf8_lossy(&got.stdout);
        assert_eq!(said, answer, "{}", String::from_utf8_lossy(&got.stderr));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_listener_that_speaks_tls_does_not_lead_to_it() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let listener = Listener::from(([127, 0, 0, 1], 0)).tls(authority.tls("own"));
    let server = server(authority.tls("own")).listen(listener.redirect_to_https(443));
    let host = Host::new("localhost").websocket("/", Echo);
    let error = server.host(host).start().await.expect_err("it makes no sense").to_string();
    assert!(error.contains("127.0.0.1:0 speaks TLS and redirects to https"), "{error}");
    assert!(error.contains("`Listener::redirect_to_https`"), "{error}");
}
