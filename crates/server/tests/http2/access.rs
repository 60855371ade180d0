//! The access log of handshakes by extended CONNECT.

use std::sync::Mutex;

use aerys::Options;
use tracing::subscriber::set_global_default;

use crate::{Stage, client::handshake, subscriber::Listener};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[tokio::test]
async fn each_extended_connect_has_its_line() {
    // Of the servers here this one alone has an access log.
    set_global_default(Listener(|_, line| LINES.lock().unwrap().push(line))).unwrap();
    let stage = Stage::set(Options::new(), |server| server.access_log(true)).await;
    let mut client = stage.client().await;
    let foreign = handshake("/echo").header("origin", "https://evil.example");
    for (request, status, outcome) in [
        (handshake("/echo"), 200, "accepted"),
        (foreign, 403, "foreign_origin"),
        (handshake("/nowhere"), 405, "elsewhere"),
    ] {
        LINES.lock().unwrap().retain(|line| !line.contains("message=handshake "));
        let (response, _tunnel) = client.try_open(request.body(()).unwrap()).await;
        assert_eq!(response.status(), status);
        let lines = LINES.lock().unwrap().clone();
        let told = format!(" http=\"2\" status={status} outcome=\"{outcome}\" ");
        let lines: Vec<_> = lines.iter().filter(|it| it.contains("message=handshake ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(&told), "{lines:?}");
        assert!(lines[0].contains("client_ip=127.0.0.1 host=\"localhost\""), "{lines:?}");
    }
    stage.server.stop().await;
}
