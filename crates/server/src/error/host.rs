//! Why a host's redirects or headers make no sense.

use crate::address::PathError;

/// Why a [`Host::redirect`](crate::Host::redirect) makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// No request could be for the path.
    #[error("no request can be for the path: {0}")]
    Path(PathError),
    /// It is not one path.
    #[error(
        "{from:?} is redirected as it stands, and has no parameters: write each path by itself"
    )]
    Parameter {
        /// The path.
        from: String,
    },
    /// Nobody can be sent there.
    #[error(
        "nobody can be sent to {to:?}: write a path such as \"/new\" or a URL such as \"https://mysite.com/new\""
    )]
    Target {
        /// Where it should lead.
        to: String,
    },
    /// It would be asked for again and again.
    #[error("{from:?} leads to itself")]
    Circle {
        /// The path.
        from: String,
    },
    /// It leads to two places.
    #[error("{from:?} is redirected twice")]
    Twice {
        /// The path.
        from: String,
    },
}

/// Why a [`Host::header`](crate::Host::header) makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileHeaderError {
    /// RFC 9110 §5.1: a name is a token.
    #[error("{name:?} is no name of a header: it is made of letters, digits and !#$%&'*+-.^_`|~")]
    Name {
        /// The name.
        name: String,
    },
    /// RFC 9110 §5.5.
    #[error("the value of {name:?} has characters that no header has")]
    Value {
        /// The name.
        name: String,
    },
    /// It says something about one file, or about a connection.
    #[error(
        "{name:?} is for the server itself to set, since it is another for each file or connection; a Cache-Control is \
         said by the root's `cache_control`"
    )]
    Reserved {
        /// The name.
        name: String,
    },
}
