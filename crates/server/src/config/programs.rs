//! How a program makes an application that runs in processes of its own, as a file describes them.

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    app::Websocket,
    http_server::{MountFn, Mounting},
    options::Options,
    session::Mounted,
};

/// What tells such an application from others on the same path.
const NAME: &str = "a program";

/// What a file says of an application that runs in processes of its own (`application = { command = […] }`), for
/// [`Config::programs`](super::Config::programs).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramSettings {
    /// The host that its endpoint is on: its name, or `*` for any.
    pub host: String,
    /// The path of its endpoint.
    pub path: String,
    /// What is started, and its arguments.
    pub command: Vec<String>,
    /// Whether there is one for each client, which reads and writes lines.
    pub lines: bool,
    /// How many processes there are.
    pub processes: u16,
    /// The path parameter that says which of them has a client.
    pub shard_by: Option<String>,
    /// Where they work.
    pub folder: PathBuf,
    /// What is added to their environment.
    pub environment: Vec<(String, String)>,
    /// Whom they run as.
    pub user: Option<u32>,
    /// Their group.
    pub group: Option<u32>,
    /// What endpoints have in common that share processes.
    pub shared: Option<String>,
    /// The number of the endpoint among those.
    pub endpoint: u16,
    /// How long one may take to start.
    pub start_period: Duration,
    /// How often one is asked whether it is there.
    pub heartbeat_period: Duration,
    /// How long it may take to answer that.
    pub stuck_period: Duration,
    /// How long it may take to end.
    pub stop_period: Duration,
    /// How long clients may stay with one that is replaced.
    pub drain_period: Duration,
    /// The longest frame.
    pub max_frame: usize,
    /// How much may wait for one.
    pub max_queued_bytes: usize,
}

type MakeProgram =
    dyn Fn(&ProgramSettings) -> Result<MountFn, Box<dyn Error + Send + Sync>> + Send + Sync;

/// What makes such an application, if the program has anything that does.
#[derive(Clone, Default)]
pub(super) struct Programs(Option<Arc<MakeProgram>>);

impl Programs {
    pub(super) fn new<S, W, E>(
        make: impl Fn(&ProgramSettings) -> Result<W, E> + Send + Sync + 'static,
    ) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Some(Arc::new(move |settings| {
            let application = make(settings).map_err(Into::into)?;
            let mount: MountFn = Box::new(move |place, settings, workers| {
                Ok(Mounted::new(application, place, settings, workers))
            });
            Ok(mount)
        })))
    }

    /// One, or in one sentence why there is none.
    fn make(&self, settings: &ProgramSettings) -> Result<MountFn, String> {
        let Some(make) = &self.0 else {
            return Err("this program starts no others: it has no \"command\"".to_owned());
        };
        make(settings).map_err(|error| error.to_string())
    }

    /// Why there is none.
    pub(super) fn check(&self, settings: &ProgramSettings) -> Result<(), String> {
        self.make(settings).map(drop)
    }

    /// What mounts one on its path.
    pub(super) fn mounting(
        &self,
        settings: &ProgramSettings,
        options: Options,
    ) -> Option<Mounting> {
        let mount = self.make(settings).ok()?;
        Some(Mounting { path: settings.path.clone(), name: NAME.into(), options, mount })
    }
}
