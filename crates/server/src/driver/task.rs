//! The task of a connection, and of a stream of one.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::session::BoxFuture;

/// The task of a connection, and what drives it in the end. A task keeps the size that it was spawned
/// with, so each stage has memory of its own: what HTTP needs is given back with the upgrade.
pub(crate) enum ConnectionTask<D> {
    Http(BoxFuture<'static, Option<D>>),
    Driver(D),
}

impl<D> ConnectionTask<D> {
    pub(crate) fn new(http: impl Future<Output = Option<D>> + Send + 'static) -> Self {
        Self::Http(Box::pin(http))
    }
}

impl<D: Future<Output = ()> + Unpin> Future for ConnectionTask<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Http(http) => match ready!(http.as_mut().poll(cx)) {
                    Some(driver) => *self = Self::Driver(driver),
                    None => return Poll::Ready(()),
                },
                Self::Driver(driver) => return Pin::new(driver).poll(cx),
            }
        }
    }
}
