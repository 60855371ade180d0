//! A document root, as an application describes it.

use std::path::PathBuf;

#[cfg(feature = "config")]
use super::Prepared;
#[cfg(feature = "config")]
use crate::error::ServerError;
use crate::http_server::Host;

/// A folder of files to serve, and how; see [`Host::root`](crate::Host::root).
///
/// ```
/// use aerys::{Host, Root};
///
/// let root = Root::new("public")
///     .fallback("index.html")
///     .cache_control("/assets/*", "public, max-age=31536000, immutable")
///     .cache_control("*.html", "no-cache");
/// let host = Host::new("mysite.com").root(root);
/// ```
///
/// # What is served
///
/// Regular files beneath the folder, by GET and HEAD; `index.html` for a folder. A folder that is asked
/// for without the slash behind its name is redirected to with it. What is neither a file nor a folder,
/// such as a device or a pipe, is never opened. Names that begin with a dot are not found, except
/// `.well-known`. `404.html`, if there is one, is the page for what is not found. The folder may
/// change, and be replaced, at any time.
///
/// Symbolic links are followed as long as they stay beneath the folder; see
/// [`follow_links`](Self::follow_links).
///
/// # How
///
/// * **Conditions and ranges** are those of RFC 9110 §13 and §14. The `ETag` is strong: it is made of
///   the modification time, as exact as the system has it, and the size. A file whose modification
///   time is the beginning of 1970, as reproducible builds set it, has none, nor a `Last-Modified`.
///   Several ranges are answered in parts, all of the file if there are more than 32 or if it is
///   shorter so. A file that becomes shorter while it is sent ends the connection.
/// * **Encodings.** `style.css.br` and `style.css.gz` beside `style.css` are sent in its place to who
///   accepts them (RFC 9110 §12.5.3). Who refuses all that there is, as by `identity;q=0`, gets 406.
/// * **Types** go by the end of a name. Text is said to be UTF-8; XML and SVG say themselves what
///   they are in, and JSON is always UTF-8. `X-Content-Type-Options: nosniff` is sent along.
/// * **Reading** is done by up to 32 threads of the root's own, 64 KiB at a time, apart from the
///   application's `spawn_blocking`.
#[derive(Clone, Debug)]
#[must_use = "give it to `Host::root`"]
pub struct Root {
    pub(crate) folder: PathBuf,
    pub(crate) fallback: Option<String>,
    pub(crate) cache_control: Vec<(String, String)>,
    pub(crate) follow_links: bool,
}

impl Root {
    /// A folder with nothing special about it. A relative path is taken from the working directory of
    /// the process.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { folder, fallback: None, cache_control: Vec::new(), follow_links: false }
    }

    /// The page of a single-page application, such as `index.html`: a file in the folder that is
    /// served, with 200, where nothing is found. Default none.
    ///
    /// It is for whoever goes to a page: a GET or HEAD whose `Accept` names `text/html` or
    /// `application/xhtml+xml`, as that of every browser's address bar and links does. Scripts, images
    /// and `fetch`, which accept `*/*` or their own types, get the 404 that tells what is wrong; so
    /// does `curl`, unless with `-H 'Accept: text/html'`. If the host has a
    /// [service](crate::Host::service), that is asked first, and the page takes the place of its 404.
    pub fn fallback(mut self, file: impl Into<String>) -> Self {
        self.fallback = Some(file.into());
        self
    }

    /// Sends this `Cache-Control` (RFC 9111 §5.2) with the files whose path matches `pattern`. May be
    /// called several times; the first pattern that matches counts. Default: none is sent, and
    /// browsers guess by the age of a file.
    ///
    /// A pattern is a path beneath the folder, decoded, in which each `*` is for any characters,
    /// slashes too: `/assets/*` or `*.html`; no other character is special. It is compared with the path
    /// of the file that is sent, `/index.html` for `/` and for what falls back to it. The header goes
    /// with 200, 206 and 304.
    pub fn cache_control(mut self, pattern: impl Into<String>, value: impl Into<String>) -> Self {
        self.cache_control.push((pattern.into(), value.into()));
        self
    }

    /// Whether symbolic links may lead out of the folder. Default `false`: such a link is not found.
    ///
    /// If they may, whoever can make a link in the folder can have every file served that the server
    /// may read. If they may not, links from one place beneath the folder to another, relative or
    /// absolute, are followed all the same. The name that is asked for decides what is hidden, not
    /// where a link leads to: `page.html` may be a link to `.versions/7/page.html`.
    ///
    /// On Linux the kernel sees to it while it opens the file (`openat2`, since 5.6). Elsewhere, and
    /// where that call is forbidden, links are looked at first, and who may change what is in the
    /// folder at that very moment can have one followed that leads out.
    pub fn follow_links(mut self, follow: bool) -> Self {
        self.follow_links = follow;
        self
    }

    /// Whether it could be served now, as it is when the server starts.
    #[cfg(feature = "config")]
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        Prepared::new(self.clone()).map(drop)
    }
}

impl Host {
    /// Serves the files below a folder: a path, or a [`Root`] that says more, such as which page a
    /// single-page application falls back to.
    ///
    /// ```
    /// use aerys::{Host, Root};
    ///
    /// let plain = Host::new("files.mysite.com").root("public");
    /// let app = Host::new("mysite.com").root(Root::new("dist").fallback("index.html"));
    /// ```
    ///
    /// A host has one root: a second is [refused](crate::ServerError::SecondRoot) when the server starts.
    pub fn root(mut self, root: impl Into<Root>) -> Self {
        self.roots.push(root.into());
        self
    }

    /// Adds a header to every response that is a file of the [root](Self::root): with 200, 206 and 304, and with its
    /// page for what is not found. May be called several times, also with the same name.
    ///
    /// ```
    /// use aerys::Host;
    ///
    /// let host = Host::new("mysite.com").root("public").header("X-Frame-Options", "DENY");
    /// ```
    ///
    /// What tells of one file or of a connection, such as a `Content-Type`, cannot be set: that is
    /// [refused](crate::ServerError::FileHeader) when the server starts.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.file_headers.push((name.into(), value.into()));
        self
    }
}

impl<P: Into<PathBuf>> From<P> for Root {
    fn from(folder: P) -> Self {
        Self::new(folder)
    }
}
