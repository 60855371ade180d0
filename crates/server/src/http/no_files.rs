//! No document roots, without the feature `files`: there is no value of these types.

use std::path::PathBuf;

use http::{HeaderMap, Request, Response};

use super::{Body, HostService, ResponseBody};
use crate::{app::RequestHead, error::ServerError, session::BoxFuture};

#[derive(Debug)]
pub(crate) enum Root {}

pub(super) enum Files {}

pub(super) enum Challenges {}

impl Files {
    pub(super) fn of(_: &str, _: Vec<Root>, _: HeaderMap) -> Result<Option<Self>, ServerError> {
        Ok(None)
    }

    pub(super) async fn answer(
        &self,
        _: Request<Body>,
        _: Option<&HostService>,
        _: Option<Box<Response<ResponseBody>>>,
    ) -> Response<ResponseBody> {
        match *self {}
    }
}

impl Challenges {
    /// Nobody can ask for them.
    pub(super) fn new(path: PathBuf) -> Result<Self, ServerError> {
        Err(ServerError::Root { path, cause: std::io::ErrorKind::Unsupported.into() })
    }

    pub(super) fn answer(
        &self,
        _: &RequestHead,
    ) -> Option<BoxFuture<'static, Response<ResponseBody>>> {
        match *self {}
    }
}
