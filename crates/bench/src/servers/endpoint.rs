//! What is served under which path.

/// The endpoints of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Each message comes back to its sender.
    Echo,
    /// Each message goes to everyone.
    Broadcast,
}

impl Endpoint {
    /// The endpoint on a path.
    pub(super) fn on(path: &str) -> Option<Self> {
        match path {
            "/echo" => Some(Self::Echo),
            "/broadcast" => Some(Self::Broadcast),
            _ => None,
        }
    }
}
