//! `[log]`: what the program that has the log is to do with it.

use crate::config::{
    format::{Flag, OneOf, Pairs},
    keys::{Keys, Section},
};

/// What a file says of the log. The library has no log of its own: it is for the program's `tracing` subscriber.
///
/// ```
/// # fn main() -> Result<(), aerys::ConfigError> {
/// let config = aerys::Config::parse("[log]\nformat = \"json\"\ntargets = { aerys = \"debug\" }\n")?;
/// assert!(config.log().is_json());
/// assert_eq!(config.log().filter(), "warn,aerys=debug");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    is_json: bool,
    level: &'static str,
    targets: Vec<(String, String)>,
    pub(in crate::config) has_access: bool,
}

const LEVELS: [(&str, &str); 6] = [
    ("off", "off"),
    ("error", "error"),
    ("warn", "warn"),
    ("info", "info"),
    ("debug", "debug"),
    ("trace", "trace"),
];

impl Log {
    /// Whether each line is to be an object of JSON, for a machine, and not a text.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Which lines are to be shown, as `tracing_subscriber::EnvFilter` has it: a level, and others for some
    /// targets, as in `warn,aerys=debug`. Default `warn`. With [access](crate::Server::access_log) they are among them.
    pub fn filter(&self) -> String {
        let access = if self.has_access { ",aerys::access=info" } else { "" };
        let targets = self.targets.iter().map(|(target, level)| format!(",{target}={level}"));
        // Of what there is twice, the last is in force.
        self.level.to_owned() + access + &targets.collect::<String>()
    }
}

/// As where a file says nothing.
impl Default for Log {
    fn default() -> Self {
        Section::new()
    }
}

impl Section for Log {
    const NAME: &'static str = "[log]";

    fn new() -> Self {
        Self { is_json: false, level: "warn", targets: Vec::new(), has_access: false }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let targets = Pairs(check_target, "a table of targets, as in { aerys = \"debug\" }");
        keys.key("format", OneOf(&[("text", false), ("json", true)]), &mut self.is_json);
        keys.key("level", OneOf(&LEVELS), &mut self.level);
        keys.key("targets", targets, &mut self.targets);
        keys.key("access", Flag, &mut self.has_access);
    }
}

fn check_target(target: &str, level: &str) -> Result<(), String> {
    let is_path = |it: char| it.is_ascii_alphanumeric() || "_-:".contains(it);
    if target.is_empty() || !target.chars().all(is_path) {
        return Err(format!(
            "{target:?} is no target: write a module such as \"aerys::http_server\""
        ));
    }
    if !LEVELS.iter().any(|(name, _)| *name == level) {
        let levels: Vec<_> = LEVELS.iter().map(|(name, _)| format!("{name:?}")).collect();
        return Err(format!("the level of {target:?} is {level:?}: write {}", levels.join(" or ")));
    }
    Ok(())
}
