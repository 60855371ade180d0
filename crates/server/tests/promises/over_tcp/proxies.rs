//! Who the client is, by the word of a proxy that is trusted. What the proxy writes stands here byte by byte;
//! real ones are in `tests/clients/proxies`. The addresses are those of TCP.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::IpAddr,
    time::Duration,
};

use aerys::{
    Accepted, Body, ClientIp, Forwarded, Handshake, Host, Listener, PeerAddr, Refusal, Running,
    Server, ServerError, Websocket,
    http::{Request, Response},
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::Instant};

use crate::common::{Answer, PATIENCE, Raw, accesses_at, get, handshake, keep_errors, soon};

/// Says in the answer who is there.
struct Who;

impl Websocket for Who {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let who = format!(
            "{} {} {}",
            shown(handshake.client_ip()),
            handshake.peer_addr().ip().unwrap(),
            if handshake.is_secure() { "secure" } else { "plain" },
        );
        let client_ip = handshake.client_ip();
        let client = handshake.header("x-who", who).accept();
        assert_eq!(client.client_ip(), client_ip);
        assert_eq!(client.inspect().client_ip, client_ip);
        Ok(client)
    }
}

fn shown(ip: Option<IpAddr>) -> String {
    ip.map_or_else(|| "nobody".to_owned(), |ip| ip.to_string())
}

/// The same of a page.
fn who(request: Request<Body>) -> Ready<Result<Response<String>, Infallible>> {
    let client = request.extensions().get::<ClientIp>().map(|it| it.0);
    let peer = request.extensions().get::<PeerAddr>().expect("it is always there");
    ready(Ok(Response::new(format!("{} {}", shown(client), peer.ip().unwrap()))))
}

#[derive(Clone)]
struct Page;

impl tower_service::Service<Request<Body>> for Page {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        who(request)
    }
}

/// Has one listener after another, which believe these.
async fn serve(listeners: Vec<Listener>, trusted: &[&str]) -> Running {
    let host = Host::new("localhost").websocket("/", Who).service(Page);
    let server = Server::new().host(host).workers(1).trusted_proxies(trusted.iter().copied());
    let server = server.head_period(Duration::from_secs(1));
    let server = listeners.into_iter().fold(server, Server::listen);
    soon(server.start()).await.expect("the server starts")
}

fn local() -> Listener {
    ([127, 0, 0, 1], 0).into()
}

async fn connect(server: &Running, listener: usize) -> Raw<TcpStream> {
    soon(TcpStream::connect(server.addresses()[listener])).await.unwrap().into()
}

fn who_said(answer: &Answer) -> &str {
    answer.header("x-who").unwrap_or_else(|| panic!("{answer:?}"))
}

#[tokio::test]
async fn each_listener_goes_by_its_own_header_and_by_no_other() {
    let listeners = vec![
        local(),
        local().forwarded(Forwarded::x_forwarded_for().scheme()),
        local().forwarded(Forwarded::rfc7239().scheme()),
    ];
    let server = serve(listeners, &["127.0.0.0/8", "10.0.0.9"]).await;
    let claims = "X-Forwarded-For: 6.6.6.6, 2.2.2.2, 10.0.0.9\r\nX-Forwarded-Proto: https\r\n\
                  Forwarded: for=6.6.6.6, for=3.3.3.3;proto=https, for=10.0.0.9\r\n";
    for (listener, client, is_secure) in
        [(0, "2.2.2.2", "plain"), (1, "2.2.2.2", "secure"), (2, "3.3.3.3", "secure")]
    {
        // The one is read here, the other by hyper.
        for request in
            [handshake("/", claims), handshake("/", &format!("{claims}Content-Length: 0\r\n"))]
        {
            let answer = connect(&server, listener).await.ask(request).await;
            assert_eq!(who_said(&answer), format!("{client} 127.0.0.1 {is_secure}"));
        }
        let page = connect(&server, listener).await.ask(get("/x", claims)).await;
        assert_eq!(page.text(), format!("{client} 127.0.0.1"));
    }
    let malformed = handshake("/", "Forwarded: for=\"\r\n");
    assert_eq!(connect(&server, 2).await.ask(malformed.clone()).await.status(), 400);
    assert_eq!(connect(&server, 1).await.ask(malformed).await.status(), 101);
    soon(server.stop()).await;
}

