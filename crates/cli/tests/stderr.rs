//! The binary when nobody takes what it logs: standard error is a full device, or a closed pipe.

#![cfg(target_os = "linux")]

mod common;

use std::{fs::File, process::Stdio};

use common::{
    http,
    server::{Server, aerys},
    soon,
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

/// Starts it with a stderr that fails.
async fn start(mut command: Command, is_full: bool) -> Server {
    if is_full {
        command.stderr(File::options().write(true).open("/dev/full").unwrap());
        Server::spawn(&mut command).await
    } else {
        // Nobody reads the pipe: the other end is dropped.
        command.stderr(std::io::pipe().unwrap().1);
        Server::spawn(&mut command).await
    }
}

#[tokio::test]
async fn it_starts_refuses_serves_and_stops_as_always() {
    for is_full in [true, false] {
        for arguments in [&[][..], &["-d"]] {
            let command = aerys(&[&["--listen", "127.0.0.1:0"], arguments].concat());
            let mut server = start(command, is_full).await;
            let foreign = "GET /echo HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Version: 13\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                           Origin: http://elsewhere.example\r\n";
            for _ in 0..5 {
                assert_eq!(http::ask(server.address(), foreign).await.status, 403);
                assert_eq!(http::get(server.address(), "/").await.status, 200);
            }
            server.signal(Signal::TERM);
            assert_eq!(server.ended().await.code(), Some(0), "{arguments:?}");
        }
    }
}

/// Whether anything is answered: who comes where there is no room is closed at once.
async fn is_answered(stream: &mut TcpStream) -> bool {
    let written = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    written.is_ok() && soon("an end", stream.read_u8()).await.is_ok()
}

#[tokio::test]
async fn it_goes_on_accepting_after_descriptors_ran_out() {
    for is_full in [true, false] {
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_aerys");
        let limited = format!("ulimit -n 40 && exec {program} --listen 127.0.0.1:0 --workers 1");
        command.args(["-c", &limited]).env_remove("RUST_LOG").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = start(command, is_full).await;
        let mut crowd = Vec::new();
        for _ in 0..60 {
            crowd.push(TcpStream::connect(server.address()).await.unwrap());
        }
        let mut answered = 0;
        for stream in &mut crowd {
            answered += usize::from(is_answered(stream).await);
        }
        assert!((1..60).contains(&answered), "{answered}");
        drop(crowd);
        // Until it has seen that they are gone, there is no room yet.
        soon("an answer", async {
            while !is_answered(&mut TcpStream::connect(server.address()).await.unwrap()).await {}
        })
        .await;
        assert_eq!(http::get(server.address(), "/").await.status, 200);
        server.signal(Signal::TERM);
        assert_eq!(server.ended().await.code(), Some(0));
    }
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_its_exit_code_though_nobody_hears_why() {
    let mut command = aerys(&["--listen", "127.0.0.1:0", "--root", "/nowhere"]);
    command.stderr(File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(soon("its end", command.status()).await.unwrap().code(), Some(1));
}
