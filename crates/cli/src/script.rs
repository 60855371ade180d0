//! A program that says what is to be served, in the place of a file: `aerys -c site.php`.
//!
//! It is started once to be heard, and what it says becomes a configuration file; then it is started to be the
//! application of all endpoints.

use std::{
    fmt, io,
    path::{self, Path, PathBuf},
};

use aerys::ConfigError;
use aerys_apps::{ProcessOptions, probe};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::adapters;

/// What the processes of all endpoints have in common.
const SHARED: &str = "site";

/// Such a program.
pub(crate) struct Script {
    /// As it was given.
    file: PathBuf,
    command: Vec<String>,
    folder: PathBuf,
}

/// What it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    hosts: Vec<Host>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    name: Option<String>,
    #[serde(default = "http_port")]
    port: u16,
    #[serde(default = "any_address")]
    address: String,
    #[serde(default)]
    roots: Vec<String>,
    #[serde(default)]
    websockets: Vec<Websocket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Websocket {
    endpoint: u16,
    path: String,
    #[serde(default)]
    options: Map<String, Value>,
}

/// Why there is nothing to be served.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("the adapter for PHP is nowhere: name its folder in AERYS_ADAPTERS")]
    NoAdapter,
    #[error("it says nothing of what is to be served: it is an application, and no configuration")]
    NoConfig,
    #[error("what it says is to be served makes no sense: {0}")]
    Config(#[source] serde_json::Error),
    #[error("the host {0:?} has several folders of files, and there can be one")]
    Roots(String),
    #[error("{0:?} is no address to listen on")]
    Address(String),
}

fn http_port() -> u16 {
    80
}

fn any_address() -> String {
    "*".to_owned()
}

impl Script {
    /// What is in this file, unless that is a configuration itself.
    pub(crate) fn of(file: &Path) -> Option<Result<Self, ConfigError>> {
        if file.extension()? != "php" {
            return None;
        }
        let refused =
            |wrong: io::Error| ConfigError::Unreadable { path: file.to_owned(), cause: wrong };
        let made = || {
            let absolute = path::absolute(file)?;
            // Whether it is there, before anything else is said of it.
            std::fs::File::open(&absolute)?;
            let launcher =
                adapters::launcher().ok_or_else(|| io::Error::other(Wrong::NoAdapter))?;
            let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
            let text = |path: &Path| path.to_string_lossy().into_owned();
            let command = vec!["php".to_owned(), text(&launcher), text(&absolute)];
            Ok(Self { file: file.to_owned(), command, folder })
        };
        Some(made().map_err(refused))
    }

    /// What it says, as a configuration file.
    pub(crate) fn to_toml(&self) -> Result<String, ConfigError> {
        let refused = |cause| ConfigError::Unreadable { path: self.file.clone(), cause };
        self.hear().map_err(refused)
    }

    fn hear(&self) -> Result<String, io::Error> {
        let options = ProcessOptions::new(&self.command).folder(&self.folder);
        let hello = probe(&adapters::with_variables(options)).map_err(io::Error::other)?;
        let config = hello.config.ok_or_else(|| io::Error::other(Wrong::NoConfig))?;
        let site =
            Site::deserialize(config).map_err(|error| io::Error::other(Wrong::Config(error)))?;
        self.written(&site).map_err(io::Error::other)
    }

    fn written(&self, site: &Site) -> Result<String, Wrong> {
        let mut text = String::new();
        let mut addresses = Vec::new();
        for host in &site.hosts {
            let address = address(host)?;
            if !addresses.contains(&address) {
                text += &format!("[[listen]]\naddress = {}\n", Toml(&address.clone().into()));
                addresses.push(address);
            }
        }
        for host in &site.hosts {
            text += "[[host]]\n";
            text += &match &host.name {
                Some(name) => format!("name = {}\n", Toml(&name.clone().into())),
                None => "any = true\n".to_owned(),
            };
            match &host.roots[..] {
                [] => {}
                [root] => text += &format!("root = {}\n", Toml(&root.clone().into())),
                _ => return Err(Wrong::Roots(host.name.clone().unwrap_or_default())),
            }
            for websocket in &host.websockets {
                let mut options = websocket.options.clone();
                // What such a program mounts has checked the origin itself, if anybody has.
                options.entry("allowed_origins").or_insert_with(|| "any".into());
                text += &format!(
                    "[[host.websocket]]\npath = {}\n",
                    Toml(&websocket.path.clone().into())
                );
                let written = options.iter().filter(|(_, value)| !value.is_null());
                for (name, value) in written {
                    text += &format!("{} = {}\n", Toml(&name.clone().into()), Toml(value));
                }
                text += "[host.websocket.application]\n";
                text += &format!("command = {}\n", Toml(&self.command.clone().into()));
                let folder = self.folder.to_string_lossy().into_owned();
                text += &format!("folder = {}\n", Toml(&folder.into()));
                text += &format!("shared = {SHARED:?}\nendpoint = {}\n", websocket.endpoint);
            }
        }
        Ok(text)
    }
}

