//! No document roots, without the feature `files`: there is no value of these types.

use http::{Request, Response};

use super::{Body, HostService, ResponseBody};
use crate::error::ServerError;

#[derive(Debug)]
pub(crate) enum Root {}

pub(super) enum Files {}

impl Files {
    pub(super) fn of(_: &str, _: Vec<Root>) -> Result<Option<Self>, ServerError> {
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
