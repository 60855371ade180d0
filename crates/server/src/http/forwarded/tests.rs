use std::net::SocketAddr;

use http::HeaderMap;

use super::*;
use crate::transport::{PeerAddr, Proxied};

/// Trusts 10.0.0.0/8 and ::1.
fn proxies() -> TrustedProxies {
    TrustedProxies::parse(&["10.0.0.0/8".to_owned(), "::1".to_owned()]).unwrap()
}

fn peer(address: &str, forwarded: Forwarded) -> PeerInfo {
    let address = PeerAddr::from(address.parse::<SocketAddr>().unwrap());
    PeerInfo { forwarded, ..PeerInfo::plain(address) }
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// The client's address, whether it speaks TLS, and the host it asks for.
fn found(
    peer: &PeerInfo,
    lines: &[(&'static str, &'static str)],
) -> Result<(String, bool, Option<String>), ForwardedError> {
    let claims = proxies().claims(peer, &headers(lines))?;
    let ip = claims.requester.address.ip().unwrap().to_string();
    Ok((ip, claims.requester.is_secure, claims.host.map(|it| it.host.into_owned())))
}

#[test]
fn the_client_is_the_last_that_is_no_trusted_proxy() {
    let forwarded = Forwarded::x_forwarded_for();
    for (address, lines, client) in [
        // Whoever is not trusted is not believed.
        ("1.1.1.1:9", &["2.2.2.2"][..], "1.1.1.1"),
        // As sockets for both families write it.
        ("[::ffff:1.1.1.1]:9", &["2.2.2.2"], "1.1.1.1"),
        ("[::ffff:10.0.0.1]:9", &["2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1:9", &[], "10.0.0.1"),
        ("10.0.0.1:9", &["2.2.2.2"], "2.2.2.2"),
        ("[::1]:9", &["2.2.2.2"], "2.2.2.2"),
        // What stands before it is the client's own invention.
        ("10.0.0.1:9", &["3.3.3.3, 2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1:9", &["3.3.3.3", "2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1:9", &["10.0.0.9, 2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1:9", &["3.3.3.3 , 2.2.2.2,10.0.0.2", " ::1"], "2.2.2.2"),
        // All are proxies: the first has made the request.
        ("10.0.0.1:9", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1:9", &["2.2.2.2:80, 10.0.0.2:443"], "2.2.2.2"),
        ("10.0.0.1:9", &["[2001:db8::1]:80"], "2001:db8::1"),
        ("10.0.0.1:9", &["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1:9", &["::ffff:2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1:9", &["::ffff:10.0.0.2"], "10.0.0.2"),
        // Who is not known: as far as it is.
        ("10.0.0.1:9", &["unknown"], "10.0.0.1"),
        ("10.0.0.1:9", &["2.2.2.2, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1:9", &[""], "10.0.0.1"),
        // RFC 9110 §5.6.1: an element that is empty is none.
        ("10.0.0.1:9", &["2.2.2.2,", " ,"], "2.2.2.2"),
        ("10.0.0.1:9", &["1.2.3.4.5"], "10.0.0.1"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let (found, is_secure, host) = found(&peer(address, forwarded), &lines).unwrap();
        assert_eq!(found, client, "{lines:?} of {address}");
        assert!(!is_secure && host.is_none());
    }
}

#[test]
fn the_standard_header_is_read_from_its_end_as_well() {
    let forwarded = Forwarded::rfc7239();
    for (lines, client) in [
        (&["for=2.2.2.2"][..], "2.2.2.2"),
        (&["For=\"[2001:db8::17]:4711\""], "2001:db8::17"),
        (&["for=2.2.2.2:80;proto=http;by=10.0.0.1"], "2.2.2.2"),
        (&["for=3.3.3.3, for=2.2.2.2, for=10.0.0.2"], "2.2.2.2"),
        (&["for=3.3.3.3", "for=2.2.2.2;by=_x, for=\"10.0.0.2\""], "2.2.2.2"),
        (&["by=_a;for=2.2.2.2 , for=10.0.0.2 ; proto=https"], "2.2.2.2"),
        (&["for=\"2.2.2.\\2\""], "2.2.2.2"),
        (&["secret=\"a, for=3.3.3.3;\\\"\";for=2.2.2.2"], "2.2.2.2"),
        (&["for=unknown"], "10.0.0.1"),
        (&["for=2.2.2.2, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
        (&["for=2.2.2.2,, ", ""], "2.2.2.2"),
        (&["proto=https"], "10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&[], "10.0.0.1"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        let (found, ..) = found(&peer("10.0.0.1:9", forwarded), &lines).unwrap();
        assert_eq!(found, client, "{lines:?}");
    }
}

// One that does not end would take in what the proxy has written behind it.
#[test]
fn a_standard_header_that_makes_no_sense_is_not_read_as_another() {
    for line in [
        "for=\"",
        "for=\", for=2.2.2.2",
        "for=\", for=\"2.2.2.2\"",
        "for=\"3.3.3.3\\\", for=\"2.2.2.2\"",
        "for=\"3.3.3.3\"x, for=2.2.2.2",
        "for=3.3.3.3\", for=2.2.2.2",
        "for",
        "for=",
        "for=3.3.3.3 4.4.4.4",
    ] {
        let peer = peer("10.0.0.1:9", Forwarded::rfc7239());
        let outcome = found(&peer, &[("forwarded", line)]);
        assert_eq!(outcome, Err(ForwardedError::Syntax), "{line}");
        // It is not read if nobody is to be believed, or by another header.
        for peer in [
            PeerInfo { forwarded: Forwarded::x_forwarded_for(), ..peer.clone() },
            PeerInfo { address: SocketAddr::from(([1, 1, 1, 1], 9)).into(), ..peer },
        ] {
            assert!(found(&peer, &[("forwarded", line)]).is_ok(), "{line}");
        }
    }
}

#[test]
fn the_header_that_was_not_named_changes_nothing() {
    let lines =
        [("x-forwarded-for", "2.2.2.2"), ("forwarded", "for=3.3.3.3;host=a.com;proto=https")];
    for (forwarded, client) in [
        (Forwarded::x_forwarded_for().scheme().host(), "2.2.2.2"),
        (Forwarded::rfc7239(), "3.3.3.3"),
    ] {
        let found = found(&peer("10.0.0.1:9", forwarded), &lines).unwrap();
        assert_eq!(found, (client.to_owned(), false, None));
    }
}

#[test]
fn scheme_and_host_are_believed_only_where_that_was_asked_for() {
    let x = [
        ("x-forwarded-proto", "http, HTTPS"),
        ("x-forwarded-host", "b.com"),
        ("x-forwarded-host", "c.com, A.com:8443"),
    ];
    let standard = [("forwarded", "for=2.2.2.2;proto=https;host=\"a.com:8443\", for=10.0.0.2")];
    for (forwarded, lines) in
        [(Forwarded::x_forwarded_for(), &x[..]), (Forwarded::rfc7239(), &standard)]
    {
        let claims = |forwarded, address| {
            let (_, is_secure, host) = found(&peer(address, forwarded), lines).unwrap();
            (is_secure, host)
        };
        let host = Some("a.com".to_owned());
        assert_eq!(claims(forwarded, "10.0.0.1:9"), (false, None));
        assert_eq!(claims(forwarded.scheme(), "10.0.0.1:9"), (true, None));
        assert_eq!(claims(forwarded.host(), "10.0.0.1:9"), (false, host.clone()));
        assert_eq!(claims(forwarded.scheme().host(), "10.0.0.1:9"), (true, host));
        assert_eq!(claims(forwarded.scheme().host(), "1.1.1.1:9"), (false, None));
    }
    for (forwarded, line) in [
        (Forwarded::x_forwarded_for().host(), ("x-forwarded-host", "a b")),
        (Forwarded::rfc7239().host(), ("forwarded", "host=\"a b\"")),
    ] {
        let outcome = found(&peer("10.0.0.1:9", forwarded), &[line]);
        assert_eq!(outcome, Err(ForwardedError::Host));
    }
}

#[test]
fn whom_a_proxy_connects_for_may_be_a_proxy_itself() {
    let lines = [("x-forwarded-for", "2.2.2.2")];
    for (proxied, client) in [("1.1.1.1", "1.1.1.1"), ("10.9.9.9", "2.2.2.2")] {
        let ip = proxied.parse().unwrap();
        let peer = PeerInfo {
            proxied: Some(Proxied { ip, is_secure: true }),
            ..peer("10.0.0.1:9", Forwarded::default())
        };
        let found = found(&peer, &lines).unwrap();
        assert_eq!(found, (client.to_owned(), true, None));
    }
}
