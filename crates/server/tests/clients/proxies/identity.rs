//! Who the client is, as real proxies tell it: by a header, and by the PROXY protocol.

use std::net::{Ipv4Addr, SocketAddr};

use aerys::{Accepted, Forwarded, Handshake, Host, Listener, Refusal, Running, Server, Websocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::proxy::{HANDSHAKE, Proxy};
use crate::stage::soon;

/// Says in the answer who is there.
struct Who;

impl Websocket for Who {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.client_ip().expect("it has come by TCP");
        let peer = handshake.peer_addr().ip().expect("it has come by TCP");
        let scheme = if handshake.is_secure() { "https" } else { "http" };
        Ok(handshake.header("x-who", format!("{client} via {peer} by {scheme}")).accept())
    }
}

/// Believes the proxy alone, which has the usual address, while clients have another.
async fn serve(listener: Listener) -> Running {
    let host = Host::new("mysite.com").websocket("/who", Who);
    let server = Server::new().listen(listener).host(host).workers(2);
    soon(server.trusted_proxies(["127.0.0.1"]).start()).await.expect("the server starts")
}

fn local() -> Listener {
    ([127, 0, 0, 1], 0).into()
}

/// What the server says to one who comes from `own` address with these lines beside the handshake's.
async fn who(address: &str, own: u8, lines: &[&str]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, own), 0))).unwrap();
    let mut stream = soon(socket.connect(address.parse().unwrap())).await.unwrap();
    let lines = [&["GET /who HTTP/1.1", "Host: mysite.com"], HANDSHAKE, lines].concat();
    soon(stream.write_all((lines.join("\r\n") + "\r\n\r\n").as_bytes())).await.unwrap();
    let head = head(&mut stream).await;
    let line = head.lines().find_map(|line| line.strip_prefix("x-who: "));
    line.unwrap_or_else(|| panic!("{head}")).to_owned()
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.expect("there is an answer"));
    }
    String::from_utf8(head).expect("a head is text").to_ascii_lowercase()
}

/// What clients write who would be somebody else.
const SPOOFED: &[&str] = &[
    "X-Forwarded-For: 203.0.113.7",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=203.0.113.8;proto=https;host=evil.example",
];

#[tokio::test]
async fn the_client_is_whom_the_proxy_names_and_not_who_it_says_to_be() {
    // As most have it, who add to what the client has sent.
    let adds = [
        (
            Proxy::Nginx,
            "X-Forwarded-For $remote_addr",
            "X-Forwarded-For $proxy_add_x_forwarded_for",
        ),
        (Proxy::Haproxy, "http-request set-header X-Forwarded-For %[src]", "option forwardfor"),
    ];
    for (proxy, replaces, adds) in adds {
        let server = serve(local().forwarded(Forwarded::x_forwarded_for().scheme())).await;
        for changes in [&[][..], &[(replaces, adds)]] {
            let running = proxy.start(&server.address().to_string(), changes).await;
            for lines in [&[][..], SPOOFED] {
                let said = who(running.address(), 2, lines).await;
                assert_eq!(said, "127.0.0.2 via 127.0.0.1 by http", "{proxy:?} {changes:?}");
            }
        }
        // Past the proxy, nobody is believed.
        let said = who(&server.address().to_string(), 3, SPOOFED).await;
        assert_eq!(said, "127.0.0.3 via 127.0.0.3 by http");
        soon(server.stop()).await;
    }
}

// The proxy passes on what it does not know.
#[tokio::test]
async fn a_header_that_was_not_named_changes_nothing_on_its_way_through_a_proxy() {
    for proxy in Proxy::EACH {
        let server = serve(local().forwarded(Forwarded::rfc7239())).await;
        let running = proxy.start(&server.address().to_string(), &[]).await;
        let said = who(running.address(), 2, &["X-Forwarded-For: 203.0.113.7"]).await;
        assert_eq!(said, "127.0.0.1 via 127.0.0.1 by http", "{proxy:?}");
        soon(server.stop()).await;
    }
}

#[tokio::test]
async fn haproxy_says_it_by_the_proxy_protocol_in_both_versions() {
    for send in ["send-proxy", "send-proxy-v2"] {
        let server = serve(local().proxy_protocol()).await;
        let line = format!("default-server {send}\n    server first");
        let changes = [("server first", line.as_str())];
        let running = Proxy::Haproxy.start(&server.address().to_string(), &changes).await;
        for lines in [&[][..], SPOOFED] {
            let said = who(running.address(), 2, lines).await;
            assert_eq!(said, "127.0.0.2 via 127.0.0.1 by http", "{send}");
        }
        soon(server.stop()).await;
    }
}

// Their addresses are such as proxies have them say here: those of this machine do not count.
#[tokio::test]
async fn limits_are_for_each_client_and_not_for_the_proxy() {
    const FOR_WHOM: &str = "http-request set-header X-Forwarded-For %[src]";
    let haproxy = format!("http-request set-src url_param(as)\n    {FOR_WHOM}");
    for (proxy, change, listener, send, too_many) in [
        (
            Proxy::Nginx,
            ("X-Forwarded-For $remote_addr", "X-Forwarded-For $arg_as"),
            local(),
            None,
            "429",
        ),
        (Proxy::Haproxy, (FOR_WHOM, haproxy.as_str()), local(), None, "429"),
        // The connection is closed, of which haproxy says so much.
        (
            Proxy::Haproxy,
            (FOR_WHOM, haproxy.as_str()),
            local().proxy_protocol(),
            Some(("server first", "default-server send-proxy-v2\n    server first")),
            "502",
        ),
    ] {
        let host = Host::new("mysite.com").websocket("/who", Who);
        let server = Server::new().listen(listener).host(host).workers(2);
        let server = server.trusted_proxies(["127.0.0.1"]).max_connections_per_ip(2);
        let server = soon(server.start()).await.expect("the server starts");
        let changes: Vec<_> = [change].into_iter().chain(send).collect();
        let running = proxy.start(&server.address().to_string(), &changes).await;
        let mut inside = Vec::new();
        for (client, status) in [
            ("203.0.113.7", "101"),
            ("203.0.113.7", "101"),
            ("203.0.113.7", too_many),
            ("203.0.113.8", "101"),
            ("203.0.113.7", too_many),
        ] {
            let path = format!("/who?as={client}");
            let (stream, head) = running.handshake(&path, &["Host: mysite.com"]).await;
            assert_eq!(head.split(' ').nth(1), Some(status), "{proxy:?}, {client}: {head}");
            inside.push(stream);
        }
        assert_eq!(server.limits_hit().connections_per_ip, 2, "{proxy:?}");
        drop(inside);
        soon(server.stop()).await;
    }
}
