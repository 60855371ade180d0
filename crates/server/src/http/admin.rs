//! What a listener for operators answers, and nothing else: how the server is, and what it is told to do.

use std::sync::Arc;

use aerys_proto::Fields;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::Value;

use super::{
    ResponseBody, answer,
    service::{Answering, ready},
};
use crate::{
    address::Target, admission::LimitsHit, app::RequestHead, error::ReloadError, session::BoxFuture,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const ROUTES: &str = "An operator asks for GET /status, POST /reload, POST /drain or POST /stop.";

/// A running server, as an operator asks it.
pub(crate) trait Control: Send + Sync {
    /// How it is, as an object.
    fn status(&self, limits_hit: LimitsHit) -> Value;
    /// Reloads, and answers what has changed, as an object.
    fn reload(&self) -> BoxFuture<'static, Result<Value, ReloadError>>;
    /// Has its clients seen off, and then stops.
    fn drain(&self);
    /// Stops.
    fn stop(&self);
}

/// The routes of one listener.
pub(super) struct Admin(Arc<dyn Control>);

impl Admin {
    pub(super) fn new(control: Arc<dyn Control>) -> Self {
        Self(control)
    }

    /// Who may ask is said by the mode of the socket's file.
    pub(super) fn answer(&self, head: &RequestHead, limits_hit: LimitsHit) -> Answering {
        let target = Target::of(head.method(), head.uri(), head.version(), head);
        if let Err(error) = target {
            return ready(answer::plain(StatusCode::BAD_REQUEST, &error.to_string()));
        }
        let path = head.uri().path();
        let allowed = match path {
            "/status" => Method::GET,
            "/reload" | "/drain" | "/stop" => Method::POST,
            _ => return ready(answer::plain(StatusCode::NOT_FOUND, ROUTES)),
        };
        if *head.method() != allowed {
            return ready(answer::method_not_allowed(&allowed));
        }
        if has_body(head) {
            return ready(answer::plain(StatusCode::PAYLOAD_TOO_LARGE, "No body is taken here."));
        }
        match path {
            "/status" => ready(json(&self.0.status(limits_hit))),
            "/reload" => Answering::Page(Box::pin(reload(self.0.reload()))),
            "/drain" => {
                self.0.drain();
                ready(answer::plain(
                    StatusCode::ACCEPTED,
                    "The server sees its clients off, and stops.",
                ))
            }
            _ => {
                self.0.stop();
                ready(answer::plain(StatusCode::ACCEPTED, "The server stops."))
            }
        }
    }
}

async fn reload(
    reloading: BoxFuture<'static, Result<Value, ReloadError>>,
) -> Response<ResponseBody> {
    match reloading.await {
        Ok(changed) => json(&changed),
        Err(error) => answer::plain(StatusCode::CONFLICT, &error.to_string()),
    }
}

/// RFC 9112 §6.3: a request has a body if one of these headers says so.
fn has_body(head: &RequestHead) -> bool {
    let is_empty = |length: &[u8]| !length.is_empty() && length.iter().all(|digit| *digit == b'0');
    head.values_of(header::TRANSFER_ENCODING).next().is_some()
        || !head.values_of(header::CONTENT_LENGTH).all(is_empty)
}

fn json(value: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(answer::full(format!("{value}\n").into()));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    answer::no_store(response)
}
