//! Files below a document root: from a request to the answer.

mod accept;
mod body;
mod cache;
mod challenges;
mod conditions;
mod date;
mod encoding;
mod folder;
mod lookup;
mod media;
mod name;
mod pool;
mod ranges;
mod response;
mod root;
mod validators;

use std::{fs, io, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};

pub(super) use self::challenges::Challenges;
pub use self::root::Root;
use self::{
    cache::CacheRules,
    encoding::Preferences,
    folder::Folder,
    lookup::{Found, Opened, Wanted},
    name::Name,
    pool::Pool,
};
use super::{Body, HostService, ResponseBody, answer};
use crate::{
    error::{RootError, ServerError},
    log::{self, PeerText},
};

const NOT_FOUND_FILE: &str = "404.html";
const ACCEPT: HeaderValue = HeaderValue::from_static("accept");

/// With these headers the beginning of a file may not be needed.
const CONDITIONAL: [header::HeaderName; 5] = [
    header::RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
];

pub(super) struct Files {
    folder: Arc<Folder>,
    fallback: Option<Name>,
    cache_rules: CacheRules,
    /// Added to each.
    headers: HeaderMap,
    pool: Arc<Pool>,
}

/// A root that makes sense.
struct Prepared {
    folder: Folder,
    fallback: Option<Name>,
    cache_rules: CacheRules,
}

impl Files {
    /// What a host's root has, if it has one.
    pub(super) fn of(
        host: &str,
        roots: Vec<Root>,
        headers: HeaderMap,
    ) -> Result<Option<Self>, ServerError> {
        let mut roots = roots.into_iter();
        let root = roots.next();
        if let (Some(first), Some(second)) = (&root, roots.next()) {
            let (host, first, second) = (host.to_owned(), first.folder.clone(), second.folder);
            return Err(ServerError::SecondRoot { host, first, second });
        }
        root.map(|root| Self::new(root, headers)).transpose()
    }

    fn new(root: Root, headers: HeaderMap) -> Result<Self, ServerError> {
        let Prepared { folder, fallback, cache_rules } = Prepared::new(root)?;
        let pool = Arc::new(Pool::new().map_err(ServerError::System)?);
        Ok(Self { folder: Arc::new(folder), fallback, cache_rules, headers, pool })
    }

