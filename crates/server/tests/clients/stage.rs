//! What the clients talk to: a server with an echo, a room and a page, and the test's hand on the
//! server's end of each connection.

use std::{fs, time::Duration};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Listener, Message, Options, Refusal,
    Running, Server, Stats, Websocket,
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{sleep, timeout},
};

pub(crate) struct Stage {
    server: Running,
    site: TempDir,
    guests: UnboundedReceiver<Client>,
    departures: UnboundedReceiver<String>,
}

impl Stage {
    /// `/echo` says back what it hears, `/room` says it to everyone, and beside them there is
    /// `index.html`. Both endpoints have these options, on two workers.
    pub(crate) async fn set(options: Options) -> Self {
        Self::of(Host::new("mysite.com"), options).await
    }

    /// The same of a host with these names.
    pub(crate) async fn of(host: Host, options: Options) -> Self {
        let (enter, guests) = unbounded_channel();
        let (leave, departures) = unbounded_channel();
        let app = |everyone| App { everyone, enter: enter.clone(), leave: leave.clone() };
        let site = tempfile::tempdir().unwrap();
        fs::write(site.path().join("index.html"), PAGE).unwrap();
        let host = host
            .websocket_with("/echo", app(false), options.clone())
            .websocket_with("/room", app(true), options)
            .root(site.path());
        let http2 = Listener::from(([127, 0, 0, 1], 0)).http2_prior_knowledge();
        let server = Server::new().host(host).listen(([127, 0, 0, 1], 0)).listen(http2).workers(2);
        let server = soon(server.start()).await.expect("the server starts");
        Self { server, site, guests, departures }
    }

    pub(crate) async fn usual() -> Self {
        Self::set(Options::new()).await
    }

    /// `127.0.0.1:` and the port.
    pub(crate) fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// The same where HTTP/2 is spoken in clear text.
    pub(crate) fn http2_address(&self) -> String {
        self.server.addresses()[1].to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address())
    }

    /// The folder that `index.html` is in.
    pub(crate) fn site(&self) -> &TempDir {
        &self.site
    }

    /// The server's end of the next connection that is let in.
    pub(crate) async fn guest(&mut self) -> Client {
        soon(self.guests.recv()).await.expect("the application is there")
    }

    /// The code and reason with which the next one goes.
    pub(crate) async fn departure(&mut self) -> String {
        soon(self.departures.recv()).await.expect("the application is there")
    }

    /// Waits until the only guest has gone, and answers how, and what the server has counted.
    pub(crate) async fn account(&mut self) -> (String, Stats) {
        let guest = self.guest().await;
        let departure = self.departure().await;
        (departure, guest.inspect())
    }

    pub(crate) async fn strike(self) {
        soon(self.server.stop()).await;
    }
}

pub(crate) const PAGE: &str = "<!doctype html><title>A stage</title>\n";

struct App {
    everyone: bool,
    enter: UnboundedSender<Client>,
    leave: UnboundedSender<String>,
}

impl Websocket for App {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        // A test may not care who came, nor who has gone.
        let _ = self.enter.send(client.clone());
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if self.everyone {
            client.endpoint().broadcast(message).nowait();
        } else {
            client.send(message).nowait();
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        let _ = self.leave.send(format!("{} {}", gone.code().as_u16(), gone.reason()));
    }
}

/// Waits for something that is to come, for longer than anything takes on a busy machine.
pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it comes in time")
}

/// Waits until something that announces itself to nobody is true.
pub(crate) async fn eventually(mut is_true: impl FnMut() -> bool) {
    soon(async {
        while !is_true() {
            sleep(POLL_PERIOD).await;
        }
    })
    .await;
}

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look at what announces itself to nobody.
pub(crate) const POLL_PERIOD: Duration = Duration::from_millis(2);
