//! Between a node and its bus: it passes everything on, or does what networks do.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
    time::sleep,
};

/// What it does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Sound,
    /// Everything takes that much longer, each way.
    Slow(Duration),
    /// Nothing arrives any more, and nobody is told. What was on its way then is lost.
    Silent,
    /// Connections are reset, and there is no other.
    Cut,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    line: Arc<watch::Sender<Line>>,
    /// Counts how often the way to the node was closed, on all connections of that moment.
    half_closed: Arc<watch::Sender<u32>>,
    tasks: JoinSet<()>,
}

/// What a connection goes by.
#[derive(Clone)]
struct Watch {
    line: watch::Receiver<Line>,
    half_closed: watch::Receiver<u32>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(watch::channel(Line::Sound).0);
        let half_closed = Arc::new(watch::channel(0).0);
        let watch = Watch { line: line.subscribe(), half_closed: half_closed.subscribe() };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, port, watch));
        Self { address, line, half_closed, tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    pub(crate) fn set(&self, line: Line) {
        assert!(!self.tasks.is_empty());
        self.line.send_replace(line);
    }

    /// Has the node find that nothing comes any more, while it can be heard.
    pub(crate) fn half_close(&self) {
        self.half_closed.send_modify(|count| *count += 1);
    }
}

async fn accept(listener: TcpListener, port: u16, watch: Watch) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let watch = watch.clone();
        if *watch.line.borrow() == Line::Cut {
            continue;
        }
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            serve(client, server, watch).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Until either end has gone, or the line is not what it was.
async fn serve(client: TcpStream, server: TcpStream, mut watch: Watch) {
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let half_closed = watch.half_closed.clone();
    let to_server = pass(from_client, to_server, watch.line.clone(), None);
    let to_client = pass(from_server, to_client, watch.line.clone(), Some(half_closed));
    let ended = async {
        let mut was_silent = *watch.line.borrow() == Line::Silent;
        while watch.line.changed().await.is_ok() {
            let line = *watch.line.borrow();
            // What was sent into silence does not arrive later.
            if line == Line::Cut || was_silent {
                return;
            }
            was_silent = line == Line::Silent;
        }
    };
    tokio::select! {
        () = to_server => {}
        () = to_client => {}
        () = ended => {}
    }
}

/// Passes on one way. One that is half closed keeps waiting until the other way ends.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    line: watch::Receiver<Line>,
    half_closed: Option<watch::Receiver<u32>>,
) {
    let moving = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(len @ 1..) = from.read(&mut buffer).await else { return };
            let line = *line.borrow();
            match line {
                Line::Slow(period) => sleep(period).await,
                Line::Silent => continue,
                Line::Sound | Line::Cut => {}
            }
            if to.write_all(&buffer[..len]).await.is_err() {
                return;
            }
        }
    };
    let Some(mut half_closed) = half_closed else { return moving.await };
    half_closed.mark_unchanged();
    tokio::select! {
        () = moving => return,
        _ = half_closed.changed() => {}
    }
    let _ = to.shutdown().await;
    std::future::pending::<()>().await;
}
