//! RFC 6455 §4.2.1, the client's requirements, and §1.3, the accept key.

use aerys_proto::upgrade::{self, Accept, UpgradeError};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

/// The request of §1.3, as changed by a test.
struct Request {
    method: Method,
    version: Version,
    headers: HeaderMap,
}

impl Request {
    fn new() -> Self {
        let headers = [
            (header::HOST, "server.example.com"),
            (header::UPGRADE, "websocket"),
            (header::CONNECTION, "Upgrade"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (header::ORIGIN, "http://example.com"),
            (header::SEC_WEBSOCKET_PROTOCOL, "chat, superchat"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
        ];
        let headers =
            headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
        Self { method: Method::GET, version: Version::HTTP_11, headers: headers.collect() }
    }

    /// With these values, one a line, for the header instead of its own.
    fn with(mut self, name: HeaderName, values: &[&'static str]) -> Self {
        self.headers.remove(&name);
        for value in values {
            self.headers.append(&name, HeaderValue::from_static(value));
        }
        self
    }

    fn check(&self) -> Result<Accept, UpgradeError> {
        upgrade::check(&self.method, self.version, &self.headers)
    }
}

#[test]
fn the_accept_key_is_that_of_the_example() {
    let accept = Request::new().check().expect("the request is the RFC's own");
    assert_eq!(accept.header_value(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn what_the_rules_allow_is_accepted() {
    let cases: &[(HeaderName, &[&str])] = &[
        (header::UPGRADE, &["WebSocket"]),
        (header::UPGRADE, &["h2c, websocket"]),
        (header::UPGRADE, &["h2c", " websocket "]),
        (header::CONNECTION, &["keep-alive, Upgrade"]),
        (header::CONNECTION, &["keep-alive", "upgrade"]),
        (header::CONNECTION, &[",UPGRADE,"]),
        (header::SEC_WEBSOCKET_VERSION, &[" 13 "]),
        (header::SEC_WEBSOCKET_KEY, &[" AAAAAAAAAAAAAAAAAAAAAA== "]),
        (header::SEC_WEBSOCKET_KEY, &["//////////////////////=="]),
    ];
    for (name, values) in cases {
        let checked = Request::new().with(name.clone(), values).check();
        assert!(checked.is_ok(), "{name}: {values:?}: {checked:?}");
    }
}

#[test]
fn who_means_to_open_a_websocket_is_told_from_who_does_not() {
    let with = |name, values| Request::new().with(name, values);
    let without = |request: Request, name| request.with(name, &[]);
    let (upgrade, key) = (header::UPGRADE, header::SEC_WEBSOCKET_KEY);
    for (request, is_meant) in [
        (Request::new(), true),
        (without(Request::new(), key.clone()), true),
        (without(Request::new(), upgrade.clone()), true),
        (without(Request::new(), header::CONNECTION), true),
        (without(with(upgrade.clone(), &["h2c", "WebSocket"]), key.clone()), true),
        (without(with(upgrade.clone(), &["h2c"]), key.clone()), false),
        (without(without(Request::new(), upgrade), key), false),
    ] {
        assert_eq!(upgrade::is_meant(&request.headers), is_meant, "{:?}", request.headers);
    }
}

#[test]
fn each_broken_rule_is_named() {
    let unsupported =
        |version| UpgradeError::VersionUnsupported { version: HeaderValue::from_static(version) };
    let cases: &[(HeaderName, &[&str], UpgradeError)] = &[
        (header::UPGRADE, &[], UpgradeError::UpgradeMissing),
        (header::UPGRADE, &["h2c"], UpgradeError::UpgradeMissing),
        (header::UPGRADE, &["websockets"], UpgradeError::UpgradeMissing),
        (header::UPGRADE, &["web socket"], UpgradeError::UpgradeMissing),
        (header::CONNECTION, &[], UpgradeError::ConnectionMissing),
        (header::CONNECTION, &["keep-alive"], UpgradeError::ConnectionMissing),
        (header::CONNECTION, &["upgraded, close"], UpgradeError::ConnectionMissing),
        (header::SEC_WEBSOCKET_VERSION, &[], UpgradeError::VersionMissing),
        (header::SEC_WEBSOCKET_VERSION, &["8"], unsupported("8")),
        (header::SEC_WEBSOCKET_VERSION, &["13", "8"], unsupported("8")),
        (header::SEC_WEBSOCKET_VERSION, &["013"], unsupported("013")),
        (header::SEC_WEBSOCKET_VERSION, &[""], unsupported("")),
        (header::SEC_WEBSOCKET_KEY, &[], UpgradeError::KeyMissing),
        (header::SEC_WEBSOCKET_KEY, &["", ""], UpgradeError::KeyRepeated),
        (header::SEC_WEBSOCKET_KEY, &[""], UpgradeError::KeyInvalid),
        // 15, 17 and 16 bytes, the last without its padding.
        (header::SEC_WEBSOCKET_KEY, &["AAAAAAAAAAAAAAAAAAAA"], UpgradeError::KeyInvalid),
        (header::SEC_WEBSOCKET_KEY, &["AAAAAAAAAAAAAAAAAAAAAAA="], UpgradeError::KeyInvalid),
        (header::SEC_WEBSOCKET_KEY, &["AAAAAAAAAAAAAAAAAAAAAA"], UpgradeError::KeyInvalid),
        (header::SEC_WEBSOCKET_KEY, &["AAAAAAAAAAA AAAAAAAAAA=="], UpgradeError::KeyInvalid),
        (header::SEC_WEBSOCKET_KEY, &["-_-_-_-_-_-_-_-_-_-_-A=="], UpgradeError::KeyInvalid),
        (
            header::SEC_WEBSOCKET_KEY,
            &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
            UpgradeError::KeyInvalid,
        ),
    ];
    for (name, values, error) in cases {
        let checked = Request::new().with(name.clone(), values).check();
        assert_eq!(checked.as_ref(), Err(error), "{name}: {values:?}");
    }
}

#[test]
fn only_get_opens_a_websocket() {
    for method in [Method::POST, Method::HEAD, Method::OPTIONS, Method::CONNECT] {
        let request = Request { method: method.clone(), ..Request::new() };
        assert_eq!(request.check(), Err(UpgradeError::MethodNotGet { method }));
    }
}

#[test]
fn http_must_be_1_1_or_higher() {
    for version in [Version::HTTP_09, Version::HTTP_10] {
        let request = Request { version, ..Request::new() };
        assert_eq!(request.check(), Err(UpgradeError::HttpTooOld { version }));
    }
}

#[test]
fn http_2_has_no_upgrade() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let request = Request { version, ..Request::new() };
        assert_eq!(request.check(), Err(UpgradeError::ConnectNeeded));
    }
}

#[test]
fn the_first_broken_rule_is_the_one_that_is_named() {
    // Mended one by one, in the order in which they are found.
    let mut request =
        Request { method: Method::POST, version: Version::HTTP_10, headers: HeaderMap::new() };
    assert!(matches!(request.check(), Err(UpgradeError::MethodNotGet { .. })));
    request.method = Method::GET;
    assert!(matches!(request.check(), Err(UpgradeError::HttpTooOld { .. })));
    request.version = Version::HTTP_11;
    assert_eq!(request.check(), Err(UpgradeError::UpgradeMissing));
    let request = request.with(header::UPGRADE, &["websocket"]);
    assert_eq!(request.check(), Err(UpgradeError::ConnectionMissing));
    let request = request.with(header::CONNECTION, &["upgrade"]);
    assert_eq!(request.check(), Err(UpgradeError::VersionMissing));
    let request = request.with(header::SEC_WEBSOCKET_VERSION, &["13"]);
    assert_eq!(request.check(), Err(UpgradeError::KeyMissing));
}

#[test]
fn a_header_that_is_not_text_breaks_a_rule_and_nothing_else() {
    let bytes = HeaderValue::from_bytes(b"\xff\xfe").expect("opaque bytes are allowed");
    for name in [
        header::UPGRADE,
        header::CONNECTION,
        header::SEC_WEBSOCKET_VERSION,
        header::SEC_WEBSOCKET_KEY,
    ] {
        let mut request = Request::new();
        request.headers.insert(name, bytes.clone());
        assert!(request.check().is_err());
    }
}
