//! A line between a node and its server that can keep what is on its way, or take its time.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
    time::sleep,
};

/// What becomes of what the node writes to the first connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Passes,
    /// It is kept, while the node finds that the connection has ended.
    IsKept,
    /// What was kept arrives.
    Arrives,
}

pub(crate) struct Line {
    address: SocketAddr,
    first: watch::Sender<First>,
    _tasks: JoinSet<()>,
}

impl Line {
    pub(crate) async fn to(port: u16) -> Self {
        Self::slow(port, Duration::ZERO).await
    }

    /// One on which all that the node writes takes this long.
    pub(crate) async fn slow(port: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (first, watching) = watch::channel(First::Passes);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let (node, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let first = (number == 0).then(|| watching.clone());
                connections.spawn(pass(node, server, delay, first));
            }
        });
        Self { address, first, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// From now on this becomes of the first.
    pub(crate) fn first(&self, first: First) {
        self.first.send_replace(first);
    }
}

async fn pass(
    node: TcpStream,
    server: TcpStream,
    delay: Duration,
    first: Option<watch::Receiver<First>>,
) {
    let (mut from_node, mut to_node) = node.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let Some(mut first) = first else {
        tokio::select! {
            _ = carry(&mut from_node, &mut to_server, delay) => {}
            _ = copy(&mut from_server, &mut to_node) => {}
        }
        return;
    };
    let is_over = first.wait_for(|it| *it != First::Passes);
    tokio::select! {
        _ = carry(&mut from_node, &mut to_server, delay) => {}
        _ = copy(&mut from_server, &mut to_node) => {}
        _ = is_over => {}
    }
    // It is kept by nobody's reading it, until the node has closed.
    let mut kept = Vec::new();
    let arrives = async {
        let _ = first.wait_for(|it| *it == First::Arrives).await;
    };
    let reading = async {
        while let Ok(1..) = from_node.read_buf(&mut kept).await {}
        std::future::pending::<()>().await;
    };
    let _ = tokio::join!(to_node.shutdown(), async {
        tokio::select! {
            () = arrives => {}
            () = reading => {}
        }
    });
    let _ = to_server.write_all(&kept).await;
    // The server has to be let read it.
    let _ = copy(&mut from_server, &mut tokio::io::sink()).await;
}

async fn carry(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, delay: Duration) {
    let mut bytes = Vec::new();
    while let Ok(1..) = from.read_buf(&mut bytes).await {
        sleep(delay).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
        bytes.clear();
    }
}
