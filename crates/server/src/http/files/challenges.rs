//! Answers to the challenges of ACME (RFC 8555 §8.3), which a client such as certbot leaves in files.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::{
    super::{ResponseBody, answer},
    folder::{Folder, is_missing},
    name::Name,
    pool::Pool,
    read_only,
    response::NO_SNIFF,
};
use crate::{app::RequestHead, error::ServerError, log, session::BoxFuture};

/// Where challenges are, in a URL as beneath the folder.
const PREFIX: &str = "/.well-known/acme-challenge/";

/// The longest token that is looked for. They have 128 bits or more, in base64url.
const MAX_TOKEN: usize = 128;

/// The most that an answer may have, in bytes: the token, a dot, and 43 letters (RFC 8555 §8.1).
const MAX_ANSWER: u64 = 1024;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(crate) struct Challenges {
    webroot: Arc<Folder>,
    pool: Arc<Pool>,
}

impl Challenges {
    pub(crate) fn new(path: PathBuf) -> Result<Self, ServerError> {
        let webroot = Folder { path, follow_links: false };
        let cannot_serve = |cause| ServerError::Root { path: webroot.path.clone(), cause };
        fs::read_dir(&webroot.path).map_err(cannot_serve)?;
        let pool = Pool::new().map_err(ServerError::System)?;
        Ok(Self { webroot: Arc::new(webroot), pool: Arc::new(pool) })
    }

    /// `None` if it is asked for something else.
    pub(crate) fn answer(
        &self,
        head: &RequestHead,
    ) -> Option<BoxFuture<'static, Response<ResponseBody>>> {
        let path = head.uri().path();
        let token = path.strip_prefix(PREFIX)?;
        let is_read = matches!(*head.method(), Method::GET | Method::HEAD);
        let name = Name::from_option(path).filter(|_| is_token(token));
        let (webroot, pool) = (Arc::clone(&self.webroot), Arc::clone(&self.pool));
        Some(Box::pin(async move {
            let Some(name) = name else { return answer::not_found() };
            if !is_read {
                return read_only();
            }
            match pool.run(move || read(&webroot, &name)).await {
                Ok(Ok(Some(answer))) => respond(answer),
                Ok(Ok(None)) => answer::not_found(),
                Ok(Err(error)) | Err(error) => failed(&error),
            }
        }))
    }
}

/// RFC 8555 §8.3: a token is of base64url's letters alone.
fn is_token(token: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(is_letter)
}

/// `None` if there is no such file, or it is too large to be an answer.
fn read(webroot: &Folder, name: &Name) -> io::Result<Option<Bytes>> {
    let opened = match webroot.enter().and_then(|root| root.open_file(name)) {
        Err(error) if is_missing(&error) => None,
        opened => opened?,
    };
    let Some((file, _)) = opened else { return Ok(None) };
    let mut answer = Vec::new();
    let size = file.take(MAX_ANSWER + 1).read_to_end(&mut answer)?;
    Ok((size as u64 <= MAX_ANSWER).then(|| answer.into()))
}

fn respond(answer: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(answer::full(answer));
    // RFC 8555 §8.3: it SHOULD be of this type.
    response.headers_mut().insert(header::CONTENT_TYPE, OCTETS);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    response
}

fn failed(error: &io::Error) -> Response<ResponseBody> {
    log::event!(WARN, { %error }, "the answer to a challenge of ACME cannot be read");
    let sentence = "This file cannot be read.";
    answer::plain(StatusCode::INTERNAL_SERVER_ERROR, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_plain_name() {
        for (token, is) in [
            ("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", true),
            ("-_aZ09", true),
            ("", false),
            ("a/b", false),
            ("a.b", false),
            ("..", false),
            (".", false),
            ("%61", false),
            ("a%2fb", false),
            ("a b", false),
            ("a\\b", false),
            ("ä", false),
            (&"a".repeat(128), true),
            (&"a".repeat(129), false),
        ] {
            assert_eq!(is_token(token), is, "{token}");
        }
    }
}
