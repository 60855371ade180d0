//! Hyper's side of a connection: HTTP/1.1, until a service switches protocols.
//!
//! If hyper is to give the connection away, it drops what it has written and the socket has not taken, as
//! soon as it is through with a request that could have become an upgrade. So it is told that only when a
//! service has answered so.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::server::conn::http1::{Connection, Parts, UpgradeableConnection};
use hyper_util::rt::TokioIo;

use super::{hyper_socket::HyperSocket, service::HyperService};
use crate::transport::Transport;

type Io<T> = TokioIo<HyperSocket<T>>;

pub(super) enum HyperConnection<T: Transport> {
    Http(Connection<Io<T>, HyperService>),
    Switching(UpgradeableConnection<Io<T>, HyperService>),
    /// Between the two.
    Moving,
}

impl<T: Transport> HyperConnection<T> {
    /// Goes on, until HTTP is spoken no more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        match self {
            Self::Http(connection) => Pin::new(connection).poll(cx),
            Self::Switching(connection) => Pin::new(connection).poll(cx),
            Self::Moving => Poll::Pending,
        }
    }

    /// The response that is due now makes the connection the service's.
    pub(super) fn switch(&mut self) {
        *self = match mem::replace(self, Self::Moving) {
            Self::Http(connection) => Self::Switching(connection.with_upgrades()),
            other => other,
        };
    }

    pub(super) fn is_switching(&self) -> bool {
        matches!(self, Self::Switching(_))
    }

    /// Lets the request that is being answered be the last.
    pub(super) fn graceful_shutdown(&mut self) {
        match self {
            Self::Http(connection) => Pin::new(connection).graceful_shutdown(),
            Self::Switching(connection) => Pin::new(connection).graceful_shutdown(),
            Self::Moving => {}
        }
    }

    /// What it has read and written, unless it is a service's.
    pub(super) fn into_parts(self) -> Option<Parts<Io<T>, HyperService>> {
        match self {
            Self::Http(connection) => Some(connection.into_parts()),
            Self::Switching(_) | Self::Moving => None,
        }
    }
}
