//! The log, as a file wants it.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::{
    File,
    common::server::{Server, aerys},
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
