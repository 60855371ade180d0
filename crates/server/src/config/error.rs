//! What is wrong with a file, or with what a program has registered for it.

use std::{fmt, io, path::PathBuf};

use crate::error::ServerError;

/// Why a [`Config`](super::Config) makes no server.
///
/// What a person at a terminal has to know is in its `Display`, and no more: for [`Faults`](Self::Faults) a line for
/// each, as compilers write them.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What is in the file makes no sense.
    #[error("{}", Lines(path, faults))]
    Faults {
        /// The file, as it was given.
        path: PathBuf,
        /// All that was found, in the order of its lines.
        faults: Vec<ConfigFault>,
    },
    /// [`Config::default_options`](super::Config::default_options) was called for an application that is not there.
    #[error(
        "`Config::default_options` names the application {name:?}, which is not registered: call \
         `Config::application` with that name"
    )]
    Unregistered {
        /// The name.
        name: String,
    },
    /// The server did not start, or did not stop as it should.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigFault {
    /// From 1 on.
    pub line: usize,
    /// From 1 on, in characters.
    pub column: usize,
    /// What is wrong, and what to write.
    pub sentence: String,
}

/// The sentences themselves: they are what a `main` that returns the error prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Lines<'a>(&'a PathBuf, &'a [ConfigFault]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, faults) = self;
        for (index, ConfigFault { line, column, sentence }) in faults.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}:{column}: {sentence}", path.display())?;
        }
        Ok(())
    }
}
