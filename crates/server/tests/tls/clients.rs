//! What others' clients make of it.

use std::{fs, process::Output};

use tokio::process::Command;

use super::{Authority, serve, soon};

pub(super) async fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    let command = command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    soon(command.output()).await.unwrap_or_else(|error| panic!("{program}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_a_file_by_each_version_and_knows_whose_it_is() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(authority.path("large.bin"), &large).unwrap();
    let server = serve(authority.tls("own"), authority.folder.path()).await;
    let port = server.address().port();
    let (trusted, resolve) =
        (authority.path("authority.pem"), format!("localhost:{port}:127.0.0.1"));
    let url = format!("https://localhost:{port}/large.bin");
    let trusted = trusted.to_str().unwrap();
    for (least, most) in [("--tlsv1.2", "1.2"), ("--tlsv1.3", "1.3")] {
        let common = ["-sS", "--resolve", &resolve, "--cacert", trusted, least, "--tls-max", most];
        let got = run("curl", &[&common[..], &[&url]].concat()).await;
        assert!(got.status.success(), "{most}: {}", String::from_utf8_lossy(&got.stderr));
        assert!(got.stdout == large, "{most}");
    }
    // Who does not trust the authority does not go on.
    let got = run("curl", &["-sS", "--resolve", &resolve, &url]).await;
    assert_eq!(got.status.code(), Some(60), "{}", String::from_utf8_lossy(&got.stderr));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_resumed_by_a_ticket() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let server = serve(authority.tls("own"), authority.folder.path()).await;
    let address = server.address().to_string();
    let ticket = authority.path("ticket");
    let ticket = ticket.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let common = ["s_client", "-connect", &address, "-servername", "localhost", version];
        let said = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
        // TLS 1.3 sends tickets behind the handshake: it waits for what answers a request.
        let ask = |option| {
            let line = format!(
                "printf 'GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | \
                 openssl {} {option} {ticket} -ign_eof",
                common.join(" ")
            );
            async move { said(run("sh", &["-c", &line]).await) }
        };
        let first = ask("-sess_out").await;
        assert!(first.contains("New, TLSv1"), "{version}: {first}");
        let second = ask("-sess_in").await;
        assert!(second.contains("Reused, TLSv1"), "{version}: {second}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_offers_no_protocol_that_is_spoken_is_told_so() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let server = serve(authority.tls("own"), authority.folder.path()).await;
    let address = server.address().to_string();
    let common = ["s_client", "-connect", &address, "-servername", "localhost", "-alpn"];
    let agreed = run("openssl", &[&common[..], &["spdy/3,http/1.1"]].concat()).await;
    assert!(String::from_utf8_lossy(&agreed.stdout).contains("ALPN protocol: http/1.1"));
    let refused = run("openssl", &[&common[..], &["gopher"]].concat()).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no application protocol"));
    server.stop().await;
}
