//! Ten thousand handshakes that do not go on: what they cost, and that they are ended.

use std::{
    cell::Cell,
    path::PathBuf,
    time::{Duration, Instant},
};

use aerys::{Host, Tls};
use futures_util::{StreamExt, future::join_all, stream};
use rustls::ClientConnection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    Authority, Echo, Socket, echo,
    process::{self, ServerProcess, allow_descriptors},
    server, soon,
};

/// How long each has. All have to be there before the first has to go.
const PERIOD: Duration = Duration::from_secs(30);

/// For how long the echo beside them is timed.
const TIMED: Duration = Duration::from_secs(3);

/// What another's echo may take longer in the one percent that takes longest, beside twice what it takes by
/// itself: a test's machine has other things to do.
const ALLOWANCE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug)]
enum Stage {
    Silent,
    Half,
    Whole,
}

/// How many are at each stage, and how much of the server's memory each may take, in bytes.
const CROWD: [(Stage, usize, usize); 3] = [
    (Stage::Silent, 4_000, 5 * 1024),
    (Stage::Half, 4_000, 5 * 1024),
    (Stage::Whole, 2_000, 8 * 1024),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes as long as a handshake may, and ten thousand open files"]
async fn ten_thousand_handshakes_that_do_not_go_on_cost_little_and_are_ended() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    allow_descriptors(10_000);
    let folder = authority.folder.path().to_str().unwrap();
    let server = ServerProcess::start("half_open::serve", folder);
    let mut beside = authority.open(server.address, None).await.unwrap();
    let alone = slowest_echo(&mut beside).await;
    let descriptors = server.descriptors();

    let hello = client_hello(&authority);
    let began = Instant::now();
    let (mut unfinished, mut memory) = (Vec::new(), server.memory());
    for (stage, count, most) in CROWD {
        unfinished.extend(open(&server, stage, count, &hello).await);
        while server.descriptors() < descriptors + unfinished.len() {
            sleep(Duration::from_millis(10)).await;
        }
        // Whoever has been accepted was also read from by then.
        echo(&mut beside, "settled").await;
        echo(&mut beside, "settled").await;
        let each = server.memory().saturating_sub(memory) / count;
        println!("{count} handshakes, {stage:?}: {each} bytes of server memory each");
        assert!(each < most, "{each} bytes for each that is {stage:?}");
        memory = server.memory();
    }
    let crowded = slowest_echo(&mut beside).await;
    println!("an echo beside them: {crowded:.1?} (p99), alone {alone:.1?}");
    assert!(began.elapsed() < PERIOD, "this machine is too slow: {:?}", began.elapsed());
    assert!(crowded < 2 * alone + ALLOWANCE, "{crowded:?} beside them, {alone:?} alone");

    let is_over = Cell::new(false);
    let ending = async {
        let ended = join_all(unfinished.iter_mut().map(ends));
        timeout(2 * PERIOD, ended).await.expect("all are ended in time");
        is_over.set(true);
    };
    let echoing = async {
        while !is_over.get() {
            echo(&mut beside, "beside them").await;
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(ending, echoing);
    assert!(began.elapsed() >= PERIOD, "{:?}", began.elapsed());
    let gone = async {
        while server.descriptors() > descriptors {
            sleep(Duration::from_millis(10)).await;
        }
    };
    soon(gone).await;
    assert_eq!(echo(&mut beside, "still here").await, "still here");
}

/// Opens this many connections that get so far, and waits until the server has answered if it is to.
async fn open(server: &ServerProcess, stage: Stage, count: usize, hello: &[u8]) -> Vec<TcpStream> {
    let open_one = async |_| {
        let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
        match stage {
            Stage::Silent => {}
            Stage::Half => stream.write_all(&hello[..hello.len() / 2]).await.unwrap(),
            Stage::Whole => {
                stream.write_all(hello).await.unwrap();
                stream.peek(&mut [0]).await.expect("it is answered");
            }
        }
        stream
    };
    // Connecting is not what is tested: not more at a time than any kernel queues.
    timeout(PERIOD, stream::iter(0..count).map(open_one).buffer_unordered(200).collect())
        .await
        .expect("this machine is fast enough")
}

/// What a client begins with.
fn client_hello(authority: &Authority) -> Vec<u8> {
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(authority.client(None), name).unwrap();
    let mut hello = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut hello).unwrap();
    }
    hello
}

/// Waits until the server has ended a connection, whatever it has said before.
async fn ends(stream: &mut TcpStream) {
    let mut said = [0; 4096];
    while stream.read(&mut said).await.unwrap_or_default() > 0 {}
}

/// What 99 of 100 echoes take no longer than.
async fn slowest_echo(socket: &mut Socket) -> Duration {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < TIMED {
        let said = Instant::now();
        echo(socket, "on time?").await;
        times.push(said.elapsed());
        // Not more than what there is to say.
        sleep(Duration::from_millis(1)).await;
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[tokio::test]
#[ignore = "it is what the other starts"]
async fn serve() {
    let Some(folder) = process::kind().map(PathBuf::from) else { return };
    allow_descriptors(10_000);
    let tls = Tls::new(folder.join("own.pem"), folder.join("own.key"));
    let host = Host::new("localhost").websocket("/", Echo);
    let running = server(tls).head_period(PERIOD).host(host).start().await.unwrap();
    process::tell(running.address());
    running.until_signalled().await.unwrap();
}
