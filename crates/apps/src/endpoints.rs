//! The endpoints that a set of processes is for, by number.

use std::sync::OnceLock;

use aerys::Endpoint;

use crate::{endpoint::Held, protocol::EndpointPlace};

/// Endpoints by number, those that have not started included.
pub(crate) struct Endpoints(Vec<Numbered>);

struct Numbered {
    place: EndpointPlace,
    started: OnceLock<Endpoint<Held>>,
}

impl Endpoints {
    pub(crate) fn new(places: Vec<EndpointPlace>) -> Self {
        let numbered = |place| Numbered { place, started: OnceLock::new() };
        Self(places.into_iter().map(numbered).collect())
    }

    fn find(&self, number: u16) -> Option<&Numbered> {
        self.0.iter().find(|it| it.place.endpoint == number)
    }

    pub(crate) fn places(&self) -> Vec<EndpointPlace> {
        self.0.iter().map(|it| it.place.clone()).collect()
    }

    /// Whether there is one of this number.
    pub(crate) fn has(&self, number: u16) -> bool {
        self.find(number).is_some()
    }

    /// The one of this number, if it has started.
    pub(crate) fn endpoint(&self, number: u16) -> Option<&Endpoint<Held>> {
        self.find(number)?.started.get()
    }

    /// The one of this number has started.
    pub(crate) fn start(&self, number: u16, endpoint: Endpoint<Held>) {
        if let Some(numbered) = self.find(number) {
            // Whoever was first is the same.
            let _ = numbered.started.set(endpoint);
        }
    }

    /// Those of the same places that have started elsewhere have started here too.
    pub(crate) fn adopt(&self, before: &Self) {
        for numbered in &before.0 {
            if let Some(endpoint) = numbered.started.get()
                && self.find(numbered.place.endpoint).is_some_and(|it| it.place == numbered.place)
            {
                self.start(numbered.place.endpoint, endpoint.clone());
            }
        }
    }
}
