//! Why a server goes on as it was.

/// Why a server does not serve what it was [told to](crate::Reloader::reload).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// What was to be served makes no sense, or cannot be had.
    #[error("{0}")]
    Refused(String),
    /// Nobody has said what would be served.
    #[error(
        "the server does not reload: wait for its end with `Running::until_signalled_reloading`"
    )]
    NotReloading,
}
