//! Sockets that a program is given by who starts it, as systemd does it: sd_listen_fds(3).

use std::process::Stdio;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    process::Command,
};

use crate::program::{Program, command, soon};

/// Binds a TCP and a Unix socket, says where, and becomes the program that it is to start.
const START: &str = r#"
import fcntl, os, socket, sys
tcp, unix = socket.socket(), socket.socket(socket.AF_UNIX)
tcp.bind(("127.0.0.1", 0))
unix.bind(sys.argv[1])
for number, passed in enumerate([tcp, unix]):
    passed.listen()
    high = fcntl.fcntl(passed.fileno(), fcntl.F_DUPFD, 100)
    if passed is tcp:
        address = "%s:%d" % tcp.getsockname()
    os.dup2(high, 3 + number)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"#;

fn passing(path: &std::path::Path, what: &str) -> Command {
    let echo = command("echo");
    let mut python = Command::new("python3");
    python.args(["-c", START]).arg(path).arg(echo.as_std().get_program()).arg(what);
    python.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped());
    python
}

#[tokio::test]
async fn a_tcp_socket_that_systemd_passes_is_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let program = Program::spawn(&mut passing(&path, "systemd:0")).await;
    assert!(soon(TcpStream::connect(program.address())).await.is_ok());
    let mut visitor = program.visit().await;
    visitor.say("hello").await;
    assert_eq!(visitor.hear().await, "hello");
    program.end().await;
    assert!(path.exists(), "it is not the program's");
}

#[tokio::test]
async fn and_so_is_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let mut child = passing(&path, "systemd:1").spawn().unwrap();
    let answer = soon(async {
        let mut stream = loop {
            match UnixStream::connect(&path).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        };
        let request = "GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert!(answer.await.starts_with("HTTP/1.1 404 "));
    child.kill().await.unwrap();
}
