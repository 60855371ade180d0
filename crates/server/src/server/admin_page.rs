//! The server of the admin page: beside the one that it is about, with threads of its own, from its start to its end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aerys_proto::CloseCode;
use tokio::time::{Instant, timeout_at};

use super::{Mount, Server, reload::Prepared, running::Running};
pub(super) use crate::admin::AdminPage;
use crate::{
    admin::{Admin, Feed, Pages, Token},
    app::Endpoint,
    error::ServerError,
    http_server::{Control, Host},
    log,
    metrics::Metrics,
    session::BoxFuture,
};

/// How many connections there may be.
const MAX_CONNECTIONS: usize = 128;

/// How long its end may take.
const STOP_PERIOD: Duration = Duration::from_secs(1);

/// What a page hears that was let in by another token.
const OTHER_TOKEN: &str = "the token is another now";

impl Server {
    /// Has an admin page on a listener of its own: see [`AdminPage`]. Of several the last one counts. Default none.
    ///
    /// It shows what the last hour was like, the endpoints, and the slowest clients, and has one of them closed, or the
    /// server [drain](Running::drain), [reload](crate::Reloader) and stop, as long as somebody waits for the server's
    /// end, as [`Running::until_signalled`] does. It answers while all workers are blocked, and while the server
    /// drains; none of its connections counts anywhere. It takes two threads, and some 240 KiB for the hour.
    pub fn admin_page(mut self, page: AdminPage) -> Self {
        self.admin_page = Some(page);
        self
    }
}

impl Running {
    /// Where the [admin page](Server::admin_page) is, if there is one, as it is opened in a browser: with the token as
    /// its fragment, which browsers send to nobody, unless [somebody has chosen it](AdminPage::token) and knows it.
    /// `None` also if it is on a Unix socket.
    pub fn admin_page_url(&self) -> Option<String> {
        self.admin_page.url()
    }
}

impl Mount {
    /// Where the admin page is: see [`Running::admin_page_url`]. A drain, a stop and a reload are the program's around it,
    /// and nothing comes of them there.
    pub fn admin_page_url(&self) -> Option<String> {
        self.running.admin_page_url()
    }
}

/// The page's server, if there is one.
#[derive(Default)]
pub(super) struct AdminServer(Option<Serving>);

struct Serving {
    running: Box<Running>,
    admin: Arc<Admin>,
    is_secure: bool,
    /// By which it may be asked for beside its address.
    name: Option<String>,
}

/// What becomes of it at a reload.
pub(super) enum Change {
    Keep { prepared: Box<Prepared>, token: Option<Token>, is_secure: bool, name: Option<String> },
    Start(Box<AdminServer>),
    End,
}

impl AdminServer {
    pub(super) async fn start(
        page: Option<AdminPage>,
        metrics: &Metrics,
        control: &Arc<dyn Control>,
    ) -> Result<Self, ServerError> {
        let Some(page) = page else { return Ok(Self::default()) };
        let token = Token::new(page.token.clone())?;
        let admin = Admin::new(token, metrics.clone(), Arc::clone(control));
        let (is_secure, name) = (page.listener.speaks_tls(), page.names.first().cloned());
        let running = Box::new(start(server(page, &admin)?).await?);
        let serving = Serving { running, admin, is_secure, name };
        serving.announce();
        Ok(Self(Some(serving)))
    }

    /// Looks whether it can be what it is to be at a reload.
    pub(super) async fn prepare(
        &mut self,
        page: Option<AdminPage>,
        metrics: &Metrics,
        control: &Arc<dyn Control>,
    ) -> Result<Change, ServerError> {
        match (&mut self.0, page) {
            (_, None) => Ok(Change::End),
            (None, page) => Ok(Change::Start(Box::new(Self::start(page, metrics, control).await?))),
            (Some(serving), Some(page)) => {
                // Without one, the token stays that somebody may have open.
                let token = page.token.clone().map(|it| Token::new(Some(it))).transpose()?;
                let (is_secure, name) = (page.listener.speaks_tls(), page.names.first().cloned());
                let server = server(page, &serving.admin)?;
                let prepared = Box::new(prepare(&mut serving.running, server).await?);
                Ok(Change::Keep { prepared, token, is_secure, name })
            }
        }
    }

    /// Is that from now on.
    pub(super) fn change(&mut self, change: Change) {
        match (change, &mut self.0) {
            (Change::Keep { prepared, token, is_secure, name }, Some(serving)) => {
                serving.running.apply(*prepared);
                (serving.is_secure, serving.name) = (is_secure, name);
                if let Some(token) = token {
                    serving.change_token(token);
                }
            }
            (Change::Start(server), _) => *self = *server,
            (Change::Keep { .. } | Change::End, _) => {
                if let Some(serving) = self.0.take() {
                    tokio::spawn(stop(*serving.running));
                }
            }
        }
    }

    pub(super) fn url(&self) -> Option<String> {
        self.0.as_ref()?.url()
    }

    /// Ends it, and waits until it has, but not beyond a time.
    pub(super) async fn stop(self, end: Instant) {
        if let Some(serving) = self.0 {
            let _ = timeout_at(end, stop(*serving.running)).await;
        }
    }
}

impl Serving {
    fn address(&self) -> Option<SocketAddr> {
        self.running.addresses().first().copied()
    }

    fn url(&self) -> Option<String> {
        let address = self.address()?;
        let scheme = if self.is_secure { "https" } else { "http" };
        let fragment = self.admin.token.load().fragment();
        Some(match &self.name {
            Some(name) => format!("{scheme}://{name}:{}/{fragment}", address.port()),
            None => format!("{scheme}://{address}/{fragment}"),
        })
    }

    /// Whoever was let in by another one has to bring this.
    fn change_token(&self, token: Token) {
        if **self.admin.token.load() == token {
            return;
        }
        self.admin.token.store(Arc::new(token));
        let feed: Result<Endpoint, _> = self.running.endpoint(Feed::PATH);
        for page in feed.iter().flat_map(Endpoint::clients) {
            page.close().code(CloseCode::POLICY).reason(OTHER_TOKEN).nowait();
        }
    }

    fn announce(&self) {
        if let Some(address) = self.address() {
            log::event!(INFO, { %address }, "there is an admin page");
        }
    }
}

/// What serves the page. It is for no name that somebody could have pointed at it, unless that is listed.
fn server(page: AdminPage, admin: &Arc<Admin>) -> Result<Server, ServerError> {
    let host = Host::new("localhost")
        .websocket_with(Feed::PATH, Feed::new(admin), Feed::options())
        .service(Pages(Arc::clone(admin)));
    let host = page.names.into_iter().fold(host, Host::alias);
    Ok(Server::new()
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .stop_period(STOP_PERIOD)
        .listen(page.listener.for_admin_page()?)
        .host(host))
}

// A server has one of these: so that its futures do not have themselves within, these are in a box.

fn start(server: Server) -> BoxFuture<'static, Result<Running, ServerError>> {
    Box::pin(server.start())
}

fn prepare(running: &mut Running, server: Server) -> BoxFuture<'_, Result<Prepared, ServerError>> {
    Box::pin(running.prepare(server))
}

fn stop(running: Running) -> BoxFuture<'static, ()> {
    Box::pin(running.stop())
}
