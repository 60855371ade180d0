//! An application in processes of its own, as an endpoint's handlers.

use std::sync::Arc;

use aerys::{
    Accepted, Client, CloseCode, Departure, Endpoint, Failure, Handshake, Message, Refusal, Status,
    Websocket,
};

use crate::{
    conversation::{Conversation, Done, Opened, Which},
    error::StartError,
    execute::FAILED,
    lines::{LinesClient, LinesPrograms},
    link::Link,
    options::ProcessOptions,
    pool::{Pool, Wanted},
    protocol::ToProcess,
    request,
};

/// The number of the only endpoint of an application.
pub(crate) const ONLY: u16 = 1;

/// When a client that is answered 503 may try again, in seconds.
const RETRY_AFTER: &str = "1";

/// An application that runs in processes of its own, and in whatever language.
///
/// ```no_run
/// use aerys::{Host, Server, ServerError};
/// use aerys_apps::{Application, ProcessOptions};
///
/// fn main() -> Result<(), ServerError> {
///     let chat = Application::processes(ProcessOptions::new(["php", "chat.php"]));
///     Server::new().host(Host::new("mysite.com").websocket("/chat", chat)).run()
/// }
/// ```
///
/// It is for one endpoint. Its processes are started with the server, which does not start unless they get ready.
pub struct Application(Kind);

enum Kind {
    Processes { pool: Arc<Pool>, number: u16 },
    Lines(LinesPrograms),
}

/// What replaces the processes of an [`Application`].
#[derive(Clone)]
pub struct Reloader(Arc<Pool>);

impl Reloader {
    /// Starts other processes. Once they are ready newcomers go there; the clients of those before stay with them, for
    /// `drain_period` at most.
    ///
    /// # Errors
    ///
    /// [`StartError`] if one does not get ready: none of them stays, and those before go on.
    pub async fn reload(&self, options: ProcessOptions) -> Result<(), StartError> {
        self.0.replace(Wanted { options: Arc::new(options), places: Vec::new() }).await
    }
}

/// What is kept for a client of an [`Application`].
pub struct Held(HeldKind);

enum HeldKind {
    Process { link: Arc<Link>, conversation: Arc<Conversation> },
    Lines(LinesClient),
}

impl Held {
    pub(crate) fn of_process(link: Arc<Link>, conversation: Arc<Conversation>) -> Self {
        Self(HeldKind::Process { link, conversation })
    }

    pub(crate) fn of_lines(client: LinesClient) -> Self {
        Self(HeldKind::Lines(client))
    }

    /// The process, if it is one that the protocol is spoken with.
    pub(crate) fn link(&self) -> Option<&Arc<Link>> {
        match &self.0 {
            HeldKind::Process { link, .. } => Some(link),
            HeldKind::Lines(_) => None,
        }
    }
}

impl Held {
    /// The program, if it is one that reads and writes lines.
    pub(crate) fn lines(&self) -> Option<&LinesClient> {
        match &self.0 {
            HeldKind::Lines(client) => Some(client),
            HeldKind::Process { .. } => None,
        }
    }
}

impl Application {
    /// In processes that speak the protocol.
    pub fn processes(options: ProcessOptions) -> Self {
        let wanted = Wanted { options: Arc::new(options), places: Vec::new() };
        Self::of_pool(Pool::new(wanted), ONLY)
    }

    /// What replaces its processes by others while the server runs. `None` for one of [lines](Self::lines), whose next client
    /// has a new one anyway.
    pub fn reloader(&self) -> Option<Reloader> {
        self.pool().map(|pool| Reloader(Arc::clone(pool)))
    }

    /// In a process for each client, which knows nothing of the protocol: a line that it writes is a message to the client,
    /// and a message of the client a line that it reads. It learns of the request as a CGI program does (RFC 3875 §4.1).
    ///
    /// Of the options the command, the folder, the environment, the user and the group count, and `stop_period`. How many
    /// processes there are is limited by [`aerys::Options::max_clients`].
    pub fn lines(options: ProcessOptions) -> Self {
        Self(Kind::Lines(LinesPrograms::new(options)))
    }

