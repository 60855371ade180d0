//! Paths of a host that lead elsewhere.

use std::collections::HashMap;

use http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use percent_encoding::utf8_percent_encode;

use super::{ResponseBody, answer, listener_routes::ESCAPED};
use crate::{
    address::{normal_path, route},
    app::RequestHead,
    error::{RedirectError, ServerError},
};

/// For how long a redirect may be remembered. Without this word browsers do for as long as they like, and one
/// to a port where nobody is any more would be undone by nobody.
const REMEMBERED: HeaderValue = HeaderValue::from_static("max-age=3600");

/// Where each path leads, by its normal form.
pub(super) struct Redirects(HashMap<String, String>);

/// A redirect that can be made: the path in its normal form, and where it leads.
pub(crate) fn check_redirect(from: &str, to: &str) -> Result<String, RedirectError> {
    let path = route(from).map_err(RedirectError::Path)?;
    if path.contains(['{', '}']) {
        return Err(RedirectError::Parameter { from: from.to_owned() });
    }
    // A browser takes `//name` for a host.
    let is_path = to.starts_with('/') && !to.starts_with("//");
    let is_url = to.starts_with("https://") || to.starts_with("http://");
    let uri = to.parse::<Uri>().ok().filter(|_| is_path || is_url);
    let sendable = HeaderValue::from_str(to).is_ok_and(|it| it.to_str().is_ok());
    let Some(uri) = uri.filter(|_| sendable) else {
        return Err(RedirectError::Target { to: to.to_owned() });
    };
    if is_path && normal_path(uri.path()) == path {
        return Err(RedirectError::Circle { from: from.to_owned() });
    }
    Ok(path)
}

impl Redirects {
    pub(super) fn new(host: &str, redirects: Vec<(String, String)>) -> Result<Self, ServerError> {
        let mut targets = HashMap::new();
        for (from, to) in redirects {
            let wrong = |cause| ServerError::Redirect { host: host.to_owned(), cause };
            let path = check_redirect(&from, &to).map_err(wrong)?;
            if targets.insert(path, to).is_some() {
                return Err(wrong(RedirectError::Twice { from }));
            }
        }
        Ok(Self(targets))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer to a request whose path leads elsewhere. It takes its query along, unless there is one there.
    pub(super) fn answer(&self, head: &RequestHead) -> Option<Response<ResponseBody>> {
        if self.is_empty() {
            return None;
        }
        let to = self.0.get(&*normal_path(head.uri().path()))?;
        let location = match head.uri().query() {
            Some(query) if !to.contains(['?', '#']) => {
                format!("{to}?{}", utf8_percent_encode(query, &ESCAPED))
            }
            _ => to.clone(),
        };
        let location = HeaderValue::try_from(location).ok()?;
        Some(redirect(head.method(), location, "This has moved."))
    }
}

/// RFC 9110 §15.4.9: a 308 keeps the method, which a 301 need not. Old clients know 301 alone.
pub(super) fn redirect(
    method: &Method,
    location: HeaderValue,
    sentence: &str,
) -> Response<ResponseBody> {
    let status = match *method {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    let mut response = answer::plain(status, sentence);
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CACHE_CONTROL, REMEMBERED);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_from_one_path_to_another_place() {
        for (from, to) in [
            ("/old", "/new"),
            ("/old/", "/new/?a=b#c"),
            ("/", "https://mysite.com/"),
            ("/a", "http://[::1]:8080/b"),
        ] {
            assert!(check_redirect(from, to).is_ok(), "{from} to {to}");
        }
        for (from, to, part) in [
            ("old", "/new", "begins with a slash"),
            ("/old/{x}", "/new", "no parameters"),
            ("/old", "new", "a path such as"),
            ("/old", "//evil.example", "a path such as"),
            ("/old", "ftp://mysite.com/", "a path such as"),
            ("/old", "/new\r\nX: y", "a path such as"),
            ("/old", "/néw", "a path such as"),
            ("/old", "/x/../old", "itself"),
            ("/old", "/old?again", "itself"),
        ] {
            let error = check_redirect(from, to).unwrap_err().to_string();
            assert!(error.contains(part), "{from} to {to}: {error}");
        }
    }
}
