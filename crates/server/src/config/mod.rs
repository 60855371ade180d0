//! One file that says what a server is.
//!
//! What is written there goes three ways: `document.rs` has it parsed, and `reader.rs` makes `sections/` of it, key by
//! key; `checks.rs` looks whether those make sense together; `build.rs` makes a server of them. A section tells its
//! keys once (`keys.rs`), for `reader.rs` as for `writer.rs`, and how values are written is in `format/`. What makes no
//! sense on any of these ways is gathered (`faults.rs`), so that all of it is told at once.

mod applications;
mod build;
mod bus;
mod checks;
mod document;
mod elsewhere;
mod error;
mod faults;
mod format;
mod keys;
mod nearest;
mod programs;
mod reader;
mod sections;
mod writer;

use std::{
    convert::Infallible,
    env,
    error::Error,
    fmt, fs,
    net::SocketAddr,
    path::{self, Path, PathBuf},
};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use self::{
    applications::Applications,
    bus::Buses,
    checks::Surroundings,
    faults::Faults,
    format::Reading,
    keys::Placed,
    programs::Programs,
    sections::{ListenSection, Top},
};
pub use self::{
    bus::BusSettings,
    error::{ConfigError, ConfigFault},
    programs::ProgramSettings,
    sections::Log,
};
use crate::{
    app::Websocket,
    cluster::{Bus, Cluster},
    http_server::{Body, host_service},
    metrics::Metric,
    options::Options,
    server::{Running, Server},
};

/// A file that says what a server is, and the applications that it puts on paths.
///
/// ```no_run
/// use aerys::{Accepted, Config, ConfigError, Handshake, Refusal, Websocket};
///
/// #[derive(Default)]
/// struct Chat;
///
/// impl Websocket for Chat {
///     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
///         Ok(handshake.accept())
///     }
/// }
///
/// fn main() -> Result<(), ConfigError> {
///     Config::load("aerys.toml")?.application("chat", Chat::default()).serve()
/// }
/// ```
///
/// The file is TOML:
///
/// ```toml
/// [[listen]]
/// address = "127.0.0.1:1337"
///
/// [[host]]
/// name = "localhost"
/// root = "public"
///
/// [[host.websocket]]
/// path = "/chat"
/// application = "chat"
/// max_msg_size = "64 KiB"
/// heartbeat_period = "30 s"
/// ```
///
/// `docs/config.md` explains it, and the binary's `aerys defaults` prints one that has every key. Sizes and periods
/// have units, and what can be switched off is `false`. In texts `${NAME}` is what the environment has, and `$$` a
/// dollar. Relative paths begin at the folder that the file is in.
///
/// All that is wrong with a file is told [at once](ConfigError::Faults), each with its line. So nothing but its syntax is
/// looked at before the applications are known: by [`server`](Self::server), [`serve`](Self::serve) and
/// [`check`](Self::check).
#[derive(Clone)]
#[must_use = "nothing is served until it is told to `serve`"]
pub struct Config {
    source: Source,
    applications: Applications,
    buses: Buses,
    programs: Programs,
    metrics: Vec<Metric>,
    workers: Option<usize>,
}

/// A file.
#[derive(Clone)]
struct Source {
    /// As it was given.
    path: PathBuf,
    /// Where it is: an absolute path.
    folder: PathBuf,
    text: String,
}

