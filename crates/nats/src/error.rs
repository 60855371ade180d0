//! Why there can be no such bus.

/// Why a [`NatsBus`](crate::NatsBus) could not be made. That a server is not there is none of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// There is no server to connect to.
    #[error("a bus needs a server of NATS, such as \"nats://10.0.0.7:4222\"")]
    NoServer,
    /// This is no address of one.
    #[error("{given:?} is no address of a server of NATS, such as \"nats://10.0.0.7:4222\"")]
    Address {
        /// As it was given, without what stands before an `@`.
        given: String,
    },
    /// Subjects cannot begin so.
    #[error(
        "subjects cannot begin with {given:?}: write letters, digits, `-` and `_`, in parts between single dots"
    )]
    Prefix {
        /// As it was given.
        given: String,
    },
}
