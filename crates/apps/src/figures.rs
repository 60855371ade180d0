//! How processes are, as metrics of the server: one sample of each for every process.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use aerys::Metric;

use crate::{endpoint::Application, pool::Pool};

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
type Read = dyn Fn() -> Vec<(String, Vec<Figures>)> + Send + Sync;

/// How the processes of applications are, each by a name of its own, as metrics for [`aerys::Server::metric`]:
/// `aerys_process_ready`, `aerys_process_clients`, `aerys_process_lag_seconds`, `aerys_process_queued_bytes` and
/// `aerys_process_restarts_total`, with the labels `application`, which is the name, and `process`, its number from 0 on.
///
/// ```no_run
/// use aerys::{Host, Server, ServerError};
/// use aerys_apps::{Application, ProcessOptions};
///
/// # fn main() -> Result<(), ServerError> {
/// let chat = Application::processes(ProcessOptions::new(["php", "chat.php"]).processes(2));
/// let metrics = aerys_apps::metrics([("chat", &chat)]);
/// let server = Server::new().host(Host::new("mysite.com").websocket("/chat", chat));
/// metrics.into_iter().fold(server, Server::metric).run()
/// # }
/// ```
///
/// The metrics of another call would take their place: name all applications of a server in one. Those of
/// [lines](Application::lines) have none.
pub fn metrics<'a>(
    applications: impl IntoIterator<Item = (&'a str, &'a Application)>,
) -> Vec<Metric> {
    let pools = applications.into_iter().filter_map(|(name, application)| {
        Some((name.to_owned(), Arc::downgrade(application.pool()?)))
    });
    let pools: Vec<_> = pools.collect();
    read_by(move || {
        let told =
            |(name, pool): &(String, Weak<Pool>)| Some((name.clone(), pool.upgrade()?.figures()));
        pools.iter().filter_map(told).collect()
    })
}

/// The metrics of the processes that there are when somebody asks.
pub(crate) fn read_by(
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
