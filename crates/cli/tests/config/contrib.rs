//! The units in contrib/, as systemd reads them, and what they say of the binary.

#![cfg(target_os = "linux")]

use std::{fs, path::Path, process::Stdio};

use futures_util::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixStream,
    process::Command,
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::{
    File,
    common::{notify::Notified, soon},
    text, utf8,
};

const SERVICE: &str = "aerys.service";

fn read(path: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    fs::read_to_string(root.join(path)).unwrap()
}

async fn analyze(arguments: &[&str]) -> (String, String) {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).kill_on_drop(true);
    let ended = soon("the end of systemd-analyze", command.output()).await;
    let ended = ended.expect("systemd-analyze is there: apt-get install systemd");
    (text(&ended.stdout).to_owned(), text(&ended.stderr).to_owned())
}

/// What systemd says of the units, with the service as it is given.
async fn complaints(service: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (service_path, socket_path) =
        (folder.path().join(SERVICE), folder.path().join("aerys.socket"));
    fs::write(&service_path, service).unwrap();
    fs::write(&socket_path, read("contrib/aerys.socket")).unwrap();
    analyze(&["verify", "--man=no", utf8(&service_path), utf8(&socket_path)]).await.1
}

#[tokio::test]
async fn systemd_takes_the_units_without_a_word() {
    // The program is looked for.
    let service =
        read("contrib/aerys.service").replace("/usr/bin/aerys", env!("CARGO_BIN_EXE_aerys"));
    let older = "Type=notify\nExecReload=/bin/kill -HUP $MAINPID";
    let for_older = service.replace("\nType=notify-reload", &format!("\n{older}"));
    assert!(service.contains(&older.replace('\n', " there, and ")), "{service}");
    assert_eq!(complaints(&for_older).await, "");
    let (version, _) = analyze(&["--version"]).await;
    let version: u32 = version.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap();
    if version >= 253 {
        assert_eq!(complaints(&service).await, "");
    }
    let misspelt = for_older.replace("ProtectHome", "ProtectHouse");
    assert!(complaints(&misspelt).await.contains("ProtectHouse"), "it looks at each line");
}

#[test]
fn what_the_page_says_of_a_service_stands_in_the_unit() {
    let (page, unit) = (read("docs/deployment.md"), read("contrib/aerys.service"));
    let (_, shown) = page.split_once("```ini\n[Unit]\n").expect("it shows a unit");
    let (shown, _) = shown.split_once("```").unwrap();
    let its_own = ["Type", "ExecStart", "WorkingDirectory", "Environment", "Description"];
    let directives = shown.lines().filter_map(|line| Some((line.split_once('=')?.0, line)));
    let shared: Vec<_> = directives.filter(|(key, _)| !its_own.contains(key)).collect();
    assert!(shared.len() > 9, "{shown}");
    for (_, line) in shared {
        assert!(unit.lines().any(|it| it == line), "{line} is missing");
    }
}

/// By the program that systemd has to try that with. It becomes the server when somebody connects.
#[tokio::test]
async fn who_connects_to_a_socket_of_systemd_starts_the_server_and_is_answered() {
    let file = File::new(
        "[[listen]]\naddress = 'systemd:0'\n[[host]]\nname = 'localhost'\n\
         [[host.websocket]]\npath = '/echo'\napplication = 'echo'\n",
    );
    let (path, config) = (file.0.path().join("aerys.sock"), file.path());
    let notified = Notified::new();
    let mut command = Command::new("systemd-socket-activate");
    command.args(["-l", utf8(&path), "-E", "NOTIFY_SOCKET"]);
    command.args([env!("CARGO_BIN_EXE_aerys"), "-c", utf8(&config)]);
    notified.by(&mut command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.kill_on_drop(true).spawn().expect("systemd is installed");
    let mut lines = BufReader::new(server.stderr.take().expect("it is piped")).lines();
    let line = soon("that it listens", lines.next_line()).await.unwrap().expect("it says so");
    assert!(line.starts_with("Listening on "), "{line}");

    let stream = UnixStream::connect(&path).await.unwrap();
    let opening = client_async("ws://localhost/echo", stream);
    let (mut socket, _) = soon("the handshake", opening).await.expect("it is let in");
    notified.until("READY=1").await;
    socket.send(Message::text("hello")).await.unwrap();
    let heard = soon("the echo", socket.next()).await.expect("the connection stays").unwrap();
    assert_eq!(heard, Message::text("hello"));

    let id = server.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("it runs");
    kill_process(id, Signal::TERM).unwrap();
    notified.until("STOPPING=1").await;
    let closed = soon("the close", socket.next()).await.expect("a goodbye").unwrap();
    assert!(matches!(closed, Message::Close(Some(close)) if u16::from(close.code) == 1001));
    drop(socket);
    assert_eq!(soon("its end", server.wait()).await.unwrap().code(), Some(0));
}
