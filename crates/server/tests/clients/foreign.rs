//! The client programs beside these tests, and what they are installed with.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{process::Command, sync::OnceCell};

use crate::program::{Ended, Program};

/// A client program, by the language it is in. Each is told what to do, where, and what to offer for
/// compression: `false` for none, `true` for what its library offers by itself, or the parameters of
/// RFC 7692 §7.1 that are to be otherwise. It opens a connection for each offer, one after another.
///
/// * `echo`: say messages of many kinds and sizes, and be sure of each answer;
/// * `measure`: say a long text, then twice the same noise, and tell what each has cost;
/// * `wait`: wait until it is closed;
/// * `sing NAME COUNT`: answer a `sing` with a song, and leave after so many songs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    Node,
}

/// What a client program tells at the end of each connection, as one line of JSON.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    /// The server's `Sec-WebSocket-Extensions`.
    pub(crate) extensions: String,
    /// Bytes written and read after the handshake.
    pub(crate) passed: (u64, u64),
    /// Code and reason.
    pub(crate) closed: String,
    /// The same for each message that was measured.
    #[serde(default)]
    pub(crate) costs: Vec<(u64, u64)>,
    /// Whose songs were heard, in alphabetical order.
    #[serde(default)]
    pub(crate) heard: Vec<String>,
}

impl Language {
    /// Runs the client program to its end, with one connection.
    pub(crate) async fn run(self, what: &[&str], url: &str, offer: Value) -> Told {
        let program = self.start(what, url, &[offer]).await;
        tell(program).await
    }

    /// Starts the client program.
    pub(crate) async fn start(self, what: &[&str], url: &str, offers: &[Value]) -> Program {
        let [what, more @ ..] = what else { panic!("it has to be told what to do") };
        let offers = json!(offers).to_string();
        self.start_file("client", &[&[*what, url, &offers], more].concat()).await
    }

    /// Starts a program of this name.
    pub(crate) async fn start_file(self, name: &str, arguments: &[&str]) -> Program {
        let installed = self.installed().await;
        let sources = Path::new(SOURCES);
        let mut command = match self {
            Self::Python => Command::new(installed.join("python/bin/python")),
            Self::Node => Command::new("node"),
        };
        match self {
            Self::Python => command.arg(sources.join("python").join(name).with_extension("py")),
            Self::Node => command
                .arg(sources.join("node").join(name).with_extension("js"))
                .env("NODE_PATH", installed.join("node/node_modules")),
        };
        command.args(arguments);
        Program::start(&mut command, "it is not there, although it was installed")
    }

    /// Where it is installed, once it is.
    async fn installed(self) -> PathBuf {
        static PYTHON: OnceCell<Result<(), String>> = OnceCell::const_new();
        static NODE: OnceCell<Result<(), String>> = OnceCell::const_new();
        let (once, name) = match self {
            Self::Python => (&PYTHON, "python"),
            Self::Node => (&NODE, "node"),
        };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in `target`");
        let target = target.join("clients");
        let installed = once.get_or_init(|| install(name, &target)).await;
        installed.clone().unwrap_or_else(|why| panic!("{why}"));
        target
    }
}

/// What a client program tells of its only connection.
pub(crate) async fn tell(program: Program) -> Told {
    tell_each(program).await.pop().expect("it had a connection")
}

/// What a client program tells of each of its connections.
pub(crate) async fn tell_each(program: Program) -> Vec<Told> {
    let told = program.success().await;
    let read = |line| serde_json::from_str(line).unwrap_or_else(|it| panic!("{it} in {told:?}"));
    told.lines().map(read).collect()
}

async fn install(name: &str, target: &Path) -> Result<(), String> {
    let mut command = Command::new("bash");
    command.arg(Path::new(SOURCES).join("setup.sh")).arg(target).arg(name);
    let setup = Program::start(&mut command, "These tests need bash: apt-get install bash");
    let Ended { code, output, errors } = setup.end(INSTALLING).await;
    if code == Some(0) { Ok(()) } else { Err(format!("{errors}{output}")) }
}

/// The folder of these tests.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// How long downloads may take.
const INSTALLING: Duration = Duration::from_secs(300);
