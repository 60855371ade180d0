//! Which applications hosts are given: those that are there already, and those that have to be made.

use std::sync::Arc;

use super::host::Mounting;
use crate::{
    error::ServerError,
    options::Settings,
    runtime::Worker,
    session::{Application, Place},
};

/// Mounts applications, and says what has become of all of them.
pub(crate) struct Mounter<'w> {
    workers: &'w [Arc<Worker>],
    /// Those that are there, and that no host has asked for so far.
    pub(crate) gone: Vec<Arc<dyn Application>>,
    /// Those of the hosts, in order.
    pub(crate) all: Vec<Arc<dyn Application>>,
    /// Those of them that have yet to start.
    pub(crate) made: Vec<Arc<dyn Application>>,
    /// Those of them that were there, and what they are to go by.
    pub(crate) kept: Vec<(Arc<dyn Application>, Settings)>,
}

impl<'w> Mounter<'w> {
    /// Beside applications that are there already.
    pub(crate) fn new(workers: &'w [Arc<Worker>], there: Vec<Arc<dyn Application>>) -> Self {
        let (all, made, kept) = (Vec::new(), Vec::new(), Vec::new());
        Self { workers, gone: there, all, made, kept }
    }

    /// The application that is there in the same place, or a new one.
    pub(super) fn mount(
        &mut self,
        host: &str,
        mounting: Mounting,
    ) -> Result<Arc<dyn Application>, ServerError> {
        let Mounting { path, name, options, mount } = mounting;
        let settings = options.validate();
        let settings =
            settings.map_err(|cause| ServerError::Options { path: path.clone(), cause })?;
        let place = Place { host: host.to_owned(), path, name };
        let there = self.gone.iter().position(|it| it.place() == place);
        let application = match there.map(|index| self.gone.swap_remove(index)) {
            Some(application) => {
                self.kept.push((Arc::clone(&application), settings));
                application
            }
            None => {
                let application = mount(place, settings, self.workers)?;
                self.made.push(Arc::clone(&application));
                application
            }
        };
        self.all.push(Arc::clone(&application));
        Ok(application)
    }
}