/// Where a host is listened for.
fn address(host: &Host) -> Result<String, Wrong> {
    let ip = match &*host.address {
        "*" => "0.0.0.0",
        other => other.trim_start_matches('[').trim_end_matches(']'),
    };
    let ip: std::net::IpAddr = ip.parse().map_err(|_| Wrong::Address(host.address.clone()))?;
    Ok(std::net::SocketAddr::new(ip, host.port).to_string())
}

/// A value, as a configuration file has it.
struct Toml<'v>(&'v Value);

impl fmt::Display for Toml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => {
                // What JSON writes TOML reads, but for one character, and a dollar has a meaning here.
                let text = Value::from(text.replace('$', "$$")).to_string();
                f.write_str(&text.replace('\u{7f}', "\\u007F"))
            }
            Value::Array(values) => {
                f.write_str("[")?;
                for value in values {
                    write!(f, "{}, ", Toml(value))?;
                }
                f.write_str("]")
            }
            Value::Object(pairs) => {
                f.write_str("{ ")?;
                for (index, (name, value)) in pairs.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{} = {}", Toml(&name.clone().into()), Toml(value))?;
                }
                f.write_str(" }")
            }
            other => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use aerys::Config;
    use serde_json::json;

    use super::*;

    fn written(said: Value) -> Result<String, String> {
        let folder = env!("CARGO_MANIFEST_DIR").into();
        let script =
            Script { file: "a.php".into(), command: vec!["sh".into(), "a$b.php".into()], folder };
        let site = Site::deserialize(said).map_err(|error| error.to_string())?;
        script.written(&site).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_program_says_is_a_sound_file() {
        let text = written(json!({ "hosts": [
            { "name": "a.example", "port": 1337, "address": "*", "roots": [env!("CARGO_MANIFEST_DIR")],
              "websockets": [
                { "endpoint": 1, "path": "/a", "options": { "max_frame_size": 4096, "heartbeat_period": false } },
                { "endpoint": 2, "path": "/b", "options": { "allowed_origins": ["https://b.example"], "subprotocols": null } },
              ] },
            { "name": null, "port": 1337, "websockets": [{ "endpoint": 3, "path": "/c" }] },
        ] }))
        .unwrap();
        let plan = aerys_apps::Programs::new().plan();
        let config = Config::parse(&*text).unwrap().programs(move |settings| plan.make(settings));
        let checked = config.check().unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(checked.to_string(), "1 listener, 2 hosts, 3 endpoints");
        let shown = config.to_toml().unwrap();
        for line in [
            "max_frame_size = \"4 KiB\"",
            "allowed_origins = \"any\"",
            "allowed_origins = [\"https://b.example\"]",
            "a$$b.php",
            "heartbeat_period = false",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
    }

    #[test]
    fn values_are_written_as_a_file_has_them() {
        let value = json!({ "a": ["$HOME", "\u{7f}\n\""], "b": { "c": true } });
        let written = r#"{ "a" = ["$$HOME", "\u007F\n\"", ], "b" = { "c" = true } }"#;
        assert_eq!(Toml(&value).to_string(), written);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (said, sentence) in [
            (json!({}), "missing field `hosts`"),
            (json!({ "hosts": [], "more": 1 }), "unknown field `more`"),
            (json!({ "hosts": [{ "name": "a", "address": "here" }] }), "\"here\" is no address"),
            (
                json!({ "hosts": [{ "name": "a", "roots": ["a", "b"] }] }),
                "the host \"a\" has several folders",
            ),
        ] {
            let told = written(said).expect_err(sentence);
            assert!(told.contains(sentence), "{told}");
        }
    }
}
