//! Why a document root makes no sense.

use std::io;

/// Why a [`Root`](crate::Root) makes no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// The fallback is no file in the folder that can be served.
    #[error("the fallback {file:?} cannot be served from it: {cause}")]
    Fallback {
        /// The file asked for.
        file: String,
        /// What the system said.
        cause: io::Error,
    },
    /// No file's path can match a pattern.
    #[error(
        "the pattern {pattern:?} of a Cache-Control matches no file: write a path such as \
         \"/assets/*\" or an end such as \"*.html\", where * is for any characters"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// A `Cache-Control` cannot be sent.
    #[error("{value:?} is no value of a header: write one such as \"max-age=3600\"")]
    CacheControl {
        /// The value.
        value: String,
    },
}
