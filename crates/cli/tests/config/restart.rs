//! A restart that no client notices but for a close that says so: the successor has the socket of the one before it.

use std::{
    collections::HashMap,
    fs,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use tokio::{
    net::TcpStream,
    process::Command,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::{
    File,
    common::{notify::Notified, server::Server, soon},
    utf8,
};

const CLIENTS: usize = 2000;

const SECOND: Duration = Duration::from_secs(1);

/// Becomes the program that it is to start, with its stdin as the first socket that is passed: sd_listen_fds(3).
const PASS: &str = "
import os, sys
os.dup2(0, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
";

/// Who starts servers on a socket of its own.
struct Manager {
    socket: TcpListener,
    file: File,
}

impl Manager {
    /// Starts one, and waits until it is ready.
    async fn start(&self) -> (Server, Notified) {
        let (path, notified) = (self.file.path(), Notified::new());
        let socket: OwnedFd = self.socket.try_clone().unwrap().into();
        let mut command = Command::new("python3");
        command.args(["-c", PASS, env!("CARGO_BIN_EXE_aerys"), "-c", utf8(&path)]);
        command.stdin(socket).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let server = Server::spawn(notified.by(&mut command)).await;
        notified.until("READY=1").await;
        (server, notified)
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }
}

/// Serves an echo at these paths, with a limit that differs from reload to reload.
fn text(paths: &[&str], max_msg_size: usize) -> String {
    let endpoint = |path: &&str| {
        format!(
            "[[host.websocket]]\npath = '{path}'\napplication = 'echo'\nmax_msg_size = {max_msg_size}\n\
             max_frame_size = {max_msg_size}\n"
        )
    };
    let endpoints: String = paths.iter().map(endpoint).collect();
    format!(
        "workers = 2\n[log]\nlevel = 'info'\n[limits]\nstop_period = '30 s'\n[drain]\nspread = '10 s'\n\
         restart = true\n[[listen]]\naddress = 'systemd:0'\n[[host]]\nname = 'localhost'\n{endpoints}"
    )
}

/// Says something each second and hears it, until it is closed; answers the code and when that was.
async fn stay(address: SocketAddr, echoes: Arc<AtomicUsize>) -> (u16, Instant) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = client_async("ws://localhost/echo", stream).await.expect("it is let in");
    loop {
        socket.send(Message::text("hello")).await.unwrap();
        let pause = sleep(SECOND);
        tokio::pin!(pause);
        let mut is_answered = false;
        loop {
            tokio::select! {
                () = &mut pause => break,
                heard = socket.next() => match heard.expect("it is not cut off").unwrap() {
                    Message::Text(text) => {
                        assert!(text == "hello" && !is_answered);
                        is_answered = true;
                        echoes.fetch_add(1, Ordering::Relaxed);
                    }
                    Message::Close(close) => {
                        let at = Instant::now();
                        // It is closed once: nothing comes behind that.
                        assert!(socket.next().await.is_none_or(|it| it.is_err()));
                        return (close.expect("it has a code").code.into(), at);
                    }
                    Message::Ping(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(is_answered, "an echo took more than a second");
    }
}

#[tokio::test]
#[ignore = "it takes half a minute, and 2,000 clients"]
async fn ten_reloads_close_nobody_and_a_successor_has_the_socket_while_the_old_one_drains() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let manager = Manager { socket, file: File::new(&text(&["/echo"], 1000)) };
    let (mut old, notified) = manager.start().await;
    let (echoes, mut clients) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..CLIENTS {
        clients.spawn(stay(manager.address(), Arc::clone(&echoes)));
        if clients.len().is_multiple_of(50) {
            let so_far = clients.len();
            soon("the first echoes", async {
                while echoes.load(Ordering::Relaxed) < so_far {
                    sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
        }
    }

    for round in 0..10 {
        let other = format!("/other-{round}");
        fs::write(manager.file.path(), text(&["/echo", &other], 2000 + round)).unwrap();
        old.signal(Signal::HUP);
        let reloading = notified.next().await;
        assert!(reloading.starts_with("RELOADING=1"), "{reloading}");
        assert_eq!(notified.next().await, "READY=1\n");
        sleep(SECOND / 5).await;
        let closed = clients.try_join_next();
        assert!(closed.is_none(), "{closed:?}");
    }

    let began = Instant::now();
    old.signal(Signal::TERM);
    assert_eq!(notified.next().await, "STOPPING=1\n");
    let mut closed = vec![soon("the first close", clients.join_next()).await.unwrap().unwrap()];
    fs::write(manager.file.path(), text(&["/echo", "/new"], 1000)).unwrap();
    let (new, _notified) = manager.start().await;
    // From now on everybody is let in by the new one: the old one has no such path.
    let address = manager.address();
    let let_in = AtomicUsize::new(0);
    let knocking = async {
        loop {
            let knock = async {
                let stream = TcpStream::connect(address).await.unwrap();
                client_async("ws://localhost/new", stream).await
            };
            timeout(SECOND, knock).await.expect("within a second").expect("101");
            let_in.fetch_add(1, Ordering::Relaxed);
            sleep(SECOND / 50).await;
        }
    };
    let closing = async {
        while let Some(client) = clients.join_next().await {
            closed.push(client.unwrap());
        }
    };
    tokio::select! {
        () = closing => {}
        () = knocking => {}
    }
    assert!(let_in.into_inner() > 100);
    assert_eq!(closed.len(), CLIENTS);
    assert!(closed.iter().all(|(code, _)| *code == 1012), "1012, that it is soon back");
    let mut by_second = HashMap::new();
    for (_, at) in &closed {
        *by_second.entry((*at - began).as_secs().min(9)).or_insert(0) += 1;
    }
    for second in 0..10 {
        let count = by_second.get(&second).copied().unwrap_or(0);
        assert!((160..=240).contains(&count), "{count} in second {second}: {by_second:?}");
    }
    assert_eq!(old.ended().await.code(), Some(0));
    let log = old.complaints().await;
    assert!(log.contains("closed=2000 left=0 cut=0"), "{log}");
    drop(new);
}
