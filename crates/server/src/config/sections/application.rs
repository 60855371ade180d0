//! `[host.websocket.application]`: the name of an application, or what is started to be one.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::config::{
    format::{Count, FilePath, Flag, IfWritten, Many, OrFalse, Pairs, Period, Size, Text},
    keys::{Keys, Section},
    programs::ProgramSettings,
};

#[derive(Debug)]
pub(in crate::config) struct ApplicationSection {
    /// Of one that the program has registered.
    pub(in crate::config) name: Option<String>,
    /// Empty for one that has a name.
    pub(in crate::config) command: Vec<String>,
    lines: bool,
    processes: u16,
    shard_by: Option<String>,
    folder: Option<PathBuf>,
    environment: Vec<(String, String)>,
    user: Option<u32>,
    group: Option<u32>,
    shared: Option<String>,
    endpoint: u16,
    start_period: Duration,
    heartbeat_period: Duration,
    stuck_period: Duration,
    stop_period: Duration,
    drain_period: Duration,
    max_frame: usize,
    max_queued_bytes: usize,
}

impl ApplicationSection {
    /// The name, or nothing.
    pub(in crate::config) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// What is to be started for an endpoint, in the folder that the file is in unless it says otherwise; `None` for one
    /// that has a name.
    pub(in crate::config) fn program(
        &self,
        host: &str,
        path: &str,
        folder: &Path,
    ) -> Option<ProgramSettings> {
        if self.command.is_empty() {
            return None;
        }
        Some(ProgramSettings {
            host: host.to_owned(),
            path: path.to_owned(),
            command: self.command.clone(),
            lines: self.lines,
            processes: self.processes,
            shard_by: self.shard_by.clone(),
            folder: self.folder.clone().unwrap_or_else(|| folder.to_owned()),
            environment: self.environment.clone(),
            user: self.user,
            group: self.group,
            shared: self.shared.clone(),
            endpoint: self.endpoint,
            start_period: self.start_period,
            heartbeat_period: self.heartbeat_period,
            stuck_period: self.stuck_period,
            stop_period: self.stop_period,
            drain_period: self.drain_period,
            max_frame: self.max_frame,
            max_queued_bytes: self.max_queued_bytes,
        })
    }
}

impl Section for ApplicationSection {
    const NAME: &'static str = "an application";
    const SHORT: Option<&'static str> = Some("name");

    fn new() -> Self {
        Self {
            name: None,
            command: Vec::new(),
            lines: false,
            processes: 1,
            shard_by: None,
            folder: None,
            environment: Vec::new(),
            user: None,
            group: None,
            shared: None,
            endpoint: 1,
            start_period: Duration::from_secs(10),
            heartbeat_period: Duration::from_secs(2),
            stuck_period: Duration::from_secs(30),
            stop_period: Duration::from_secs(3),
            drain_period: Duration::from_secs(3600),
            max_frame: 16 << 20,
            max_queued_bytes: 1 << 20,
        }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let variables = Pairs(|_, _| Ok(()), "a table of variables, as in { COLOUR = \"blue\" }");
        keys.key("name", IfWritten(Text("the name of an application")), &mut self.name);
        keys.key("command", Many(Text("a text")), &mut self.command);
        keys.key("lines", Flag, &mut self.lines);
        keys.key("processes", Count(1..=u16::MAX.into()), &mut self.processes);
        let param = IfWritten(Text("the name of a parameter of the path"));
        keys.key("shard_by", param, &mut self.shard_by);
        keys.key("folder", IfWritten(FilePath), &mut self.folder);
        keys.key("env", variables, &mut self.environment);
        keys.key("user", OrFalse(Count::ANY), &mut self.user);
        keys.key("group", OrFalse(Count::ANY), &mut self.group);
        keys.key("shared", IfWritten(Text("a name that endpoints share")), &mut self.shared);
        keys.key("endpoint", Count(1..=u16::MAX.into()), &mut self.endpoint);
        keys.key("start_period", Period::Some, &mut self.start_period);
        keys.key("heartbeat_period", Period::Some, &mut self.heartbeat_period);
        keys.key("stuck_period", Period::Some, &mut self.stuck_period);
        keys.key("stop_period", Period::Some, &mut self.stop_period);
        keys.key("drain_period", Period::Some, &mut self.drain_period);
        keys.key("max_frame", Size(1024), &mut self.max_frame);
        keys.key("max_queued_bytes", Size(1), &mut self.max_queued_bytes);
    }
}
