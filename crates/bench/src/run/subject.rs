//! What is measured: this program's own servers, and whatever else a command starts.

use std::str::FromStr;

use anyhow::{Result, bail, ensure};

use crate::servers::{Features, NAMES, features};

/// The longest name that tables and plots have room for, in bytes.
const NAME: usize = 20;

/// The name of aerys as it is built without link-time optimization.
pub(crate) const PLAIN: &str = "aerys-plain";

/// One server that is put through scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) features: Features,
    /// What starts it, for the shell; `None` for one of this program's own.
    pub(crate) command: Option<String>,
}

impl Subject {
    /// All of this program's own servers, in the order in which they are reported.
    pub(crate) fn own() -> impl Iterator<Item = Self> {
        NAMES.iter().filter_map(|&name| {
            Some(Self { name: name.to_owned(), features: features(name)?, command: None })
        })
    }

    /// Aerys as another build of this program has it.
    pub(crate) fn plain(program: &str) -> Self {
        let quoted = program.replace('\'', r"'\''");
        Self::foreign(PLAIN, &format!("'{quoted}' serve aerys --address 127.0.0.1:$PORT"))
    }

    fn foreign(name: &str, command: &str) -> Self {
        Self { name: name.to_owned(), features: Features::PEER, command: Some(command.to_owned()) }
    }
}

/// A peer, as in `NAME=COMMAND`.
impl FromStr for Subject {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((name, command)) = text.split_once('=') else { bail!("no `=` after a name") };
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        ensure!(
            (1..=NAME).contains(&name.len()) && name.chars().all(is_part),
            "a name is 1 to {NAME} letters, digits, dots, hyphens and underscores"
        );
        ensure!(name != PLAIN && !NAMES.contains(&name), "{name} is the name of another server");
        ensure!(!command.trim().is_empty(), "no command after `{name}=`");
        Ok(Self::foreign(name, command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_name_and_a_command_that_may_hold_anything() {
        let peer: Subject = "uws=env A=1 ./uws --port $PORT".parse().unwrap();
        assert_eq!(peer, Subject::foreign("uws", "env A=1 ./uws --port $PORT"));
    }

    #[test]
    fn a_peer_without_a_name_of_its_own_or_a_command_is_refused() {
        for (text, why) in [
            ("./uws", "no `=` after a name"),
            ("=./uws", "a name is 1 to 20"),
            ("a|b=./uws", "a name is 1 to 20"),
            ("a-name-of-too-many-letters=./uws", "a name is 1 to 20"),
            ("axum=./uws", "axum is the name of another server"),
            ("aerys-plain=./uws", "aerys-plain is the name of another server"),
            ("uws= ", "no command after `uws=`"),
        ] {
            let refused = text.parse::<Subject>().unwrap_err().to_string();
            assert!(refused.starts_with(why), "{text}: {refused}");
        }
    }
}
