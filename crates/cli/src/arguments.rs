//! The command line, and what the rest of the program gets to see of it.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use aerys::Config;
use aerys_nats::{NatsBus, NatsError};
use clap::{ArgGroup, Args, Parser, Subcommand, value_parser};
use clap_complete::Shell;

use crate::operator::{Order, Place};

/// A websocket server with a chat to try it on.
#[derive(Debug, Parser)]
#[command(name = "aerys", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Serve what this file says, in place of the chat; beside it there are --workers and --debug, which have the
    /// last word, and no other option. `aerys defaults` prints a file with every key.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = OPTIONS_OF_THE_CHAT)]
    config: Option<PathBuf>,

    #[command(flatten)]
    serving: Serving,
}

/// Where it listens, and for whom.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group(ArgGroup::new("certificate").args(["tls_cert", "tls_self_signed"])))]
struct Serving {
    /// Where to listen: an IP address and a port; port 0 is any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1337")]
    listen: SocketAddr,

    /// A name by which it may be asked for, beside localhost and IP addresses; may be given several times. `*`
    /// is any name.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// A proxy that is believed when it says who its client is (X-Forwarded-For): an IP address, a network;
    /// may be given several times.
    #[arg(long = "trusted-proxy", value_name = "ADDR")]
    trusted_proxies: Vec<String>,

    /// How many threads drive the clients, at least 1 [default: one for each core].
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    workers: Option<u16>,

    /// Serve the files of this folder: beside a program, or instead of the chat page, where /chat and /echo stay.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Speak TLS, with the certificate in this file: PEM, followed by the chain to an authority.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of that certificate: PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Speak TLS for a first try, with a certificate that is made now and that no client trusts by itself.
    #[arg(long, conflicts_with = "tls_key")]
    tls_self_signed: bool,

    /// Listen there too, in clear text, and redirect whoever comes to https.
    #[arg(long, value_name = "ADDR", requires = "certificate")]
    redirect_http: Option<SocketAddr>,

    /// Answer the challenges of ACME from this folder, where certbot puts them with --webroot.
    #[arg(long, value_name = "DIR")]
    acme_webroot: Option<PathBuf>,

    /// Be a node of the cluster on this server of NATS, as in nats://127.0.0.1:4222; of several, given one by one, one
    /// has to be there.
    #[arg(long, value_name = "URL", value_parser = nats_server)]
    cluster: Vec<String>,

    /// Log in detail, and use one thread unless --workers says otherwise.
    #[arg(short, long)]
    debug: bool,
}

/// What a file has to say, where there is one.
const OPTIONS_OF_THE_CHAT: [&str; 10] = [
    "cluster",
    "listen",
    "hosts",
    "trusted_proxies",
    "root",
    "tls_cert",
    "tls_key",
    "tls_self_signed",
    "redirect_http",
    "acme_webroot",
];

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a program, in whatever language, as a websocket application.
    Run(Box<Run>),
    /// Say what is wrong with a configuration file, all of it, and start nothing.
    Check {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print a configuration file with every key, its default, and what it is for.
    Defaults,
    /// Print what is in force, as a configuration file with every key, and without secrets.
    Show(Show),
    /// Print what a shell reads to complete this command line: bash, elvish, fish, powershell or zsh.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, in roff.
    Man,
    /// Say how a server that runs is, and how many clients each endpoint has.
    Status(Asked),
    /// Have a server that runs read its file anew, as SIGHUP does.
    Reload(Asked),
    /// Stop a server that runs, having seen its clients off as its file says, and wait until it has ended.
    Stop {
        #[command(flatten)]
        asked: Asked,

        /// See nobody off: close all clients at once.
        #[arg(long)]
        now: bool,
    },
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    serving: Serving,

    /// The path of its endpoint.
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,

    /// How many processes share the clients.
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u16).range(1..))]
    processes: u16,

    /// Start one for each client, that reads and writes lines and knows nothing of the protocol.
    #[arg(long, conflicts_with = "processes")]
    lines: bool,

    /// The program and its arguments, as in `aerys run php chat.php`.
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

/// Which server is asked.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Asked {
    /// The one that serves this file, at the socket that [admin] names there.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The one that is asked at this Unix socket.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl Asked {
    fn place(self) -> Place {
        match self.socket {
            Some(socket) => Place::Socket(socket),
            // One of the two is there.
            None => Place::File(self.config.unwrap_or_default()),
        }
    }
}

#[derive(Debug, Args)]
struct Show {
    /// What this file says; without one, what is served without one.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// With so many threads.
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    workers: Option<u16>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Serve the chat.
    Chat(Box<Settings>),
    /// Serve a program.
    Run(Box<Settings>, Program),
    /// Serve what a file says.
    Serve(PathBuf, Overrides),
    Check(PathBuf),
    Defaults,
    Show(Option<PathBuf>, Overrides),
    Completions(Shell),
    Man,
    /// Ask a server that runs.
    Ask(Order, Place),
}

