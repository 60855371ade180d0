//! Websockets on streams of HTTP/2 (RFC 8441), with what others have written to speak it: Node's `http2` and Python's
//! `h2`.

use crate::{
    foreign::Language::{self, Node, Python},
    stage::{PAGE, Stage},
};

/// How many websockets there are on the connection.
const COUNT: usize = 5;

async fn speak(language: Language) -> Vec<String> {
    let mut stage = Stage::usual().await;
    let program = language.start_file("http2", &[&stage.http2_address(), &COUNT.to_string()]).await;
    let told = program.success().await.lines().map(str::to_owned).collect();
    for _ in 0..COUNT {
        stage.guest().await;
        assert_eq!(stage.departure().await, "4001 c'était beau");
    }
    stage.strike().await;
    told
}

#[tokio::test]
async fn node_speaks_on_many_streams_and_gets_a_page_beside_them() {
    let told = speak(Node).await;
    assert_eq!(told[0], format!("200 {}", PAGE.trim_end()));
    assert_eq!(told[1..], ["4001"; COUNT]);
}

#[tokio::test]
async fn python_speaks_on_many_streams() {
    assert_eq!(speak(Python).await, ["4001"; COUNT]);
}