#[tokio::test]
async fn nobody_is_believed_unless_it_was_said() {
    let listener = || vec![local().forwarded(Forwarded::x_forwarded_for().scheme().host())];
    let claims = "X-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n\
                  X-Forwarded-Host: elsewhere.example\r\n";
    for (trusted, said) in [
        (&[][..], "127.0.0.1 127.0.0.1 plain"),
        (&["10.0.0.0/8", "::1"], "127.0.0.1 127.0.0.1 plain"),
    ] {
        let server = serve(listener(), trusted).await;
        let answer = connect(&server, 0).await.ask(handshake("/", claims)).await;
        assert_eq!(who_said(&answer), said, "{trusted:?}");
        let page = connect(&server, 0).await.ask(get("/x", claims)).await;
        assert_eq!(page.text(), "127.0.0.1 127.0.0.1");
        soon(server.stop()).await;
    }
}

// What a page of `http://localhost` may do is not what one of `https://localhost` may.
#[tokio::test]
async fn origin_and_host_are_those_that_the_proxy_was_asked_for() {
    let forwarded = Forwarded::x_forwarded_for().scheme().host();
    let server = serve(vec![local().forwarded(forwarded)], &["127.0.0.1"]).await;
    for (scheme, host, origin, status) in [
        ("https", "localhost", "https://localhost", 101),
        ("https", "localhost", "http://localhost", 403),
        ("http", "localhost", "http://localhost", 101),
        ("https", "LOCALHOST:8443", "https://localhost:8443", 101),
        ("https", "localhost:8443", "https://localhost", 403),
        ("https", "elsewhere.example", "https://elsewhere.example", 421),
        ("https", "a b", "https://localhost", 400),
    ] {
        let extra = format!(
            "X-Forwarded-Proto: {scheme}\r\nX-Forwarded-Host: {host}\r\nOrigin: {origin}\r\n"
        );
        // Its own `Host` is what the proxy calls the server.
        let request = handshake("/", &extra).replacen("Host: localhost", "Host: inside.example", 1);
        let answer = connect(&server, 0).await.ask(request).await;
        assert_eq!(answer.status(), status, "{scheme} {host} {origin}");
    }
    soon(server.stop()).await;
}

/// A header of version 2: its command, family and payload.
fn binary(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, payload].concat()
}

const FOUR: [u8; 12] = [2, 2, 2, 2, 127, 0, 0, 1, 0x80, 0, 0, 80];

fn six() -> Vec<u8> {
    let mut six = [0; 36];
    six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    six[15] = 1;
    six.to_vec()
}

/// What a proxy says of a client that has spoken TLS with it, and then something else.
fn with_tls() -> Vec<u8> {
    [&FOUR[..], &[0x20, 0, 5, 1, 0, 0, 0, 0], &[4, 0, 2, 0, 0]].concat()
}

