//! A response without an end, as server-sent events are.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, routing::get};
use futures_util::stream;

use super::{Dropped, Journal};

/// An event every few milliseconds at `/events`; `dropped` is noted when a response has ended.
pub(crate) fn events(journal: &Journal) -> Router {
    let journal = journal.clone();
    Router::new().route(
        "/events",
        get(async move || {
            let events = stream::unfold(Dropped(journal), |response| async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((Ok::<_, Infallible>("event"), response))
            });
            Body::from_stream(events)
        }),
    )
}
