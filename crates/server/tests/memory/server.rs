//! The server that is measured: an echo at `/`, or one that has its clients in groups.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use aerys::{
    Accepted, Client, Compression, Failure, Handshake, Host, Message, Options, Refusal, Server,
    Websocket,
};

use crate::process::{self, ServerProcess, allow_descriptors};

pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// What the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is by default.
    Usual,
    /// Each message is compressed in the context of those before it, both ways.
    Takeover,
    /// It never comes to an end with the first message.
    Stuck,
    /// Who says its number a second time is in groups of ten from then on.
    Groups,
}

/// How many groups a client is in.
pub(crate) const GROUPS_EACH: usize = 100;

impl Kind {
    pub(crate) fn start(self) -> ServerProcess {
        ServerProcess::start("server::serve", &format!("{self:?}"))
    }
}

struct Echo {
    stuck: bool,
}

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if self.stuck {
            std::future::pending::<()>().await;
        }
        client.send(message).await?;
        Ok(())
    }
}

/// Counts what each client has said.
struct Groups;

impl Websocket<AtomicUsize> for Groups {
    async fn on_open(
        &self,
        handshake: Handshake<AtomicUsize>,
    ) -> Result<Accepted<AtomicUsize>, Refusal> {
        Ok(handshake.accept_with(AtomicUsize::new(0)))
    }

    async fn on_data(&self, client: &Client<AtomicUsize>, message: Message) -> Result<(), Failure> {
        let number: usize = message.to_string().parse()?;
        if client.state().fetch_add(1, Ordering::Relaxed) == 1 {
            for group in 0..GROUPS_EACH {
                client.join(format!("room {} of {group}", number / 10))?;
            }
        }
        client.send(message).await?;
        Ok(())
    }
}

#[test]
#[ignore = "it is what the others start"]
fn serve() {
    let Some(kind) = process::kind() else { return };
    allow_descriptors(0);
    let mut options = Options::new().heartbeat_period(HEARTBEAT);
    if kind == format!("{:?}", Kind::Takeover) {
        let takeover =
            Compression::new().server_context_takeover(true).client_context_takeover(true);
        options = options.compression(takeover);
    }
    let echo = Echo { stuck: kind == format!("{:?}", Kind::Stuck) };
    let host = Host::new("localhost");
    let host = match kind == format!("{:?}", Kind::Groups) {
        true => host.websocket_with("/", Groups, options),
        false => host.websocket_with("/", echo, options),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::new().listen(([127, 0, 0, 1], 0)).host(host).workers(1);
        let running = server.start().await.expect("the server starts");
        process::tell(running.address());
        running.until_signalled().await.expect("the server stops");
    });
}
