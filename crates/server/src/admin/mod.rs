//! The admin page: what operators look at in a browser.
//!
//! It is a server of its own beside the one that it is about (`server/admin_page.rs`), so that it answers while all
//! workers of that are blocked, and counts for none of its limits and metrics. It has one endpoint, the feed
//! (`feed.rs`), and a service (`pages.rs`) with the page's files, which are nobody's secret, and the routes of
//! operators, which take the token as the feed does.

mod assets;
mod feed;
mod history;
mod pages;
mod slowest;
mod token;

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

#[cfg(feature = "config")]
pub(crate) use self::token::complaint;
pub(crate) use self::{feed::Feed, pages::Pages, token::Token};
use crate::{
    http_server::{AdminRoutes, Control},
    metrics::Metrics,
    transport::Listener,
};

/// A page for operators: how the server is, which clients are slow, and what is to be done about it; see
/// [`Server::admin_page`](crate::Server::admin_page).
///
/// ```
/// use aerys::{AdminPage, Host, Server};
///
/// # async fn example(host: Host) -> Result<(), aerys::ServerError> {
/// let page = AdminPage::on("127.0.0.1:0");
/// let running = Server::new().listen("127.0.0.1:0").host(host).admin_page(page).start().await?;
/// // http://127.0.0.1:45671/#token=OlRrpZJSWqvS4OEFjP3T2w
/// println!("Admin page on {}", running.admin_page_url().expect("it has one"));
/// # Ok(())
/// # }
/// ```
///
/// Whoever has its token may see and do everything there. So it is asked for always, also at an address of this machine
/// alone, which is every local user's. The page and its scripts are answered without it, and tell nothing.
#[must_use = "give it to `Server::admin_page`"]
pub struct AdminPage {
    pub(crate) listener: Listener,
    pub(crate) token: Option<String>,
    pub(crate) names: Vec<String>,
}

impl AdminPage {
    /// Where it listens: see [`Listener`]. It has to be an address of this machine alone (loopback), or a Unix
    /// socket, unless the listener speaks [TLS](Listener::tls): else the server
    /// [does not start](crate::ServerError::AdminPageInClearText).
    pub fn on(listener: impl Into<Listener>) -> Self {
        Self { listener: listener.into(), token: None, names: Vec::new() }
    }

    /// What is asked for, in place of 128 random bits of each start's own: at least 16 characters, each a letter, a
    /// digit, or one of `-._~+`, since it travels in headers.
    ///
    /// ```no_run
    /// use aerys::AdminPage;
    ///
    /// let token = std::env::var("ADMIN_TOKEN").expect("a token");
    /// let page = AdminPage::on("127.0.0.1:9001").token(token);
    /// ```
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// A name by which browsers may ask for it, as [`Host::alias`](crate::Host::alias) has them. May be called several
    /// times. IP addresses and `localhost` are known: nobody else can have pointed those at it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }
}

/// Without the token.
impl fmt::Debug for AdminPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminPage").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// What the feed and the pages share, from a server's start to its end.
pub(crate) struct Admin {
    pub(crate) token: ArcSwap<Token>,
    metrics: Metrics,
    control: Arc<dyn Control>,
    routes: AdminRoutes,
}

impl Admin {
    /// Of a running server.
    pub(crate) fn new(token: Token, metrics: Metrics, control: Arc<dyn Control>) -> Arc<Self> {
        let (token, routes) =
            (ArcSwap::from_pointee(token), AdminRoutes::new(Arc::clone(&control)));
        Arc::new(Self { token, metrics, control, routes })
    }

    /// Whether somebody brings the token.
    fn admits(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.token.load().is(token))
    }
}
