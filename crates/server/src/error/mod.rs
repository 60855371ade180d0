//! What can go wrong, named after who erred.

#[cfg(feature = "tls")]
mod certificate;
mod endpoint;
mod host;
mod join;
mod misuse;
mod not_queued;
mod query;
mod refusal;
mod reload;
mod root;
mod server;
mod show;

use std::{
    error::Error,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

#[cfg(feature = "tls")]
pub use self::certificate::{CertificateError, PemSource};
pub(crate) use self::misuse::Misuse;
pub use self::{
    endpoint::EndpointError,
    host::{FileHeaderError, RedirectError},
    join::JoinError,
    not_queued::NotQueued,
    query::QueryError,
    refusal::{NotARefusal, Refusal, Status},
    reload::ReloadError,
    root::RootError,
    server::ServerError,
    show::ShowError,
};

/// Why a message did not leave.
///
/// Let out of a handler with `?` it is silent: what became of the client is its own affair, and
/// nobody else's error. [`ClientGone`](Self::ClientGone) can be imported by itself:
///
/// ```
/// use aerys::{Client, ClientGone};
///
/// async fn greet(client: &Client) {
///     if let Err(ClientGone) = client.send("hello").await {
///         println!("{} did not wait", client.id());
///     }
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The client went before all of the message had been handed to the kernel.
    #[error("the client has gone")]
    ClientGone,
    /// The client is owed too much, and its endpoint drops messages then; see
    /// [`Overflow`](crate::Overflow).
    #[error("the message was dropped: the client is owed too much")]
    Dropped,
    /// A later message with the same key has taken its place before it was sent; see
    /// [`Send::key`](crate::command::Send::key).
    #[error("a later message with the same key was sent in its place")]
    Superseded,
}

/// Why a handler gave up: any type that implements [`Error`], by `?`; any other error by
/// `.map_err(Failure::new)?`.
///
/// The error is logged with the client's id and the client is closed with 1011; its text is never
/// sent. A [`SendError`] is the exception: it is silent.
///
/// ```
/// # use aerys::{Client, Failure};
/// async fn double(client: &Client, text: &str) -> Result<(), Failure> {
///     let number: i64 = text.parse()?;
///     client.send((number * 2).to_string()).await?;
///     Ok(())
/// }
/// ```
///
/// `anyhow::Error`, `Box<dyn Error + Send + Sync>` and `String` do not implement [`Error`]:
///
/// ```
/// # use aerys::{Client, Failure};
/// # use std::error::Error;
/// # fn load(name: &str) -> anyhow::Result<String> { Ok(name.to_owned()) }
/// # fn parse(text: &str) -> Result<i64, Box<dyn Error + Send + Sync>> { Ok(text.parse()?) }
/// # fn check(number: i64) -> Result<i64, String> { Ok(number) }
/// async fn double(client: &Client, name: &str) -> Result<(), Failure> {
///     let text = load(name).map_err(Failure::new)?; // anyhow::Error
///     let number = parse(&text).map_err(Failure::new)?; // Box<dyn Error + Send + Sync>
///     let number = check(number).map_err(Failure::new)?; // String
///     client.send((number * 2).to_string()).await?;
///     Ok(())
/// }
/// ```
///
/// A [`SendError`] in an `anyhow::Error` is not seen there, and not silent: send with `?` in the handler
/// itself, or in functions that return a `Failure` or a [`SendError`].
pub struct Failure(Box<dyn Error + Send + Sync>);

impl Failure {
    /// A failure for a reason given in words, or for an error that `?` does not take.
    ///
    /// ```
    /// use aerys::Failure;
    ///
    /// let in_words = Failure::new("no database");
    /// let in_anyhow = Failure::new(anyhow::anyhow!("no database"));
    /// assert_eq!(in_words.to_string(), in_anyhow.to_string());
    /// ```
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }

    /// The error itself.
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }

    /// Whether it is no news to anyone but the handler.
    pub(crate) fn is_silent(&self) -> bool {
        let (joining, showing) = (self.0.downcast_ref(), self.0.downcast_ref());
        self.0.is::<SendError>()
            || joining == Some(&JoinError::ClientGone)
            || showing == Some(&ShowError::ClientGone)
    }
}

/// An error that panics when it is dropped ends nothing but itself: who drops it is the server.
impl Drop for Failure {
    fn drop(&mut self) {
        let error = mem::replace(&mut self.0, Box::new(fmt::Error));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(error))) {
            // It may be of any type.
            mem::forget(panic);
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The error and what lies under it, in one line: `outer: middle: inner`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{SendError::ClientGone, *};

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] SendError);

    #[test]
    fn a_failure_is_shown_with_what_lies_under_it() {
        let failure = Failure::from(Outer(ClientGone));
        assert_eq!(failure.to_string(), "outer: the client has gone");
    }

    #[test]
    fn only_a_send_error_itself_is_silent() {
        assert!(Failure::from(ClientGone).is_silent());
        assert!(Failure::from(JoinError::ClientGone).is_silent());
        assert!(!Failure::from(JoinError::GroupFull { max: 1 }).is_silent());
        assert!(Failure::from(ShowError::ClientGone).is_silent());
        assert!(!Failure::from(ShowError::NotAMember).is_silent());
        assert!(!Failure::from(Outer(ClientGone)).is_silent());
        assert!(!Failure::new("no").is_silent());
        assert!(Failure::new(Box::<dyn Error + Send + Sync>::from(ClientGone)).is_silent());
        // `anyhow` hides what it holds, until it is asked to give that out.
        let hidden = || anyhow::Error::from(ClientGone);
        assert!(!Failure::new(hidden()).is_silent());
        let bare = hidden().reallocate_into_boxed_dyn_error_without_backtrace();
        assert!(Failure::new(bare).is_silent());
    }
}
