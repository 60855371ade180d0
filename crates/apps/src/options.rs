//! What can be set for an application that runs in processes of its own.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

/// Names by which a supervisor speaks to the server, and which are none of the application's.
pub(crate) const SERVERS_OWN: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// An application's processes: what is started, how many of them, and what is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ProcessOptions {
    pub(crate) command: Vec<OsString>,
    pub(crate) processes: u16,
    pub(crate) shard_by: Option<String>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) start_period: Duration,
    pub(crate) heartbeat_period: Duration,
    pub(crate) stuck_period: Duration,
    pub(crate) stop_period: Duration,
    pub(crate) drain_period: Duration,
    pub(crate) max_frame: usize,
    pub(crate) max_queued_bytes: usize,
}

/// Why processes cannot be had in this way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// There is nothing to start.
    #[error(
        "the command is empty: write the program and its arguments, as in [\"php\", \"chat.php\"]"
    )]
    NoCommand,
    /// A number is zero that must not be.
    #[error("{0} is zero, which nothing can be done with")]
    Zero(&'static str),
    /// Frames could not carry a message.
    #[error("max_frame is {0} bytes: it is 1024 at least, and less than 4 GiB")]
    MaxFrame(usize),
    /// The program is nowhere.
    #[error("there is no program {program:?}{place}: install it, or write its path")]
    NoProgram {
        /// As it was given.
        program: String,
        /// Where it was looked for.
        place: &'static str,
    },
    /// The working folder is none.
    #[error("{0:?}, where the processes are to work, is no folder")]
    NoFolder(PathBuf),
}

impl ProcessOptions {
    /// Starts this program with these arguments.
    ///
    /// ```
    /// use aerys_apps::ProcessOptions;
    ///
    /// let options = ProcessOptions::new(["php", "chat.php"]).processes(2).folder("/srv/chat");
    /// ```
    pub fn new(command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            processes: 1,
            shard_by: None,
            folder: None,
            environment: Vec::new(),
            user: None,
            group: None,
            start_period: Duration::from_secs(10),
            heartbeat_period: Duration::from_secs(2),
            stuck_period: Duration::from_secs(30),
            stop_period: Duration::from_secs(3),
            drain_period: Duration::from_secs(3600),
            max_frame: 16 << 20,
            max_queued_bytes: 1 << 20,
        }
    }

    /// How many processes share the clients. Each client stays with one; what a process keeps is its own. Default 1.
    pub fn processes(mut self, processes: u16) -> Self {
        self.processes = processes;
        self
    }

    /// Has clients with the same value of this path parameter in the same process, as those of a room. Default is to
    /// give each to the process with the fewest.
    pub fn shard_by(mut self, param: impl Into<String>) -> Self {
        self.shard_by = Some(param.into());
        self
    }

    /// The processes' working folder. Default is the server's.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Adds a variable to the environment, which otherwise is the server's.
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Whom the processes run as, by number; for a server that may change that. Default is the server's user.
    pub fn user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// Their group, by number. Default is the server's.
    pub fn group(mut self, group: u32) -> Self {
        self.group = Some(group);
        self
    }

    /// How long a process may take to say HELLO, and as long again to be READY. Default 10 s.
    pub fn start_period(mut self, period: Duration) -> Self {
        self.start_period = period;
        self
    }

    /// How often a process is asked whether it is there. Default 2 s.
    pub fn heartbeat_period(mut self, period: Duration) -> Self {
        self.heartbeat_period = period;
        self
    }

    /// How long it may take to answer that; then it is killed. Default 30 s.
    pub fn stuck_period(mut self, period: Duration) -> Self {
        self.stuck_period = period;
        self
    }

    /// How long a process may take to end once its stream is closed; then it gets a TERM, and five seconds later a
    /// KILL. Default 3 s.
    pub fn stop_period(mut self, period: Duration) -> Self {
        self.stop_period = period;
        self
    }

    /// How long clients may stay with an old process on a reload; then they are closed with 1012. Default 1 h.
    pub fn drain_period(mut self, period: Duration) -> Self {
        self.drain_period = period;
        self
    }

    /// The longest frame, in bytes, either way. Default 16 MiB.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    /// How many bytes may wait for a process to take them. Then clients' messages wait where they are, and what the
    /// process says is not read. Default 1 MiB.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    /// Whether processes can be had in this way, as far as that is known before one is started.
    ///
    /// # Errors
    ///
    /// [`OptionsError`], which says what to write.
    pub fn check(&self) -> Result<(), OptionsError> {
        let zeros = [
            ("processes", self.processes == 0),
            ("start_period", self.start_period.is_zero()),
            ("heartbeat_period", self.heartbeat_period.is_zero()),
            ("stuck_period", self.stuck_period.is_zero()),
            ("max_queued_bytes", self.max_queued_bytes == 0),
        ];
        if let Some((name, _)) = zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(OptionsError::Zero(name));
        }
        if !(1024..u32::MAX as usize).contains(&self.max_frame) {
            return Err(OptionsError::MaxFrame(self.max_frame));
        }
        if let Some(folder) = self.folder.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(OptionsError::NoFolder(folder.clone()));
        }
        self.find_program()
    }

    fn find_program(&self) -> Result<(), OptionsError> {
        let Some(program) = self.command.first().filter(|it| !it.is_empty()) else {
            return Err(OptionsError::NoCommand);
        };
        let missing = |place| {
            let program = program.to_string_lossy().into_owned();
            Err(OptionsError::NoProgram { program, place })
        };
        if program.as_encoded_bytes().contains(&b'/') {
            let folder = self.folder.clone().unwrap_or_default();
            return if folder.join(program).is_file() { Ok(()) } else { missing("") };
        }
        let path = self.environment.iter().rev().find(|(name, _)| name == "PATH");
        let path = path.map(|(_, value)| value.clone()).or_else(|| std::env::var_os("PATH"));
        // Without one the system has a usual path, which it alone knows.
        let Some(path) = path else { return Ok(()) };
        let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
        if is_there { Ok(()) } else { missing(" on the PATH") }
    }

    /// What it is called in the log: what tells it from others.
    pub(crate) fn name(&self) -> String {
        let words: Vec<_> = self.command.iter().map(|it| it.to_string_lossy()).collect();
        words.join(" ")
    }

    pub(crate) fn program(&self) -> &OsStr {
        self.command.first().map_or(OsStr::new(""), |it| it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_never_run_is_told() {
        let sh = || ProcessOptions::new(["sh"]);
        for (options, sentence) in [
            (ProcessOptions::new([""; 0]), "the command is empty"),
            (ProcessOptions::new([""]), "the command is empty"),
            (sh().processes(0), "processes is zero"),
            (sh().start_period(Duration::ZERO), "start_period is zero"),
            (sh().max_queued_bytes(0), "max_queued_bytes is zero"),
            (sh().max_frame(1000), "max_frame is 1000 bytes"),
            (sh().folder("/nowhere at all"), "\"/nowhere at all\", where the processes"),
            (
                ProcessOptions::new(["no-such-program"]),
                "there is no program \"no-such-program\" on the PATH",
            ),
            (ProcessOptions::new(["/no/such"]), "there is no program \"/no/such\":"),
        ] {
            let told = options.check().expect_err(sentence).to_string();
            assert!(told.starts_with(sentence), "{told}");
        }
        assert_eq!(sh().check(), Ok(()));
    }
}
