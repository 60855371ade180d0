//! The binary when it may open few files: whoever is too many is closed at once, and the others go on.

#![cfg(target_os = "linux")]

mod common;

use std::{fs, process::Stdio};

use common::{server::Server, soon};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

/// Starts it where so many files may be open.
async fn start(files: usize) -> Server {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_aerys");
    let limited = format!("ulimit -n {files} && exec {program} --listen 127.0.0.1:0 --workers 1");
    command.args(["-c", &limited]).env_remove("RUST_LOG").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Server::spawn(&mut command).await
}

/// Whether there is an answer, on a connection that stays open.
async fn is_answered(stream: &mut TcpStream) -> bool {
    let request = b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut head = Vec::new();
    if stream.write_all(request).await.is_err() {
        return false;
    }
    while !head.ends_with(b"\r\n\r\n") {
        match soon("an answer, or an end", stream.read_u8()).await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// Has more come than there may be; answers how many were let in, and what the log says of the others.
async fn crowd(mut server: Server) -> (usize, String) {
    let mut inside = Vec::new();
    let mut closed = 0;
    while closed < 5 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        if is_answered(&mut stream).await {
            assert_eq!(closed, 0, "one was let in behind one who was not");
            inside.push(stream);
        } else {
            closed += 1;
        }
    }
    // Whoever is here is served on.
    for stream in &mut inside {
        assert!(is_answered(stream).await);
    }
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
    (inside.len(), server.complaints().await)
}

#[tokio::test]
async fn half_of_few_files_may_be_connections() {
    let (inside, log) = crowd(start(64).await).await;
    assert_eq!(inside, 32);
    assert!(log.contains("there are as many as Server::max_connections allows"), "{log}");
}

#[tokio::test]
async fn when_descriptors_have_run_out_newcomers_are_closed_and_nobody_waits() {
    let server = start(1000).await;
    let own = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    drop(server);
    // Half of them could be connections, but so many are not left.
    let (inside, log) = crowd(start(own + 4).await).await;
    assert!((1..(own + 4) / 2).contains(&inside), "{inside} of {own} and 4");
    assert!(log.contains("there is no descriptor left"), "{log}");
}
