//! What tells others how the server is: its metrics, whether its workers are at work, and whether it is to be sent
//! clients.

use std::{sync::Arc, time::Duration};

use aerys_proto::Fields;
use futures_util::future::join_all;
use http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::time::timeout;

use super::{
    ResponseBody, answer,
    service::{Answering, ready},
};
use crate::{
    app::RequestHead,
    metrics::{Format, Metrics},
    runtime::{Probe, Worker},
};

/// How long a worker may take to answer.
const ANSWER_PERIOD: Duration = Duration::from_secs(1);

/// The media type of OpenMetrics, which whoever wants it names.
const OPEN_METRICS: &str = "application/openmetrics-text";

pub(crate) struct Monitor {
    metrics: Metrics,
    probes: Arc<[Arc<Probe>]>,
}

impl Monitor {
    pub(crate) fn new(metrics: Metrics, workers: &[Arc<Worker>]) -> Self {
        Self { metrics, probes: workers.iter().map(Probe::new).collect() }
    }

    /// Answers a request, whatever host it is for.
    pub(super) fn answer(&self, head: &RequestHead) -> Answering {
        let path = head.uri().path();
        if !["/metrics", "/healthz", "/readyz"].contains(&path) {
            return ready(answer::plain(
                StatusCode::NOT_FOUND,
                "There is nothing at this address.",
            ));
        }
        if ![Method::GET, Method::HEAD].contains(head.method()) {
            return ready(answer::not_allowed("Only GET and HEAD are answered here.", "GET, HEAD"));
        }
        match path {
            "/metrics" => ready(self.tell_metrics(head)),
            "/readyz" => ready(self.tell_readiness()),
            _ => Answering::Page(Box::pin(tell_health(Arc::clone(&self.probes)))),
        }
    }

    fn tell_metrics(&self, head: &RequestHead) -> Response<ResponseBody> {
        let format = accepted(head);
        let mut response = Response::new(answer::full(self.metrics.write(format).into()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        answer::no_store(response)
    }

    fn tell_readiness(&self) -> Response<ResponseBody> {
        if self.metrics.readiness().is_ready() {
            tell(StatusCode::OK, "ready")
        } else {
            tell(StatusCode::SERVICE_UNAVAILABLE, "The server is about to stop.")
        }
    }
}

/// Asks all workers, and waits for the slowest.
async fn tell_health(probes: Arc<[Arc<Probe>]>) -> Response<ResponseBody> {
    let answers = probes.iter().map(|probe| timeout(ANSWER_PERIOD, probe.ask()));
    let answers = join_all(answers).await;
    let silent = answers.iter().enumerate().filter(|(_, answer)| answer.is_err());
    let silent: Vec<_> = silent.map(|(worker, _)| worker.to_string()).collect();
    match silent.as_slice() {
        [] => tell(StatusCode::OK, "well"),
        [worker] => {
            let sentence = format!("Worker {worker} does not answer: a handler blocks its thread.");
            tell(StatusCode::SERVICE_UNAVAILABLE, &sentence)
        }
        workers => {
            let workers = workers.join(", ");
            let sentence =
                format!("Workers {workers} do not answer: handlers block their threads.");
            tell(StatusCode::SERVICE_UNAVAILABLE, &sentence)
        }
    }
}

fn tell(status: StatusCode, sentence: &str) -> Response<ResponseBody> {
    answer::no_store(answer::plain(status, sentence))
}

/// The format that is wanted: what is not accepted with any weight is not (RFC 9110 §12.4.2).
fn accepted(head: &RequestHead) -> Format {
    let is_wanted = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|media| media.eq_ignore_ascii_case(OPEN_METRICS));
        let is_zero = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
        };
        is_it && !parts.any(is_zero)
    };
    let is_open = head
        .values_of(header::ACCEPT)
        .filter_map(|value| std::str::from_utf8(value).ok())
        .any(|value| value.split(',').any(is_wanted));
    if is_open { Format::OpenMetrics } else { Format::Prometheus }
}
