//! Which pages may connect through a proxy, and what that has to do with `Host`.

use aerys::{Host, Options, Origins};

use super::proxy::Proxy;
use crate::stage::Stage;

/// A page at a port that is not its scheme's own, as it asks for a websocket of its own host.
const OWN_PAGE: [&str; 2] = ["Host: mysite.com:8443", "Origin: https://mysite.com:8443"];

#[tokio::test]
async fn a_page_behind_the_proxy_may_connect_and_a_foreign_one_may_not() {
    for proxy in Proxy::EACH {
        let stage = Stage::usual().await;
        let running = proxy.start(&stage.address(), &[]).await;
        for (lines, status) in [
            (OWN_PAGE, "101"),
            (["Host: mysite.com", "Origin: https://mysite.com"], "101"),
            (["Host: mysite.com", "Origin: https://evil.example"], "403"),
        ] {
            let (_, head) = running.handshake("/echo", &lines).await;
            assert_eq!(head.split(' ').nth(1), Some(status), "{proxy:?}: {lines:?}");
        }
        stage.strike().await;
    }
}

#[tokio::test]
async fn where_the_host_is_not_passed_on_its_name_and_its_origin_have_to_be_listed() {
    const OWN_LINE: &str = "proxy_set_header Host $http_host;";
    for (proxy, change, name) in [
        // What it does unless told otherwise: the name of the `upstream`.
        (Proxy::Nginx, (OWN_LINE, ""), "aerys"),
        // What most examples on the web have: without the port.
        (Proxy::Nginx, (OWN_LINE, "proxy_set_header Host $host;"), "mysite.com"),
        (
            Proxy::Haproxy,
            ("default_backend", "http-request set-header Host internal\n    default_backend"),
            "internal",
        ),
    ] {
        let listed = || Origins::list(["https://mysite.com:8443"]);
        let unnamed = if name == "mysite.com" { "403" } else { "421" };
        for (host, origins, status) in [
            (Host::new("mysite.com"), Origins::Same, unnamed),
            (Host::new(name), Origins::Same, "403"),
            (Host::new(name), listed(), "101"),
            (Host::any(), listed(), "101"),
        ] {
            let stage = Stage::of(host, Options::new().allowed_origins(origins)).await;
            let running = proxy.start(&stage.address(), &[change]).await;
            let (_, head) = running.handshake("/echo", &OWN_PAGE).await;
            assert_eq!(head.split(' ').nth(1), Some(status), "{proxy:?} with {change:?}: {head}");
            stage.strike().await;
        }
    }
}