    pub(crate) fn pool(&self) -> Option<&Arc<Pool>> {
        match &self.0 {
            Kind::Processes { pool, .. } => Some(pool),
            Kind::Lines(_) => None,
        }
    }

    pub(crate) fn of_pool(pool: Arc<Pool>, number: u16) -> Self {
        Self(Kind::Processes { pool, number })
    }
}

impl Websocket<Held> for Application {
    async fn on_start(&self, endpoint: &Endpoint<Held>) -> Result<(), Failure> {
        match &self.0 {
            Kind::Processes { pool, number } => Ok(pool.attach(*number, endpoint).await?),
            Kind::Lines(programs) => Ok(programs.check()?),
        }
    }

    async fn on_open(&self, handshake: Handshake<Held>) -> Result<Accepted<Held>, Refusal> {
        match &self.0 {
            Kind::Processes { pool, number } => open(pool, *number, handshake).await,
            Kind::Lines(programs) => programs.open(handshake),
        }
    }

    async fn on_data(&self, client: &Client<Held>, message: Message) -> Result<(), Failure> {
        let (link, conversation) = match &client.state().0 {
            HeldKind::Process { link, conversation } => (link, conversation),
            HeldKind::Lines(lines) => return lines.data(client, message).await,
        };
        if !link.takes(&ToProcess::Data(&message)) {
            client.close().code(CloseCode::TOO_BIG).nowait();
            return Ok(());
        }
        match link.data(conversation, &message).await {
            Done::Failed => Err(Failure::new(FAILED)),
            Done::Well | Done::ProcessGone => Ok(()),
        }
    }

    async fn on_close(&self, gone: &Departure<Held>) {
        match &gone.state().0 {
            HeldKind::Process { link, conversation } => {
                link.closed(conversation, gone.code(), gone.reason());
                conversation.handled(Which::End).await;
            }
            HeldKind::Lines(lines) => lines.end(),
        }
    }

    async fn on_stop(&self, _: &Endpoint<Held>) {
        match &self.0 {
            Kind::Processes { pool, number } => pool.detach(*number).await,
            Kind::Lines(programs) => programs.stop().await,
        }
    }
}

async fn open(
    pool: &Pool,
    number: u16,
    mut handshake: Handshake<Held>,
) -> Result<Accepted<Held>, Refusal> {
    let Some(link) = pool.choose(&handshake) else { return Err(unavailable(handshake)) };
    let request = request::json(&handshake, handshake.endpoint().path());
    let open = ToProcess::Open(&request);
    if !link.takes(&open) {
        return Err(handshake.refuse(Status::INTERNAL_SERVER_ERROR));
    }
    let Some(room) = link.outgoing.room(open.max_len()).await else {
        return Err(unavailable(handshake));
    };
    let (id, seq) = (handshake.id(), link.next_event());
    let conversation = Conversation::new(number, handshake, id, seq);
    if !link.open(&conversation, seq, &request, room) {
        let handshake = conversation.take_handshake();
        // Nobody else knows of it.
        return Err(handshake.map_or_else(|| Failure::new(FAILED).into(), |it| unavailable(*it)));
    }
    match conversation.opened().await {
        // What its process may say no more, `on_close` need not hear: it is closed with 1012.
        Opened::Accepted(accepted, Done::Well | Done::ProcessGone) => Ok(accepted),
        Opened::Accepted(_, Done::Failed) => Err(Failure::new(FAILED).into()),
        Opened::Refused(refusal) => Err(refusal),
        Opened::Unanswered(handshake) => Err(unavailable(*handshake)),
        Opened::Nothing => Err(Failure::new(FAILED).into()),
    }
}

/// There is no process for it now.
fn unavailable(handshake: Handshake<Held>) -> Refusal {
    handshake.refuse(Status::SERVICE_UNAVAILABLE).header("retry-after", RETRY_AFTER)
}