/// What is to be run as an application.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) command: Vec<OsString>,
    pub(crate) path: String,
    pub(crate) processes: u16,
    pub(crate) lines: bool,
}

/// What has the last word, whatever a file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    pub(crate) workers: Option<usize>,
    pub(crate) debug: bool,
}

impl Overrides {
    pub(crate) fn apply(self, config: Config) -> Config {
        match self.workers {
            Some(workers) => config.workers(workers),
            None => config,
        }
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    /// `None` for the server's own default.
    pub(crate) workers: Option<usize>,
    /// `None` for the page that is compiled in.
    pub(crate) root: Option<PathBuf>,
    /// `None` for clear text.
    pub(crate) certificate: Option<Certificate>,
    /// Where whoever comes is redirected from.
    pub(crate) redirect_http: Option<SocketAddr>,
    pub(crate) acme_webroot: Option<PathBuf>,
    /// The servers of its bus; none for no cluster.
    pub(crate) cluster: Vec<String>,
    pub(crate) debug: bool,
}

/// What is shown to clients within TLS.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    /// Made for this run.
    SelfSigned,
}

impl Arguments {
    pub(crate) fn into_task(mut self) -> Task {
        let (workers, debug) = (self.serving.workers(), self.serving.debug);
        match (self.command.take(), self.config.take()) {
            (None, None) => Task::Chat(Box::new(self.serving.into_settings())),
            (None, Some(file)) => Task::Serve(file, Overrides { workers, debug }),
            (Some(Command::Run(run)), _) => {
                let Run { serving, path, processes, lines, command } = *run;
                let program = Program { command, path, processes, lines };
                Task::Run(Box::new(serving.into_settings()), program)
            }
            (Some(Command::Check { file }), _) => Task::Check(file),
            (Some(Command::Defaults), _) => Task::Defaults,
            (Some(Command::Show(Show { config, workers })), _) => {
                let workers = workers.map(usize::from);
                Task::Show(config, Overrides { workers, debug: false })
            }
            (Some(Command::Completions { shell }), _) => Task::Completions(shell),
            (Some(Command::Man), _) => Task::Man,
            (Some(Command::Status(asked)), _) => Task::Ask(Order::Status, asked.place()),
            (Some(Command::Reload(asked)), _) => Task::Ask(Order::Reload, asked.place()),
            (Some(Command::Stop { asked, now }), _) => {
                Task::Ask(Order::Stop { now }, asked.place())
            }
        }
    }
}

impl Serving {
    fn workers(&self) -> Option<usize> {
        self.workers.or(self.debug.then_some(1)).map(usize::from)
    }

    fn into_settings(self) -> Settings {
        let workers = self.workers();
        let files = self.tls_cert.zip(self.tls_key);
        let files = files.map(|(certificate, key)| Certificate::Files { certificate, key });
        Settings {
            listen: self.listen,
            hosts: self.hosts,
            trusted_proxies: self.trusted_proxies,
            workers,
            root: self.root,
            certificate: files.or(self.tls_self_signed.then_some(Certificate::SelfSigned)),
            redirect_http: self.redirect_http,
            acme_webroot: self.acme_webroot,
            cluster: self.cluster,
            debug: self.debug,
        }
    }
}

