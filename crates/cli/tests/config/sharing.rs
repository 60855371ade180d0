//! Two processes on one port.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::{
    File,
    common::server::{Server, aerys},
    connect, utf8,
};

/// Enough for either to be chosen, but for one run in more than there ever are.
const MOST: usize = 100;

fn file(address: &str, reuse_port: bool) -> File {
    File::new(&format!(
        "workers = 1\n[log]\nformat = 'json'\naccess = true\n[[listen]]\naddress = '{address}'\n\
         reuse_port = {reuse_port}\n[[host]]\nname = 'localhost'\n[[host.websocket]]\npath = '/echo'\n\
         application = 'echo'\n"
    ))
}

async fn serve(file: &File) -> Server {
    let path = file.path();
    Server::spawn(aerys(&["-c", utf8(&path)]).stderr(Stdio::piped())).await
}

/// How many clients it has let in, when it has ended by SIGTERM.
async fn let_in(mut server: Server) -> usize {
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
    let log = server.complaints().await;
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    lines.filter(|line| line["status"] == 101).count()
}

#[tokio::test]
async fn both_are_given_clients_and_when_one_leaves_the_other_is_given_all() {
    let first = serve(&file("127.0.0.1:0", true)).await;
    let address = first.address().to_string();
    let second = serve(&file(&address, true)).await;
    for _ in 0..MOST {
        drop(connect(&first, "localhost", "/echo").await);
    }
    let of_first = let_in(first).await;
    assert!(0 < of_first && of_first < MOST, "{of_first} of {MOST}");
    for _ in 0..MOST {
        drop(connect(&second, "localhost", "/echo").await);
    }
    assert_eq!(let_in(second).await, 2 * MOST - of_first);
}

#[tokio::test]
async fn a_second_start_is_refused_unless_both_share() {
    for (first, second) in [(false, false), (true, false), (false, true)] {
        let server = serve(&file("127.0.0.1:0", first)).await;
        let address = server.address().to_string();
        let file = file(&address, second);
        let path = file.path();
        let output = aerys(&["-c", utf8(&path)]).stderr(Stdio::piped()).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen on {address}: ")), "{said}");
    }
}
