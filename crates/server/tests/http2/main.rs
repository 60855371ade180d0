//! HTTP/2 (RFC 9113), and websockets on its streams (RFC 8441).

mod access;
mod client;
mod floods;
mod frames;
mod handshakes;
mod idle;
mod life;
mod mounted;
mod pages;
mod stop;
mod streams;
#[path = "../subscriber/mod.rs"]
mod subscriber;
mod tls;
mod tunnel;

use std::time::Duration;

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Listener, Message, Options, Refusal,
    Running, Server, Websocket,
};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Few tests are about the stop: clients that do not answer it are not waited for as long as else.
const SHORT_STOP: Duration = Duration::from_secs(1);

/// Waits for something that is to come.
async fn soon<F: IntoFuture>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it comes before patience ends")
}

/// A server, with the test's hand on its end of each websocket.
struct Stage {
    server: Running,
    guests: UnboundedReceiver<Client>,
    /// Code and reason of each that has gone.
    departures: UnboundedReceiver<String>,
    _site: TempDir,
}

/// What `file.txt` is.
const FILE: &str = "A file on the stage.\n";

/// How long `large.bin` is, in bytes: longer than every window.
const LARGE: usize = 4 << 20;

impl Stage {
    async fn usual() -> Self {
        Self::set(Options::new(), |server| server).await
    }

    /// `/echo` says back what it hears, `/waiting` waits with the first message until it is closed, `/silent` hears
    /// and says nothing, and beside them there are files. On one worker.
    async fn set(options: Options, more: impl FnOnce(Server) -> Server) -> Self {
        let (enter, guests) = unbounded_channel();
        let (leave, departures) = unbounded_channel();
        let app = |way| App { way, enter: enter.clone(), leave: leave.clone() };
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join("file.txt"), FILE).unwrap();
        std::fs::write(site.path().join("large.bin"), vec![b'x'; LARGE]).unwrap();
        let host = Host::new("localhost")
            .websocket_with("/echo", app(Way::Echo), options.clone())
            .websocket_with("/waiting", app(Way::Waiting), options.clone())
            .websocket_with("/silent", app(Way::Silent), options.clone())
            .websocket_with("/thinking", app(Way::Thinking), options)
            .root(site.path());
        let listener = Listener::from(([127, 0, 0, 1], 0)).http2_prior_knowledge();
        let server = Server::new().host(host).listen(listener).workers(1);
        let server = more(server.stop_period(SHORT_STOP));
        let server = soon(server.start()).await.expect("the server starts");
        Self { server, guests, departures, _site: site }
    }

    async fn client(&self) -> client::Client {
        client::Client::on(soon(TcpStream::connect(self.server.address())).await.unwrap()).await
    }

    async fn raw(&self) -> frames::Raw {
        frames::Raw::open(self.server.address()).await
    }

    /// The server's end of the next websocket.
    async fn guest(&mut self) -> Client {
        soon(self.guests.recv()).await.expect("the application is there")
    }

    /// The code and reason with which the next one goes.
    async fn departure(&mut self) -> String {
        soon(self.departures.recv()).await.expect("the application is there")
    }
}

struct App {
    way: Way,
    enter: UnboundedSender<Client>,
    leave: UnboundedSender<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Echo,
    /// Never comes back from its first message.
    Waiting,
    Silent,
    /// Never decides.
    Thinking,
}

impl Websocket for App {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        if self.way == Way::Thinking {
            std::future::pending::<()>().await;
        }
        let client = handshake.accept();
        // A test may not care who came, nor who has gone.
        let _ = self.enter.send(client.clone());
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match self.way {
            Way::Echo => client.send(message).await?,
            Way::Waiting => client.gone().await,
            Way::Silent | Way::Thinking => {}
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        let _ = self.leave.send(format!("{} {}", gone.code().as_u16(), gone.reason()));
    }
}