/// A server of NATS, as it was given.
fn nats_server(given: &str) -> Result<String, NatsError> {
    NatsBus::new([given]).map(|_| given.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn settings(arguments: &[&str]) -> Result<Settings, clap::Error> {
        let arguments = [&["aerys"], arguments].concat();
        Arguments::try_parse_from(arguments).map(|it| it.serving.into_settings())
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_arguments_everything_is_as_usual() {
        let usual = Settings {
            listen: ([127, 0, 0, 1], 1337).into(),
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            workers: None,
            root: None,
            certificate: None,
            redirect_http: None,
            acme_webroot: None,
            cluster: Vec::new(),
            debug: false,
        };
        assert_eq!(settings(&[]).unwrap(), usual);
    }

    #[test]
    fn debugging_is_done_on_one_thread_unless_asked_otherwise() {
        for (arguments, workers) in [
            (&["-d"][..], Some(1)),
            (&["--debug"], Some(1)),
            (&["-d", "--workers", "3"], Some(3)),
            (&["--workers", "3"], Some(3)),
        ] {
            assert_eq!(settings(arguments).unwrap().workers, workers, "{arguments:?}");
        }
    }

    #[test]
    fn names_and_proxies_may_be_several() {
        let settings =
            settings(&["--host", "a", "--host", "b", "--trusted-proxy", "10.0.0.0/8"]).unwrap();
        assert_eq!(settings.hosts, ["a", "b"]);
        assert_eq!(settings.trusted_proxies, ["10.0.0.0/8"]);
    }

    #[test]
    fn tls_takes_a_certificate_and_its_key_or_makes_both() {
        let files = Certificate::Files { certificate: "a.pem".into(), key: "a.key".into() };
        for (arguments, certificate) in [
            (&["--tls-cert", "a.pem", "--tls-key", "a.key"][..], files),
            (&["--tls-self-signed"], Certificate::SelfSigned),
        ] {
            assert_eq!(settings(arguments).unwrap().certificate, Some(certificate));
        }
    }

    #[test]
    fn clear_text_may_be_redirected_to_either_certificate() {
        for tls in [&["--tls-cert", "a.pem", "--tls-key", "a.key"][..], &["--tls-self-signed"]] {
            let settings = settings(&[tls, &["--redirect-http", "[::]:80"]].concat()).unwrap();
            assert_eq!(settings.redirect_http, Some("[::]:80".parse().unwrap()));
        }
    }

    fn task(arguments: &[&str]) -> Result<Task, clap::Error> {
        let arguments = [&["aerys"], arguments].concat();
        Arguments::try_parse_from(arguments).map(Arguments::into_task)
    }

    #[test]
    fn a_file_is_served_checked_or_shown_and_two_options_have_the_last_word() {
        let file = || PathBuf::from("a.toml");
        let overrides = |workers, debug| Overrides { workers, debug };
        for (arguments, expected) in [
            (&["-c", "a.toml"][..], Task::Serve(file(), Overrides::default())),
            (&["--config", "a.toml", "-w", "3"], Task::Serve(file(), overrides(Some(3), false))),
            (&["-d", "-c", "a.toml"], Task::Serve(file(), overrides(Some(1), true))),
            (&["-d", "-w", "2", "-c", "a.toml"], Task::Serve(file(), overrides(Some(2), true))),
            (&["check", "a.toml"], Task::Check(file())),
            (
                &["run", "--path", "/a", "--processes", "2", "php", "-d", "a=b", "--lines"],
                Task::Run(
                    Box::new(settings(&[]).unwrap()),
                    Program {
                        command: ["php", "-d", "a=b", "--lines"].map(OsString::from).into(),
                        path: "/a".into(),
                        processes: 2,
                        lines: false,
                    },
                ),
            ),
            (&["defaults"], Task::Defaults),
            (&["show"], Task::Show(None, Overrides::default())),
            (&["show", "-c", "a.toml"], Task::Show(Some(file()), Overrides::default())),
            (&["show", "-w", "2"], Task::Show(None, overrides(Some(2), false))),
            (&["completions", "zsh"], Task::Completions(Shell::Zsh)),
            (&["man"], Task::Man),
            (&["status", "-c", "a.toml"], Task::Ask(Order::Status, Place::File(file()))),
            (&["reload", "--socket", "a"], Task::Ask(Order::Reload, Place::Socket("a".into()))),
            (&["stop", "-c", "a.toml"], Task::Ask(Order::Stop { now: false }, Place::File(file()))),
            (
                &["stop", "--now", "--socket", "a"],
                Task::Ask(Order::Stop { now: true }, Place::Socket("a".into())),
            ),
        ] {
            assert_eq!(task(arguments).unwrap(), expected, "{arguments:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            &["--workers", "0"][..],
            &["--workers", "many"],
            &["--listen", "1337"],
            &["--listen", "localhost:1337"],
            &["--root"],
            &["--tls-cert", "a.pem"],
            &["--tls-key", "a.key"],
            &["--tls-self-signed", "--tls-cert", "a.pem", "--tls-key", "a.key"],
            &["--tls-self-signed", "--tls-key", "a.key"],
            &["--redirect-http", "[::]:80"],
            &["--tls-self-signed", "--redirect-http", "80"],
            &["public"],
            &["-c"],
            &["-c", "a.toml", "--listen", "127.0.0.1:80"],
            &["-c", "a.toml", "--host", "a"],
            &["-c", "a.toml", "--root", "public"],
            &["-c", "a.toml", "--trusted-proxy", "10.0.0.1"],
            &["-c", "a.toml", "--tls-self-signed"],
            &["-c", "a.toml", "--acme-webroot", "a"],
            &["--cluster", "http://localhost"],
            &["-c", "a.toml", "--cluster", "nats://localhost"],
            &["check"],
            &["run"],
            &["run", "--processes", "0", "php"],
            &["run", "--lines", "--processes", "2", "cat"],
            &["-d", "check", "a.toml"],
            &["defaults", "a.toml"],
            &["completions"],
            &["completions", "cmd"],
            &["man", "aerys"],
            &["stop"],
            &["status", "-c", "a.toml", "--socket", "a"],
            &["reload", "--now", "-c", "a.toml"],
        ] {
            assert_eq!(settings(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