/// How much there is in a file that makes sense: "2 listeners, 3 hosts, 4 endpoints".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigSummary {
    /// Where it listens.
    pub listeners: usize,
    /// Its hosts.
    pub hosts: usize,
    /// The websocket endpoints of all hosts.
    pub endpoints: usize,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unreadable`] if it cannot be read, and [`ConfigError::Faults`] if it is no TOML. What else is wrong
    /// with it is told by [`server`](Self::server), together with what is wrong with its applications.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let unreadable = |cause| ConfigError::Unreadable { path: path.clone(), cause };
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let absolute = path::absolute(&path).map_err(unreadable)?;
        let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        Self::of(Source { path, folder, text })
    }

    /// Reads what would be in a file, which in sentences is called `config`. Relative paths begin at the working
    /// directory.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn parse(text: impl Into<String>) -> Result<Self, ConfigError> {
        let path = PathBuf::from("config");
        let unreadable = |cause| ConfigError::Unreadable { path: path.clone(), cause };
        let folder = env::current_dir().map_err(unreadable)?;
        Self::of(Source { path, folder, text: text.into() })
    }

    fn of(source: Source) -> Result<Self, ConfigError> {
        let (applications, buses, programs, metrics) = Default::default();
        let config = Self { source, applications, buses, programs, metrics, workers: None };
        match document::parse(&config.source.text) {
            Ok(_) => Ok(config),
            Err(faults) => Err(config.refused(faults)),
        }
    }

    /// Reads the file again, as it is now, for the same applications: what was registered stays, and an application
    /// that an endpoint has stays with it.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn reload(&self) -> Result<Self, ConfigError> {
        let Self { source, .. } = Self::load(self.source.path.clone())?;
        Ok(Self { source, ..self.clone() })
    }

    /// Registers an application under a name, for one endpoint of the file: a second one with it is a fault, since
    /// they would share a value that each of them starts and stops. For several there is
    /// [`application_with`](Self::application_with). Of two with the same name the later one counts.
    pub fn application<S, W>(mut self, name: impl Into<String>, app: W) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        self.applications.add(name.into(), app);
        self
    }

    /// Registers an application under a name, for any number of endpoints: one is made for each, when the server
    /// starts.
    ///
    /// ```no_run
    /// # use aerys::{Accepted, Config, ConfigError, Handshake, Refusal, Websocket};
    /// # #[derive(Default)]
    /// # struct Chat;
    /// # impl Websocket for Chat {
    /// #     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
    /// #         Ok(handshake.accept())
    /// #     }
    /// # }
    /// # fn main() -> Result<(), ConfigError> {
    /// Config::load("aerys.toml")?.application_with("chat", Chat::default).serve()
    /// # }
    /// ```
    pub fn application_with<S, W>(
        mut self,
        name: impl Into<String>,
        make: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        self.applications.add_each(name.into(), make);
        self
    }

    /// What holds for the endpoints of an application as far as the file says nothing else. Default
    /// [`Options::new`].
    pub fn default_options(mut self, application: impl Into<String>, options: Options) -> Self {
        self.applications.add_options(application.into(), options);
        self
    }

    /// Registers an HTTP service under a name, as [`Host::service`](crate::Host::service) takes it, for any number of
    /// hosts (`service = "name"`).
    pub fn service<T, B>(mut self, name: impl Into<String>, service: T) -> Self
    where
        T: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
        T: Clone + Send + Sync + 'static,
        T::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.applications.add_service(name.into(), host_service(service));
        self
    }

    /// Registers what makes the bus of a [`Cluster`](crate::Cluster) of what a file says in `[cluster]`. Without it
    /// such a section is a fault.
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use aerys::{Config, LocalBus};
    ///
    /// # fn example(config: Config) -> Config {
    /// // The crate `aerys-nats` has one that looks at the settings.
    /// config.bus(|_settings| Ok::<_, Infallible>(LocalBus::new()))
    /// # }
    /// ```
    pub fn bus<B, E>(
        mut self,
        make: impl Fn(&BusSettings) -> Result<B, E> + Send + Sync + 'static,
    ) -> Self
    where
        B: Bus,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.buses = Buses::new(make);
        self
    }

    /// Registers what makes an application of what a file says of processes to start
    /// (`application = { command = ["php", "chat.php"] }`). Without it such an application is a fault.
    ///
    /// It is called for each of them, several times: whenever the file is looked at.
    ///
    /// ```no_run
    /// # use std::convert::Infallible;
    /// # use aerys::{Accepted, Config, Handshake, ProgramSettings, Refusal, Websocket};
    /// # struct Program;
    /// # impl Program {
    /// #     fn new(_: &ProgramSettings) -> Self { Self }
    /// # }
    /// # impl Websocket for Program {
    /// #     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
    /// #         Ok(handshake.accept())
    /// #     }
    /// # }
    /// # fn example(config: Config) -> Config {
    /// // The crate `aerys-apps` has one that starts them.
    /// config.programs(|settings| Ok::<_, Infallible>(Program::new(settings)))
    /// # }
    /// ```
    pub fn programs<S, W, E>(
        mut self,
        make: impl Fn(&ProgramSettings) -> Result<W, E> + Send + Sync + 'static,
    ) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.programs = Programs::new(make);
        self
    }

    /// Tells a metric of the program's own: see [`Server::metric`].
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }

    /// How many threads drive the clients, at least one, whatever the file says.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers.max(1));
        self
    }

    /// What the file says of the log; see [`Log`]. Where that makes no sense it is the default:
    /// [`server`](Self::server) says what is wrong.
    pub fn log(&self) -> Log {
        let (top, _) = self.read();
        top.into_inner().log.into_inner()
    }

    /// Makes a server of it, for who wants to start it himself.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Faults`] with all that is wrong with the file, certificates and folders that are not there
    /// included; [`ConfigError::Unregistered`].
    pub fn server(&self) -> Result<Server, ConfigError> {
        let top = self.sound()?;
        let Self { source, applications, programs, .. } = self;
        let server = build::server(&top, &source.folder, applications, programs);
        let server = self.metrics.iter().cloned().fold(server, Server::metric);
        Ok(match self.cluster(&top) {
            Some(Ok(cluster)) => server.cluster(cluster),
            // It was sound a moment ago.
            Some(Err(_)) | None => server,
        })
    }

    /// Runs a server of it until SIGINT or SIGTERM, and on SIGHUP reloads what the file says then: see
    /// [`Running::until_signalled_reloading`].
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server) and [`Server::run`].
    pub fn serve(self) -> Result<(), ConfigError> {
        let server = self.server()?;
        let serving = async {
            let running = server.start().await?;
            running.until_signalled_reloading(|| self.reload()?.server()).await
        };
        Ok(Server::block_on(serving)?)
    }

    /// Looks whether it makes sense, and starts nothing. What only a start can tell is not looked at: whether there is
    /// a free port, and whether an `on_start` succeeds.
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server).
    pub fn check(&self) -> Result<ConfigSummary, ConfigError> {
        let top = self.sound()?;
        let endpoints = top.hosts.iter().map(|host| host.websockets.len()).sum();
        Ok(ConfigSummary { listeners: top.listeners.len(), hosts: top.hosts.len(), endpoints })
    }

    /// What is in force, with every key, as a file that says the same: what was left out has its default, paths are
    /// absolute, variables are what the environment had, and secrets are left out.
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server).
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let mut top = self.sound()?;
        Ok(writer::write(&mut top))
    }

    /// Where a server of this file listens, as it is opened: `https://127.0.0.1:8443`, or `unix:/run/chat.sock`.
    pub fn listening(&self, running: &Running) -> Vec<String> {
        let (top, _) = self.read();
        let tcp = top.listeners.iter().filter(|it| !it.is_unix()).count();
        let mut addresses = running.addresses().iter();
        // Of those that systemd passes nobody knows here whether they are Unix sockets.
        if tcp != addresses.len() {
            return addresses.map(SocketAddr::to_string).collect();
        }
        let opened = |listener: &Placed<ListenSection>| match listener.is_unix() {
            true => Some(listener.address.clone()),
            false => Some(format!("{}://{}", listener.scheme(), addresses.next()?)),
        };
        top.listeners.iter().filter_map(opened).collect()
    }

    /// Where operators ask, if the file says so (`[admin]`): the path of a Unix socket, on which is what
    /// [`Listener::admin`](crate::Listener::admin) says. It is told whatever else is wrong with the file.
    pub fn admin_socket(&self) -> Option<PathBuf> {
        let (top, _) = self.read();
        top.into_inner().admin?.into_inner().socket
    }

    /// The cluster that the server is to be a node of, if there is one.
    fn cluster(&self, top: &Top) -> Option<Result<Cluster, String>> {
        let section = top.cluster.as_ref()?;
        let bus = self.buses.make(&section.settings());
        Some(bus.map(|bus| Cluster::new(bus).lease(section.lease)))
    }

    /// All of the file, if it makes sense.
    fn sound(&self) -> Result<Placed<Top>, ConfigError> {
        if let Some(name) = self.applications.unregistered() {
            return Err(ConfigError::Unregistered { name: name.to_owned() });
        }
        let (mut top, mut faults) = self.read();
        let Self { source, applications, programs, .. } = self;
        let around = Surroundings { applications, programs, folder: &source.folder };
        checks::check(&top, &around, &mut faults);
        if let Some(Err(sentence)) = self.cluster(&top)
            && let Some(section) = top.cluster.as_ref().filter(|it| !it.places.is_broken)
        {
            faults.add(section.places.of("nats"), sentence);
        }
        if !faults.is_empty() {
            return Err(self.refused(faults));
        }
        if let Some(workers) = self.workers {
            top.workers = Some(workers);
        }
        Ok(top)
    }

    /// As much of the file as makes sense, and what does not.
    fn read(&self) -> (Placed<Top>, Faults) {
        let Source { folder, text, .. } = &self.source;
        let (mut top, mut faults) = (Placed::<Top>::new(), Faults::default());
        let variable = |name: &str| env::var(name).ok();
        match document::parse(text) {
            Ok(table) => {
                let mut reading = Reading::new(&mut faults, folder, &variable);
                reader::read(&mut top, 0, &table, &mut reading, &self.applications);
            }
            Err(found) => faults = found,
        }
        if top.listeners.is_empty() {
            top.listeners.push(Placed::of(ListenSection::usual()));
        }
        (top, faults)
    }

    fn refused(&self, faults: Faults) -> ConfigError {
        let Source { path, text, .. } = &self.source;
        ConfigError::Faults { path: path.clone(), faults: faults.of(text) }
    }
}

/// Without what is in the file, among which may be secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("path", &self.source.path)
            .field("registered", &self.applications)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ConfigSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count| if count == 1 { "" } else { "s" };
        let Self { listeners, hosts, endpoints } = *self;
        write!(f, "{listeners} listener{}, {hosts} host{}, ", s(listeners), s(hosts))?;
        write!(f, "{endpoints} endpoint{}", s(endpoints))
    }
}

#[cfg(test)]
mod tests;
