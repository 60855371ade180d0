//! The end of one client's connection.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use aerys_proto::CloseCode;

use super::drop_warning::DropWarning;
use crate::app::Client;

/// A close about to be asked for; see [`Client::close`].
///
/// As a future it resolves when [`on_close`](crate::Websocket::on_close) has run.
#[must_use = "nothing is closed until it is `.await`ed or let go with `.nowait()`"]
pub struct Close<'c, S = ()> {
    client: &'c Client<S>,
    code: CloseCode,
    reason: String,
    asked: bool,
    warning: DropWarning,
}

impl<'c, S> Close<'c, S> {
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn new(client: &'c Client<S>) -> Self {
        let warning = DropWarning::new("close");
        Self { client, code: CloseCode::NORMAL, reason: String::new(), asked: false, warning }
    }

    /// The code the client gets to see, in place of 1000. RFC 6455 §7.4 says what they mean;
    /// 4000–4999 are free for applications.
    ///
    /// ```
    /// # use aerys::{Client, CloseCode};
    /// # fn example(client: &Client) {
    /// client.close().code(CloseCode::AWAY).nowait();
    /// client.close().code(4000).reason("moved to another room").nowait();
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If it is a number that no CLOSE frame may have (§7.4). [`CloseCode::new`] tells of one that somebody
    /// else has chosen.
    #[track_caller]
    pub fn code<C>(mut self, code: C) -> Self
    where
        C: TryInto<CloseCode, Error: Error>,
    {
        self.code = match code.try_into() {
            Ok(code) => code,
            Err(error) => panic!("`Close::code` was given a number that it cannot take: {error}"),
        };
        self
    }

    /// The reason the client gets to see; all beyond 123 bytes is cut off.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Asks for the close without waiting.
    pub fn nowait(mut self) {
        self.ask();
    }

    fn ask(&mut self) {
        if !self.asked {
            self.asked = true;
            self.warning.disarm();
            let reason = std::mem::take(&mut self.reason);
            self.client.shared_in_order().outbox.close(aerys_proto::Close::new(self.code, reason));
        }
    }
}

impl<S> Future for Close<'_, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.ask();
        self.client.shared().outbox.poll_departed(cx)
    }
}

impl<S> fmt::Debug for Close<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Close").field("client", self.client).field("code", &self.code).finish()
    }
}
