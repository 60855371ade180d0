//! RFC 8441 §5: what a websocket's handshake is over HTTP/2.

use aerys_proto::upgrade::{self, UpgradeError};
use http::{HeaderMap, HeaderValue, header};

fn check(protocol: &str, versions: &[&'static str]) -> Result<(), UpgradeError> {
    let mut headers = HeaderMap::new();
    for version in versions {
        headers.append(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(version));
    }
    upgrade::check_connect(protocol, &headers)
}

#[test]
fn an_extended_connect_needs_no_key() {
    assert_eq!(check("websocket", &["13"]), Ok(()));
    assert_eq!(check("WebSocket", &[" 13 "]), Ok(()));
}

#[test]
fn an_extended_connect_for_something_else_is_told_apart() {
    for protocol in ["connect-udp", "websockets", "", "web socket"] {
        assert_eq!(check(protocol, &["13"]), Err(UpgradeError::ProtocolUnknown), "{protocol}");
    }
}

#[test]
fn the_version_is_that_of_rfc_6455() {
    assert_eq!(check("websocket", &[]), Err(UpgradeError::VersionMissing));
    let version = HeaderValue::from_static("8");
    assert_eq!(check("websocket", &["13", "8"]), Err(UpgradeError::VersionUnsupported { version }));
}
