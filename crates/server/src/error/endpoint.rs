//! Why there is no such endpoint.

/// Why [`Running::endpoint`](crate::Running::endpoint) has none to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No application is mounted there.
    #[error(
        "no application is mounted on {path:?}: ask for a path as `Host::websocket` was given it"
    )]
    Unknown {
        /// What was asked for.
        path: String,
    },
    /// The clients of the application have a state of another type.
    #[error(
        "the clients at {path:?} have a state of the type `{state}`: ask for an `Endpoint<{state}>`"
    )]
    OtherState {
        /// What was asked for.
        path: String,
        /// The type of its clients' state.
        state: &'static str,
    },
}