    /// A file, else what the HTTP service answers, else the fallback, else what `refused` says if there is
    /// an endpoint at least, else 404.
    pub(super) async fn answer(
        &self,
        request: Request<Body>,
        service: Option<&HostService>,
        refused: Option<Box<Response<ResponseBody>>>,
    ) -> Response<ResponseBody> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return match (service, refused) {
                (Some(service), _) => service(request).await,
                (None, Some(refused)) => *refused,
                (None, None) => read_only(),
            };
        }
        let (head, body) = request.into_parts();
        if let Some(name) = Name::from_request(head.uri.path())
            && let Some(response) = self.serve(name, &head).await
        {
            return response;
        }
        match (&self.fallback, service) {
            (Some(fallback), service) => {
                self.fall_back(fallback, head, body, service, refused).await
            }
            (None, Some(service)) => service(Request::from_parts(head, body)).await,
            (None, None) => self.nothing(refused).await,
        }
    }

    /// What the HTTP service answers but a 404, else the fallback for whoever goes to a page.
    async fn fall_back(
        &self,
        fallback: &Name,
        head: Parts,
        body: Body,
        service: Option<&HostService>,
        refused: Option<Box<Response<ResponseBody>>>,
    ) -> Response<ResponseBody> {
        let missing = match service {
            Some(service) => {
                let response = service(Request::from_parts(head.clone(), body)).await;
                if response.status() != StatusCode::NOT_FOUND {
                    return response;
                }
                Some(response)
            }
            None => None,
        };
        let page = match accept::names_html(&head.headers) {
            true => self.serve(fallback.clone(), &head).await,
            false => None,
        };
        let mut response = match page.or(missing) {
            Some(response) => response,
            None => self.nothing(refused).await,
        };
        response.headers_mut().append(header::VARY, ACCEPT);
        response
    }

    /// The file of this name; `None` if there is none.
    async fn serve(&self, name: Name, request: &Parts) -> Option<Response<ResponseBody>> {
        let is_unconditional = !CONDITIONAL.iter().any(|name| request.headers.contains_key(name));
        let wanted = Wanted {
            name,
            accepted: Preferences::new(&request.headers),
            read_ahead: is_unconditional && request.method == Method::GET,
        };
        match self.look_up(wanted).await {
            Ok(Found::File(opened)) => {
                let cache_control = self.cache_rules.of(&opened.name);
                let response = response::file(opened, request, cache_control, &self.pool);
                Some(self.with_headers(response))
            }
            Ok(Found::Folder(name)) => Some(moved(name.location(&request.uri)?)),
            Ok(Found::NotAcceptable) => Some(not_acceptable()),
            Ok(Found::Nothing) => None,
            Err(error) => {
                let file = PeerText(request.uri.path().as_bytes());
                log::event!(WARN, { %file, %error }, "a file cannot be read");
                let sentence = "This file cannot be read.";
                Some(answer::plain(StatusCode::INTERNAL_SERVER_ERROR, sentence))
            }
        }
    }

    /// The answer where nothing is found: what `refused` says, else the root's own `404.html`, else the
    /// server's.
    async fn nothing(
        &self,
        refused: Option<Box<Response<ResponseBody>>>,
    ) -> Response<ResponseBody> {
        if let Some(refused) = refused {
            return *refused;
        }
        match self.page(NOT_FOUND_FILE).await {
            Some(opened) => self.with_headers(response::not_found(opened, &self.pool)),
            None => answer::not_found(),
        }
    }

    /// Adds the host's headers.
    fn with_headers(&self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        if !self.headers.is_empty() {
            response.headers_mut().extend(self.headers.clone());
        }
        response
    }

    /// A file of the root's as it is.
    async fn page(&self, name: &str) -> Option<Opened> {
        let (name, accepted) = (Name::from_option(name)?, Preferences::UNSPECIFIED);
        let wanted = Wanted { name, accepted, read_ahead: true };
        match self.look_up(wanted).await {
            Ok(Found::File(opened)) => Some(opened),
            _ => None,
        }
    }

    async fn look_up(&self, wanted: Wanted) -> io::Result<Found> {
        let folder = Arc::clone(&self.folder);
        self.pool.run(move || lookup::look_up(&folder, wanted)).await?
    }
}

impl Prepared {
    fn new(root: Root) -> Result<Self, ServerError> {
        let Root { folder: path, fallback, cache_control, follow_links } = root;
        let folder = Folder { path, follow_links };
        let cannot_serve = |cause| ServerError::Root { path: folder.path.clone(), cause };
        fs::read_dir(&folder.path).map_err(cannot_serve)?;
        let makes_no_sense = |cause| ServerError::RootOptions { path: folder.path.clone(), cause };
        let fallback = fallback.map(|file| find_fallback(&folder, file)).transpose();
        let fallback = fallback.map_err(makes_no_sense)?;
        let cache_rules = CacheRules::new(cache_control).map_err(makes_no_sense)?;
        Ok(Self { folder, fallback, cache_rules })
    }
}

fn find_fallback(folder: &Folder, file: String) -> Result<Name, RootError> {
    let found = || {
        let name = Name::from_option(&file).filter(|name| !name.is_folder());
        let name = name.ok_or(io::ErrorKind::InvalidFilename)?;
        let opened = folder.enter()?.open_file(&name)?;
        opened.map(|_| name).ok_or(io::Error::from(io::ErrorKind::NotFound))
    };
    found().map_err(|cause: io::Error| RootError::Fallback { file: file.clone(), cause })
}

fn read_only() -> Response<ResponseBody> {
    answer::not_allowed("Files are only read: by GET or HEAD.", "GET, HEAD")
}

/// To the same name with a slash behind it, so that what is relative in the page is in the folder.
fn moved(location: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(answer::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, response::NO_SNIFF);
    response
}

/// RFC 9110 §12.5.3: whoever refuses what is not encoded gets it in no other way than theirs.
fn not_acceptable() -> Response<ResponseBody> {
    let sentence = "This file is not there in an encoding that you accept.";
    let mut response = answer::plain(StatusCode::NOT_ACCEPTABLE, sentence);
    response.headers_mut().insert(header::VARY, response::ACCEPT_ENCODING);
    response
}