#[tokio::test]
async fn a_proxy_header_says_for_whom_a_connection_is() {
    let server = serve(vec![local().proxy_protocol()], &["127.0.0.1", "10.0.0.9"]).await;
    for (header, client) in [
        (b"PROXY TCP4 2.2.2.2 127.0.0.1 32768 80\r\n".to_vec(), "2.2.2.2 127.0.0.1 plain"),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n".to_vec(), "1.1.1.1 127.0.0.1 plain"),
        (b"PROXY TCP6 2001:db8::1 ::1 1 80\r\n".to_vec(), "2001:db8::1 127.0.0.1 plain"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1 127.0.0.1 plain"),
        (b"PROXY UNKNOWN 2.2.2.2 1.1.1.1 1 1\r\n".to_vec(), "127.0.0.1 127.0.0.1 plain"),
        (binary(0x21, 0x11, &FOUR), "2.2.2.2 127.0.0.1 plain"),
        (binary(0x21, 0x21, &six()), "2001:db8::1 127.0.0.1 plain"),
        (binary(0x21, 0x11, &with_tls()), "2.2.2.2 127.0.0.1 secure"),
        (binary(0x21, 0, &[]), "127.0.0.1 127.0.0.1 plain"),
        (binary(0x20, 0x11, &FOUR), "127.0.0.1 127.0.0.1 plain"),
        // Who is a proxy itself, is asked in turn.
        (b"PROXY TCP4 10.0.0.9 127.0.0.1 1 80\r\n".to_vec(), "4.4.4.4 127.0.0.1 plain"),
    ] {
        let claims = if client.starts_with('4') || client.starts_with("127") {
            "X-Forwarded-For: 4.4.4.4\r\n"
        } else {
            // An untrusted client's own word.
            "X-Forwarded-For: 5.5.5.5\r\n"
        };
        let client = client.replacen("127.0.0.1 127", "4.4.4.4 127", 1);
        let request = [&header[..], handshake("/", claims).as_bytes()].concat();
        let answer = connect(&server, 0).await.ask(&request).await;
        assert_eq!(who_said(&answer), client, "{header:?}");
        // It may come in any pieces.
        let mut raw = connect(&server, 0).await;
        raw.stream.set_nodelay(true).unwrap();
        for byte in &request[..request.len() - 1] {
            raw.write([*byte]).await;
        }
        let answer = raw.ask(&request[request.len() - 1..]).await;
        assert_eq!(who_said(&answer), client, "{header:?}");
    }
    soon(server.stop()).await;
}

#[tokio::test]
async fn without_a_proxy_header_in_time_a_connection_is_closed() {
    let server = serve(vec![local().proxy_protocol()], &["127.0.0.1"]).await;
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    for header in [
        handshake("/", "").into_bytes(),
        b"PROXY TCP4 2.2.2.2 127.0.0.1 1\r\n".to_vec(),
        b"PROXY TCP4 2.2.2 127.0.0.1 1 80\r\n".to_vec(),
        b"PROXY TCP4 2001:db8::1 127.0.0.1 1 80\r\n".to_vec(),
        b"PROXY TCP5 2.2.2.2 127.0.0.1 1 80\r\n".to_vec(),
        long.into_bytes(),
        binary(0x31, 0x11, &FOUR),
        binary(0x22, 0x11, &FOUR),
        binary(0x21, 0x11, &FOUR[..11]),
        binary(0x21, 0x41, &FOUR),
        binary(0x21, 0x11, &[&FOUR[..], &[0x20, 0, 9, 1]].concat()),
    ] {
        let mut raw = connect(&server, 0).await;
        let request = [&header[..], handshake("/", "").as_bytes()].concat();
        raw.write(&request).await;
        assert_eq!(heard(&mut raw).await, b"", "{header:?}");
    }
    // One that says nothing has as long as for the head of a request.
    for begun in [&b""[..], b"PROXY TCP4 2.2.", b"\r\n\r\n\0\r\nQUIT\n!"] {
        let (mut raw, began) = (connect(&server, 0).await, Instant::now());
        raw.write(begun).await;
        assert_eq!(heard(&mut raw).await, b"", "{begun:?}");
        assert!(began.elapsed() >= Duration::from_secs(1), "{begun:?}");
    }
    soon(server.stop()).await;
}

#[tokio::test]
async fn only_a_trusted_proxy_may_begin_with_a_proxy_header() {
    let server = serve(vec![local().proxy_protocol(), local()], &["10.0.0.1"]).await;
    let header = "PROXY TCP4 2.2.2.2 127.0.0.1 32768 80\r\n";
    let mut raw = connect(&server, 0).await;
    raw.write(header.to_owned() + &handshake("/", "")).await;
    assert_eq!(heard(&mut raw).await, b"");
    // Where none is asked for it is no HTTP.
    let answer = connect(&server, 1).await.ask(header.to_owned() + &handshake("/", "")).await;
    assert_eq!(answer.status(), 400);
    soon(server.stop()).await;
}

/// All that comes until the connection is closed, be it by a reset.
async fn heard(raw: &mut Raw<TcpStream>) -> Vec<u8> {
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, raw.stream.read_to_end(&mut heard)).await.unwrap();
    heard
}

#[tokio::test]
async fn a_server_that_could_trust_nobody_does_not_start() {
    let host = || Host::new("localhost").websocket("/", Who);
    let server = Server::new().host(host()).listen(local()).trusted_proxies(["10.0.0.0/40"]);
    let error = soon(server.start()).await.map(drop).unwrap_err();
    assert!(matches!(&error, ServerError::TrustedProxy { given } if given == "10.0.0.0/40"));
    let server = Server::new().host(host()).listen(Listener::from("127.0.0.1:0").proxy_protocol());
    let error = soon(server.start()).await.map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the listener 127.0.0.1:0 asks for the PROXY protocol, which only trusted proxies may speak: \
         name them by `Server::trusted_proxies`"
    );
}

#[tokio::test]
async fn the_access_log_says_who_the_client_is_and_through_whom_it_came() {
    keep_errors();
    let host =
        Host::new("localhost").websocket("/proxied-access", Who).websocket("/direct-access", Who);
    let server = Server::new().host(host).listen("127.0.0.1:0").workers(1).access_log(true);
    let server = soon(server.trusted_proxies(["127.0.0.1"]).start()).await.unwrap();
    for (path, extra, told) in [
        (
            "/proxied-access",
            "X-Forwarded-For: 203.0.113.7\r\n",
            "client_ip=203.0.113.7 peer=127.0.0.1:",
        ),
        ("/direct-access", "", "client_ip=127.0.0.1 host="),
    ] {
        let mut raw = Raw::from(soon(TcpStream::connect(server.address())).await.unwrap());
        assert_eq!(raw.ask(handshake(path, extra)).await.status(), 101);
        let lines = accesses_at(path);
        assert!(lines.len() == 1 && lines[0].contains(told), "{lines:?}");
    }
    server.stop().await;
}
