//! What is measured: the server with an application in Rust, with one in each language, and that language's own servers.

use std::{fmt, path::Path, str::FromStr};

use anyhow::{Context as _, Result, bail};

use crate::run::Subject;

/// What an application is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Language {
    Php,
    Python,
    Node,
}

/// A server, and what it echoes by.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    pub(super) subject: Subject,
    pub(super) language: Option<Language>,
    /// Whether it is ours, with a process of that language.
    pub(super) has_process: bool,
    /// Whether its application waits for each send.
    pub(super) awaits: bool,
    /// Whether the language is run in another way than its peers are.
    pub(super) is_tuned: bool,
}

/// A language's own server.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    language: Language,
    subject: Subject,
}

impl Language {
    pub(super) const ALL: [Self; 3] = [Self::Php, Self::Python, Self::Node];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Php => "php",
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    /// What has it run faster than it is run as it comes, and by what name.
    fn tuned(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Php => Some((
                "jit",
                "-d opcache.enable_cli=1 -d opcache.jit=tracing -d opcache.jit_buffer_size=32M",
            )),
            Self::Python | Self::Node => None,
        }
    }

    /// What runs a program of it, and what its files end in.
    pub(super) fn runs(self) -> (&'static str, &'static str) {
        match self {
            Self::Php => ("php", "php"),
            Self::Python => ("python3", "py"),
            Self::Node => ("node", "mjs"),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Php => "PHP",
            Self::Python => "Python",
            Self::Node => "Node.js",
        })
    }
}

/// All of them, in the order in which they are measured.
pub(super) fn contenders(aerys: &Path, adapters: &Path, peers: &[Peer]) -> Result<Vec<Contender>> {
    let own = |name: &str, awaits| {
        let subject = Subject::own().find(|it| it.name == name).context("there is no such server");
        subject.map(|subject| Contender {
            subject,
            language: None,
            has_process: false,
            awaits,
            is_tuned: false,
        })
    };
    let mut all = vec![own("aerys", false)?, own("aerys-await", true)?];
    for language in Language::ALL {
        let (program, ending) = language.runs();
        let name = language.name();
        let awaiting = adapters.join(name).join(format!("examples/echo.{ending}"));
        let nowait = adapters.join(format!("tests/programs/echo_nowait.{ending}"));
        let mut add = |suffix: &str, flags: &str, file: &Path, awaits| -> Result<()> {
            let command = format!(
                "'{}' run --listen 127.0.0.1:$PORT --path /echo --workers 1 {program} {flags} '{}'",
                aerys.display(),
                file.display()
            );
            all.push(Contender {
                subject: format!("aerys-{name}{suffix}={command}").parse()?,
                language: Some(language),
                has_process: true,
                awaits,
                is_tuned: !flags.is_empty(),
            });
            Ok(())
        };
        add("-await", "", &awaiting, true)?;
        add("", "", &nowait, false)?;
        if let Some((how, flags)) = language.tuned() {
            add(&format!("-{how}"), flags, &nowait, false)?;
        }
    }
    all.extend(peers.iter().map(|Peer { language, subject }| Contender {
        subject: subject.clone(),
        language: Some(*language),
        has_process: false,
        awaits: false,
        is_tuned: false,
    }));
    Ok(all)
}

/// As in `LANGUAGE:NAME=COMMAND`.
impl FromStr for Peer {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((language, subject)) = text.split_once(':') else {
            bail!("no `:` after a language")
        };
        let language = Language::ALL.into_iter().find(|it| it.name() == language);
        let language = language.context("the languages are php, python and node")?;
        Ok(Self { language, subject: subject.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_language_a_name_and_a_command() {
        let peer: Peer = "php:ratchet=php server.php $PORT:1".parse().unwrap();
        assert_eq!((peer.language, &*peer.subject.name), (Language::Php, "ratchet"));
        for (text, why) in [
            ("ratchet=php server.php", "no `:`"),
            ("perl:mojo=perl server.pl", "the languages are"),
            ("php:ratchet", "no `=`"),
        ] {
            let refused = text.parse::<Peer>().unwrap_err().to_string();
            assert!(refused.starts_with(why), "{text}: {refused}");
        }
    }
}
