//! What operators are answered: how the server is, and what it is told to do. At a listener of theirs by anybody who
//! reaches it, and beside the admin page (`admin/`) by who has its token.

use std::sync::Arc;

use aerys_proto::{Close, CloseCode, Fields};
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{ResponseBody, answer};
use crate::{
    address::Target,
    admission::LimitsHit,
    app::RequestHead,
    connection::ClientId,
    error::ReloadError,
    log,
    session::{Application, BoxFuture},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const ROUTES: &str =
    "An operator asks for GET /status, POST /reload, POST /close, POST /drain or POST /stop.";

const WHO_TO_CLOSE: &str = "Write whom: /close?endpoint=mysite.com/chat&client=17, and, if they are to be others than \
                            1001 and none, &code=1008&reason=why.";

/// A running server, as an operator asks it.
pub(crate) trait Control: Send + Sync {
    /// How it is, as an object.
    fn status(&self, limits_hit: LimitsHit) -> Value;
    /// What is served now.
    fn applications(&self) -> Vec<Arc<dyn Application>>;
    /// Reloads, and answers what has changed, as an object.
    fn reload(&self) -> BoxFuture<'static, Result<Value, ReloadError>>;
    /// Has its clients seen off, and then stops.
    fn drain(&self);
    /// Stops.
    fn stop(&self);
}

/// The routes of operators.
pub(crate) struct AdminRoutes(Arc<dyn Control>);

/// A client that is to be closed.
#[derive(Debug, PartialEq, Eq)]
struct ToClose {
    endpoint: String,
    client: ClientId,
    close: Close,
}

impl AdminRoutes {
    pub(crate) fn new(control: Arc<dyn Control>) -> Self {
        Self(control)
    }

    /// Answers a request of somebody who may ask.
    pub(crate) fn answer(
        &self,
        head: &RequestHead,
        limits_hit: LimitsHit,
    ) -> BoxFuture<'static, Response<ResponseBody>> {
        let target = Target::of(head.method(), head.uri(), head.version(), head);
        if let Err(error) = target {
            return ready(answer::plain(StatusCode::BAD_REQUEST, &error.to_string()));
        }
        let path = head.uri().path();
        let allowed = match path {
            "/status" => Method::GET,
            "/reload" | "/close" | "/drain" | "/stop" => Method::POST,
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
            "/reload" => Box::pin(reload(self.0.reload())),
            "/close" => ready(self.close(head.uri().query().unwrap_or_default())),
            "/drain" => {
                self.0.drain();
                let sentence = "The server sees its clients off, and stops.";
                ready(answer::plain(StatusCode::ACCEPTED, sentence))
            }
            _ => {
                self.0.stop();
                ready(answer::plain(StatusCode::ACCEPTED, "The server stops."))
            }
        }
    }

    /// Has one client closed.
    fn close(&self, query: &str) -> Response<ResponseBody> {
        let ToClose { endpoint, client, close } = match ToClose::parse(query) {
            Ok(asked) => asked,
            Err(sentence) => return answer::plain(StatusCode::BAD_REQUEST, sentence),
        };
        let applications = self.0.applications();
        let is_it = |it: &&Arc<dyn Application>| {
            endpoint.strip_prefix(it.host()).is_some_and(|path| path == it.path())
        };
        let Some(application) = applications.iter().find(is_it) else {
            let sentence = format!("There is no endpoint {endpoint:?}.");
            return answer::plain(StatusCode::NOT_FOUND, &sentence);
        };
        let code = close.code.as_u16();
        let closed = application.close(client, close);
        if closed {
            let client = client.as_u64();
            log::event!(
                INFO, at application.path(), { client, code },
                "a client is closed, as an operator has asked for"
            );
        }
        json(&json!({ "closed": closed }))
    }
}

impl ToClose {
    fn parse(query: &str) -> Result<Self, &'static str> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(query).map_err(|_| WHO_TO_CLOSE)?;
        let (mut endpoint, mut client) = (None, None);
        let mut close = Close::from(CloseCode::AWAY);
        for (name, value) in pairs {
            match &*name {
                "endpoint" => endpoint = Some(value),
                "client" => client = Some(value.parse().map_err(|_| WHO_TO_CLOSE)?),
                "code" => {
                    let code = value.parse().ok().and_then(CloseCode::new);
                    close.code = code.ok_or(
                        "No CLOSE frame may have that code: write 1000 to 1003, 1007 to 1014, or 3000 to 4999.",
                    )?;
                }
                "reason" => close = Close::new(close.code, value),
                _ => return Err(WHO_TO_CLOSE),
            }
        }
        let (Some(endpoint), Some(client)) = (endpoint, client) else { return Err(WHO_TO_CLOSE) };
        Ok(Self { endpoint, client, close })
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

fn ready(response: Response<ResponseBody>) -> BoxFuture<'static, Response<ResponseBody>> {
    Box::pin(std::future::ready(response))
}

fn json(value: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(answer::full(format!("{value}\n").into()));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_be_closed_is_in_the_query() {
        let whom = |query: &str| {
            let ToClose { endpoint, client, close } = ToClose::parse(query)?;
            Ok((endpoint, client.as_u64(), close.code.as_u16(), close.reason.into_owned()))
        };
        let told = |endpoint: &str, client, code, reason: &str| {
            Ok((endpoint.to_owned(), client, code, reason.to_owned()))
        };
        for (query, expected) in [
            ("endpoint=a.b/c&client=17", told("a.b/c", 17, 1001, "")),
            ("client=17&endpoint=a%2Fb%7Bc%7D&code=4000", told("a/b{c}", 17, 4000, "")),
            ("reason=too+slow&code=1008&endpoint=a/&client=1", told("a/", 1, 1008, "too slow")),
            ("endpoint=a/&client=1&reason=", told("a/", 1, 1001, "")),
        ] {
            assert_eq!(whom(query), expected, "{query}");
        }
        for query in
            ["", "endpoint=a/", "client=1", "endpoint=a/&client=-1", "endpoint=a/&client=1&force=1"]
        {
            assert_eq!(whom(query), Err(WHO_TO_CLOSE), "{query}");
        }
        for code in ["0", "999", "1005", "1006", "1015", "5000", "70000", ""] {
            let query = format!("endpoint=a/&client=1&code={code}");
            let sentence = whom(&query).unwrap_err();
            assert!(sentence.contains("may have that code"), "{code}: {sentence}");
        }
    }
}
