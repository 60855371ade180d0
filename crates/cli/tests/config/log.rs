//! The log, as a file wants it.

use std::{fs, process::Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::{
    File,
    common::{
        notify::Notified,
        server::{Server, aerys},
    },
    connect, utf8,
};

/// All that is logged by a server that has had a client.
async fn logged(section: &str, arguments: &[&str], setting: &str) -> String {
    let file = File::new(&format!(
        "{section}\n[[listen]]\naddress = '127.0.0.1:0'\n[[host]]\nname = 'localhost'\n\
         [[host.websocket]]\npath = '/echo'\napplication = 'echo'\n"
    ));
    let path = file.path();
    let mut command = aerys(&[arguments, &["-c", utf8(&path)]].concat());
    let mut server = Server::spawn(command.env("RUST_LOG", setting).stderr(Stdio::piped())).await;
    drop(connect(&server, "localhost", "/echo").await);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
    server.complaints().await
}

#[tokio::test]
async fn it_is_text_unless_json_is_asked_for() {
    let text = logged("[log]\nlevel = 'info'", &[], "").await;
    assert!(text.contains("INFO") && text.contains("listening"), "{text}");
    let json = logged("[log]\nlevel = 'info'\nformat = 'json'", &[], "").await;
    let lines: Vec<Value> =
        json.lines().map(|it| serde_json::from_str(it).expect("it is JSON")).collect();
    let line = lines.iter().find(|it| it["message"] == "listening").expect("it says so");
    assert_eq!(line["level"], "INFO");
    assert!(line["address"].as_str().is_some_and(|it| it.starts_with("127.0.0.1:")), "{line}");
    assert!(line["timestamp"].is_string() && line["target"].is_string(), "{line}");
}

#[tokio::test]
async fn an_access_log_is_shown_whatever_the_levels_are() {
    let text = logged("[log]\nlevel = 'off'\naccess = true", &[], "").await;
    let line = text.lines().find(|it| it.contains("aerys::access: handshake ")).expect(&text);
    for word in
        ["INFO", "path=\"/echo\"", "status=101", "client_ip=127.0.0.1", "outcome=\"accepted\""]
    {
        assert!(line.contains(word), "{line}");
    }
    let json = logged("[log]\nlevel = 'off'\nformat = 'json'\naccess = true", &[], "").await;
    let line: Value = serde_json::from_str(json.trim()).expect("one line");
    assert_eq!(
        (&line["target"], &line["status"]),
        (&"aerys::access".into(), &101.into()),
        "{line}"
    );
    assert_eq!((&line["path"], &line["client_ip"]), (&"/echo".into(), &"127.0.0.1".into()));
    assert!(line["client"].is_u64() && line["took"].is_string(), "{line}");
    // The environment has the last word, and a target that the file names.
    let silent = "[log]\naccess = true\ntargets = { \"aerys::access\" = \"off\" }";
    for (section, setting) in [("[log]\naccess = true", "warn"), (silent, ""), ("", "")] {
        assert_eq!(logged(section, &[], setting).await, "", "{section}");
    }
}

#[tokio::test]
async fn the_access_log_is_switched_by_a_reload() {
    let text = |access: bool| {
        format!(
            "[log]\naccess = {access}\n[[listen]]\naddress = '127.0.0.1:0'\n[[host]]\n\
             name = 'localhost'\n[[host.websocket]]\npath = '/echo'\napplication = 'echo'\n"
        )
    };
    let file = File::new(&text(false));
    let (path, notified) = (file.path(), Notified::new());
    let mut command = aerys(&["-c", utf8(&path)]);
    let mut server = Server::spawn(notified.by(command.stderr(Stdio::piped()))).await;
    notified.until("READY=1").await;
    for access in [true, false] {
        drop(connect(&server, "localhost", "/echo").await);
        fs::write(&path, text(access)).unwrap();
        server.signal(Signal::HUP);
        notified.until("READY=1").await;
    }
    drop(connect(&server, "localhost", "/echo").await);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
    let log = server.complaints().await;
    assert_eq!(log.matches("aerys::access: handshake ").count(), 1, "{log}");
}

#[tokio::test]
async fn levels_are_those_of_the_file_unless_debug_or_the_environment_say_otherwise() {
    let quiet = "[log]\nlevel = 'off'";
    let detailed = "[log]\nlevel = 'off'\ntargets = { aerys = 'debug' }";
    for (section, arguments, setting, has_info, has_debug) in [
        ("", &[][..], "", false, false),
        (quiet, &[], "", false, false),
        ("[log]\nlevel = 'info'", &[], "", true, false),
        (detailed, &[], "", true, true),
        (quiet, &["-d"], "", true, true),
        (quiet, &[], "aerys=info", true, false),
        (detailed, &["-d"], "off", false, false),
    ] {
        let log = logged(section, arguments, setting).await;
        let case = format!("{section} {arguments:?} {setting:?}: {log}");
        assert_eq!(log.contains("INFO"), has_info, "{case}");
        assert_eq!(log.contains("DEBUG"), has_debug, "{case}");
    }
}
