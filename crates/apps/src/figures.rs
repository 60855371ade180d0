//! How processes are, as metrics of the server: one sample of each for every process.

use std::{sync::Arc, time::Duration};

use aerys::Metric;

/// How the place of one process is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) index: u16,
    pub(crate) is_ready: bool,
    pub(crate) clients: usize,
    pub(crate) lag: Duration,
    pub(crate) queued_bytes: usize,
    /// How many processes there have been beyond the first.
    pub(crate) restarts: u64,
}

/// What one of them is, as a number.
type Figure = fn(&Figures) -> f64;

/// What tells of all places, by the names of their applications.
pub(crate) type Read = dyn Fn() -> Vec<(String, Vec<Figures>)> + Send + Sync;

/// The metrics of the processes that there are when somebody asks.
pub(crate) fn metrics(
    read: impl Fn() -> Vec<(String, Vec<Figures>)> + Send + Sync + 'static,
) -> Vec<Metric> {
    let read: Arc<Read> = Arc::new(read);
    let gauges: [(&str, &str, Figure); 4] = [
        (
            "aerys_process_ready",
            "Whether an application's process takes clients: 1, and else 0.",
            |it| f64::from(u8::from(it.is_ready)),
        ),
        ("aerys_process_clients", "Clients of an application's process.", |it| it.clients as f64),
        (
            "aerys_process_lag_seconds",
            "How long an application's process took to answer when it was asked last whether it is there, or for how long \
             it has not.",
            |it| it.lag.as_secs_f64(),
        ),
        (
            "aerys_process_queued_bytes",
            "What waits to be read by an application's process.",
            |it| it.queued_bytes as f64,
        ),
    ];
    let gauges = gauges.into_iter().map(|(name, help, figure)| {
        let read = Arc::clone(&read);
        Metric::gauge(name, help, move |samples| tell(&*read, figure, samples))
    });
    let restarts = {
        let read = Arc::clone(&read);
        let help =
            "How often a process of an application was started in the place of one that had ended.";
        Metric::counter("aerys_process_restarts", help, move |samples| {
            tell(&*read, |it| it.restarts as f64, samples);
        })
    };
    gauges.chain([restarts]).collect()
}

fn tell(read: &Read, figure: Figure, samples: &mut aerys::Samples<'_>) {
    for (application, places) in read() {
        for place in places {
            let labels = [("application", &*application), ("process", &place.index.to_string())];
            samples.add(&labels, figure(&place));
        }
    }
}
