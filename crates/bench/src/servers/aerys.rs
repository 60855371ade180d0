//! Aerys itself: an echo that lets go of what it sends, one that waits for it, a broadcast to everyone,
//! one to some, and one to a group.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use aerys::{
    Accepted, Client, ClientId, Cluster, Compression, Departure, Endpoint, Failure, Handshake,
    Host, Listener, Message, Options, Origins, Refusal, Server, Tls, Websocket,
};
use aerys_nats::NatsBus;
use anyhow::Result;
use tokio::runtime::Builder;

use super::{FLOOD, FLUSH_AFTER, LIMIT, Settings, socket};

/// Runs the server whose echo does not wait.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    run(settings, Echo)
}

/// Runs the server whose echo waits until each message has been handed to the kernel.
pub(super) fn serve_awaiting(settings: &Settings) -> Result<()> {
    run(settings, AwaitingEcho)
}

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).nowait();
        Ok(())
    }
}

struct AwaitingEcho;

impl Websocket for AwaitingEcho {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}

/// The endpoint of [`Broadcast`], which is one in a process.
static BROADCAST: OnceLock<Endpoint> = OnceLock::new();

struct Broadcast;

impl Websocket for Broadcast {
    async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        BROADCAST.get_or_init(|| endpoint.clone());
        Ok(())
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.endpoint().broadcast(message).nowait();
        Ok(())
    }
}

/// A broadcast to those who asked for it.
#[derive(Default)]
struct Only {
    chosen: Mutex<Vec<ClientId>>,
}

impl Only {
    fn chosen(&self) -> MutexGuard<'_, Vec<ClientId>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Websocket for Only {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let is_chosen = handshake.request().uri.query() == Some("heard");
        let client = handshake.accept();
        if is_chosen {
            self.chosen().push(client.id());
        }
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let chosen = self.chosen().clone();
        client.endpoint().broadcast(message).only(chosen).nowait();
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.chosen().retain(|id| *id != gone.id());
    }
}

/// A group of those who ask for it.
struct Group;

impl Websocket for Group {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let is_member = handshake.request().uri.query() == Some("heard");
        let client = handshake.accept();
        if is_member {
            client.join("all")?;
        }
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.endpoint().group("all").broadcast(message).nowait();
        Ok(())
    }
}

/// Groups of ten that nobody speaks to.
#[derive(Default)]
struct Joins {
    joined: AtomicUsize,
}

impl Websocket for Joins {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        let joined = self.joined.fetch_add(1, Ordering::Relaxed);
        client.join(format!("room {}", joined / 10))?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).nowait();
        Ok(())
    }
}

/// Publishes what comes many times, on another endpoint of the same kind, and says so when the bus has it.
struct Flood {
    cluster: Cluster,
}

impl Flood {
    fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }
}

impl Websocket for Flood {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let broadcast =
            BROADCAST.get().ok_or_else(|| Failure::new("the endpoint has not been started"))?;
        for number in 1..=FLOOD {
            broadcast.broadcast(message.clone()).nowait();
            if number % FLUSH_AFTER == 0 {
                self.cluster.flush().await?;
            }
        }
        self.cluster.flush().await?;
        client.send(message).nowait();
        Ok(())
    }
}

/// The workers have threads of their own; this one sleeps.
fn run(settings: &Settings, echo: impl Websocket) -> Result<()> {
    let options = options(settings);
    let host = Host::new("localhost")
        .websocket_with("/echo", echo, options.clone())
        .websocket_with("/broadcast", Broadcast, options.clone())
        .websocket_with("/only", Only::default(), options.clone())
        .websocket_with("/group", Group, options.clone())
        .websocket_with("/joins", Joins::default(), options.clone());
    let (host, cluster) = match &settings.nats {
        None => (host, None),
        Some(url) => {
            let cluster = Cluster::new(NatsBus::new([url])?);
            (host.websocket_with("/flood", Flood::new(&cluster), options), Some(cluster))
        }
    };
    let listener = Listener::from(settings.address);
    let listener = match &settings.tls {
        Some(files) => listener.tls(Tls::new(&files.certificate, &files.key)),
        None => listener,
    };
    let listener = if settings.http2 { listener.http2_prior_knowledge() } else { listener };
    // As many as there may be: the bench opens nearly all the files that it may.
    let server = Server::new().listen(listener).max_connections(usize::MAX);
    let server = server.workers(settings.workers).host(host);
    let server = match cluster {
        Some(cluster) => server.cluster(cluster),
        None => server,
    };
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let running = server.start().await?;
        socket::announce(running.address())?;
        Ok(running.until_signalled().await?)
    })
}

/// The defaults, but for what all servers are given alike.
fn options(settings: &Settings) -> Options {
    Options::new()
        .max_frame_size(LIMIT)
        .max_msg_size(LIMIT)
        .allowed_origins(Origins::Any)
        .compression(settings.compression.then(Compression::new))
}
