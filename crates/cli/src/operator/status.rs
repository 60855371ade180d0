//! How a server is, as a person reads it.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Status {
    version: String,
    pub(super) process: i32,
    state: String,
    /// In seconds.
    uptime: u64,
    listeners: Vec<String>,
    admin_page: Option<String>,
    endpoints: Vec<Endpoint>,
    limits_hit: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Endpoint {
    host: String,
    path: String,
    clients: usize,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, process, state, uptime, .. } = self;
        writeln!(f, "aerys {version}, process {process}: {state}, up for {}", Uptime(*uptime))?;
        for listener in &self.listeners {
            writeln!(f, "listening on {listener}")?;
        }
        if let Some(url) = &self.admin_page {
            writeln!(f, "admin page on {url}")?;
        }
        let name = |it: &Endpoint| format!("{}{}", it.host, it.path);
        let names: Vec<_> = self.endpoints.iter().map(name).collect();
        let width = names.iter().map(|it| it.chars().count()).fold("endpoint".len(), usize::max);
        writeln!(f, "{:width$}  {:>7}", "endpoint", "clients")?;
        for (name, Endpoint { clients, .. }) in names.iter().zip(&self.endpoints) {
            writeln!(f, "{name:width$}  {clients:>7}")?;
        }
        for (limit, times) in self.limits_hit.iter().filter(|(_, times)| **times > 0) {
            writeln!(f, "limit of {limit} reached {times} times")?;
        }
        Ok(())
    }
}

/// In the units of the configuration file, the largest two.
struct Uptime(u64);

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours) = (self.0 / 86_400, self.0 / 3600 % 24);
        match (days, hours, self.0 / 60 % 60, self.0 % 60) {
            (0, 0, 0, seconds) => write!(f, "{seconds} s"),
            (0, 0, minutes, seconds) => write!(f, "{minutes} min {seconds} s"),
            (0, hours, minutes, _) => write!(f, "{hours} h {minutes} min"),
            (days, hours, ..) => write!(f, "{days} d {hours} h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_has_its_largest_two_units() {
        for (seconds, text) in
            [(0, "0 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(Uptime(seconds).to_string(), text);
        }
    }
}
