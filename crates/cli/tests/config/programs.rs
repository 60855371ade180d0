//! Applications that run in processes of their own: named in a file, on the command line, and by a script that says
//! what is served.

use std::{fs, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::{
    File,
    common::{
        http,
        notify::Notified,
        server::{Server, aerys, run},
        soon,
    },
    connect, hear, say, text, utf8,
};

/// A program that answers each message with a word and its own number.
const PROGRAM: &str = r#"
import json, os, socket, struct, sys
stream = socket.socket(fileno=0)
file = stream.makefile("rb")
HEAD = struct.Struct("!IBHQI")
def write(kind, endpoint, client, seq, payload):
    stream.sendall(HEAD.pack(15 + len(payload), kind, endpoint, client, seq) + payload)
write(1, 0, 0, 0, json.dumps({"version": 1}).encode())
while head := file.read(19):
    length, kind, endpoint, client, seq = HEAD.unpack(head)
    payload = file.read(length - 15)
    if kind == 2:
        print("it starts", flush=True)
        write(3, 0, 0, 0, b"")
    elif kind == 4:
        write(5, 0, 0, seq, b"")
    elif kind in (16, 17, 18):
        if kind == 17:
            said = "%s %d" % (WORD, os.getpid())
            write(36, endpoint, client, 0, b"\x01" + said.encode())
        write(32, endpoint, client, seq, b"\x00")
"#;

const METRICS: &str = include_str!("../../../../docs/metrics.md");

const SITE: &str = r#"
workers = 2
[[listen]]
address = "127.0.0.1:0"
[[host]]
name = "localhost"
[[host.websocket]]
path = "/a"
application = { command = ["python3", "-E", "app.py"], shared = "site" }
[[host.websocket]]
path = "/b"
application = { command = ["python3", "-E", "app.py"], shared = "site", endpoint = 2 }
[[host.websocket]]
path = "/lines"
application = { command = ["sh", "-c", "echo here; cat"], lines = true }
[[host.websocket]]
path = "/echo"
application = "echo"
"#;

fn program(word: &str) -> String {
    format!("WORD = {word:?}\n{PROGRAM}")
}

fn site() -> File {
    let file = File::new(SITE);
    fs::write(file.0.path().join("app.py"), program("first")).unwrap();
    file
}

async fn ask(server: &Server, path: &str) -> String {
    let mut socket = connect(server, "localhost", path).await;
    say(&mut socket, "who").await;
    hear(&mut socket).await.to_string()
}

#[tokio::test]
async fn a_file_names_programs_and_a_reload_starts_them_anew() {
    let file = site();
    let (path, notified) = (file.path(), Notified::new());
    let mut command = aerys(&["-c", utf8(&path)]);
    let server = Server::spawn(notified.by(command.stderr(Stdio::null()))).await;
    notified.until("READY=1").await;
    let mut stays = connect(&server, "localhost", "/a").await;
    say(&mut stays, "who").await;
    let first = hear(&mut stays).await.to_string();
    assert!(first.starts_with("first "), "{first}");
    // They share the process, since they say so.
    assert_eq!(ask(&server, "/b").await, first);
    let mut lines = connect(&server, "localhost", "/lines").await;
    assert_eq!(hear(&mut lines).await, Message::text("here"));
    say(&mut lines, "a line").await;
    assert_eq!(hear(&mut lines).await, Message::text("a line"));

    fs::write(file.0.path().join("app.py"), program("second")).unwrap();
    server.signal(Signal::HUP);
    notified.until("READY=1").await;
    assert!(ask(&server, "/a").await.starts_with("second "));
    say(&mut stays, "who").await;
    assert_eq!(hear(&mut stays).await, Message::text(first));

    // One that does not get ready has all stay as it was.
    fs::write(file.0.path().join("app.py"), "raise SystemExit(7)").unwrap();
    server.signal(Signal::HUP);
    notified.until("READY=1").await;
    assert!(ask(&server, "/b").await.starts_with("second "));
    say(&mut stays, "who").await;
    assert!(hear(&mut stays).await.to_string().starts_with("first "));
}

#[tokio::test]
async fn how_a_process_is_is_among_the_metrics() {
    let file = File::new(&format!(
        "{}\n[[listen]]\naddress = \"127.0.0.1:0\"\nmetrics = true\n",
        SITE.replace("shared = \"site\" }", "shared = \"site\", heartbeat_period = \"50 ms\" }")
            .replace("endpoint = 2 }", "endpoint = 2, heartbeat_period = \"50 ms\" }")
    ));
    fs::write(file.0.path().join("app.py"), program("first")).unwrap();
    let path = file.path();
    let mut server = Server::spawn(aerys(&["-c", utf8(&path)]).stderr(Stdio::null())).await;
    let metrics = server.line().await.rsplit('/').next().unwrap().parse().unwrap();
    let figure = async |name: &str| -> f64 {
        let page = http::get(metrics, "/metrics").await.body;
        let sample = format!("{name}{{application=\"site\",process=\"0\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&sample));
        value.unwrap_or_else(|| panic!("no {sample} in {page}")).parse().unwrap()
    };
    let until = async |name: &str, is_so: fn(f64) -> bool| {
        soon(name, async {
            while !is_so(figure(name).await) {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    };
    let page = http::get(metrics, "/metrics").await.body;
    for line in METRICS.lines().filter(|line| line.starts_with("| `aerys_process_")) {
        let mut cells = line.split(" | ");
        let name = cells.next().unwrap().trim_matches(['|', ' ', '`']);
        let family = format!("# TYPE {name} {}\n", cells.next().unwrap());
        assert!(page.contains(&family), "{family} in {page}");
    }
    assert_eq!(page.matches("# TYPE aerys_process_").count(), 5);
    let mut socket = connect(&server, "localhost", "/a").await;
    say(&mut socket, "who").await;
    let said = hear(&mut socket).await.to_string();
    let process: i32 = said.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(figure("aerys_process_ready").await, 1.0);
    assert_eq!(figure("aerys_process_clients").await, 1.0);
    assert_eq!(figure("aerys_process_restarts_total").await, 0.0);
    until("aerys_process_lag_seconds", |lag| lag > 0.0 && lag < 0.5).await;
    // One that stands still has not answered for longer and longer, and more and more waits for it.
    let process = Pid::from_raw(process).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    say(&mut socket, "who").await;
    until("aerys_process_lag_seconds", |lag| lag > 0.5).await;
    kill_process(process, Signal::KILL).unwrap();
    until("aerys_process_restarts_total", |restarts| restarts == 1.0).await;
    until("aerys_process_ready", |ready| ready == 1.0).await;
    assert_eq!(figure("aerys_process_clients").await, 0.0);
    until("aerys_process_queued_bytes", |bytes| bytes == 0.0).await;
}

#[tokio::test]
async fn what_is_shown_of_a_program_is_read_again() {
    let file = site();
    let shown = file.run(&["show", "-c"]).await;
    let told = text(&shown.stdout);
    for line in [
        "[host.websocket.application]",
        "application = \"echo\"",
        "shared = \"site\"",
        "endpoint = 2",
    ] {
        assert!(told.contains(line), "{line}: {told}{}", text(&shown.stderr));
    }
    let again = File::new(told).run(&["show", "-c"]).await;
    assert_eq!(text(&again.stdout), told);
}

#[tokio::test]
async fn what_makes_no_sense_of_a_program_is_told() {
    for (application, sentence) in [
        ("{ command = [] }", "an application without a name has a \"command\""),
        ("{ name = 'echo', command = ['sh'] }", "an application has a \"name\" or a \"command\""),
        (
            "{ command = ['no-such-program'] }",
            "there is no program \"no-such-program\" on the PATH",
        ),
        (
            "{ command = ['sh'], folder = 'nowhere' }",
            "where the processes are to work, is no folder",
        ),
        (
            "{ command = ['sh'], proceses = 2 }",
            "unknown key \"proceses\" of an application; did you mean \"processes\"?",
        ),
        ("{ command = ['sh'], processes = 0 }", "\"processes\" is 0"),
        ("{ command = ['sh'], max_frame = 7 }", "\"max_frame\" is 7"),
    ] {
        let text_of = format!(
            "[[host]]\nname = 'a'\n[[host.websocket]]\npath = '/'\napplication = {application}\n"
        );
        let told = File::new(&text_of).run(&["check"]).await;
        let told = text(&told.stderr);
        assert!(told.contains(sentence), "{application}: {told}");
    }
    let two = |more: &str| {
        let one = |path: &str, more: &str| {
            format!(
                "[[host.websocket]]\npath = '{path}'\napplication = {{ command = ['sh'], shared = 'x'{more} }}\n"
            )
        };
        format!("[[host]]\nname = 'a'\n{}{}", one("/a", ""), one("/b", more))
    };
    for (more, sentence) in [
        ("", "\"x\" has an endpoint 1 already, and that is \"/a\""),
        (", endpoint = 2, processes = 2", "the endpoints that share \"x\" do not say the same"),
    ] {
        let told = File::new(&two(more)).run(&["check"]).await;
        assert!(text(&told.stderr).contains(sentence), "{}", text(&told.stderr));
    }
}

#[tokio::test]
async fn a_program_is_run_without_a_file() {
    let file = site();
    let program = file.0.path().join("app.py");
    let arguments = ["run", "--listen", "127.0.0.1:0", "--path", "/app", "python3", "-E"];
    let arguments = [&arguments[..], &[utf8(&program)]].concat();
    let mut command = aerys(&arguments);
    let server = Server::spawn(command.stderr(Stdio::null())).await;
    assert!(ask(&server, "/app").await.starts_with("first "));

    let arguments = ["run", "--listen", "127.0.0.1:0", "--lines", "cat"];
    let server = Server::spawn(aerys(&arguments).stderr(Stdio::null())).await;
    assert_eq!(ask(&server, "/").await, "who");
}

#[tokio::test]
async fn a_program_that_cannot_run_is_told_of_and_nothing_is_served() {
    for (program, sentence) in [
        (&["no-such-program"][..], "there is no program \"no-such-program\" on the PATH"),
        (&["sh", "-c", "exit 3"], "did not get ready: it has ended (exit status: 3)"),
    ] {
        let ended = run(&[&["run", "--listen", "127.0.0.1:0"], program].concat()).await;
        assert_eq!(ended.status.code(), Some(1));
        assert!(text(&ended.stderr).contains(sentence), "{}", text(&ended.stderr));
    }
}

#[tokio::test]
async fn a_script_says_what_is_served_and_is_the_application_of_it() {
    if !run_php().await {
        println!("left out: there is no php to run it");
        return;
    }
    let file = File::new("");
    let script = file.0.path().join("site.php");
    let served = |path: &str| {
        format!(
            "<?php return ['hosts' => [['name' => 'localhost', 'port' => 0, 'address' => '127.0.0.1', 'websockets' => [
                ['endpoint' => 1, 'path' => '/one', 'options' => ['max_msg_size' => 100]],
                ['endpoint' => 2, 'path' => '{path}']]]]];"
        )
    };
    fs::write(&script, served("/two")).unwrap();
    let adapters = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/adapters");
    let notified = Notified::new();
    let mut command = aerys(&["-c", utf8(&script)]);
    let command = command.env("AERYS_ADAPTERS", adapters).stderr(Stdio::null());
    let server = Server::spawn(notified.by(command)).await;
    notified.until("READY=1").await;
    let (one, two) = (ask(&server, "/one").await, ask(&server, "/two").await);
    let (pid, same) = (one.strip_prefix("endpoint 1 of "), two.strip_prefix("endpoint 2 of "));
    assert!(pid.is_some() && pid == same, "{one}, {two}");

    fs::write(&script, served("/three")).unwrap();
    server.signal(Signal::HUP);
    notified.until("READY=1").await;
    let three = ask(&server, "/three").await;
    let newer = three.strip_prefix("endpoint 2 of ");
    assert!(newer.is_some() && newer != pid, "{three}");

    fs::write(&script, "<?php exit(1);").unwrap();
    let mut command = aerys(&["check", utf8(&script)]);
    let ended = command.env("AERYS_ADAPTERS", adapters).output().await.unwrap();
    let told = text(&ended.stderr);
    assert!(told.contains("has ended before it said what is to be served"), "{told}");
}

async fn run_php() -> bool {
    tokio::process::Command::new("php").arg("-v").output().await.is_ok()
}
