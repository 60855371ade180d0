//! Whether a connection, or a handshake, is let in by the limits of the server.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderMap, header};

use super::{AcceptContext, service::Service};
use crate::{
    admission::{AddressPlace, Full, Places},
    error::{Refusal, Status},
    log,
    session::Application,
    transport::{PeerInfo, Requester},
};

/// When one may come again who was refused since others are here: nobody knows when they go.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl AcceptContext {
    /// Counts a connection of whoever is at its other end, if such are counted. Neither this machine itself is, nor
    /// a proxy.
    pub(crate) fn admit(&self, peer: &PeerInfo) -> Result<Option<Arc<AddressPlace>>, Full> {
        let ip = peer.source().filter(|ip| self.is_counted(*ip));
        let admitted = ip.map_or(Ok(None), |ip| self.admission.connection(ip));
        if admitted.is_err() {
            let address = peer.client_addr();
            log::event!(
                WARN, { %address, client_ip = address.shown_ip() },
                "a connection was closed: its address has as many as Server::max_connections_per_ip allows"
            );
        }
        admitted
    }

    fn is_counted(&self, ip: IpAddr) -> bool {
        !ip.is_loopback() && !self.site.load().proxies.trusts(ip)
    }
}

impl Service {
    /// Counts a handshake, and the client that may come of it.
    pub(super) fn admit(
        &self,
        application: &dyn Application,
        requester: &Requester,
    ) -> Result<Places, Refusal> {
        let (address, endpoint) = (&requester.address, application.label());
        let admission = &self.context.admission;
        let mut places = Places { address: self.place.clone(), endpoint: None };
        if let Some(ip) = address.ip().filter(|ip| self.context.is_counted(*ip)) {
            if let Err(retry_after) = admission.handshake(ip) {
                log::event!(
                    WARN, of endpoint, { %address, client_ip = address.shown_ip() },
                    "a handshake was refused: its address has as many as Server::handshakes_per_ip allows"
                );
                let reason = "Too many handshakes come from this address.";
                return Err(refusal(Status::TOO_MANY_REQUESTS, reason, retry_after));
            }
            if self.peer.source() != Some(ip) {
                // The connection is the proxy's, and not counted.
                places.address = admission.connection(ip).map_err(|Full| {
                    log::event!(
                        WARN, of endpoint, { %address, client_ip = address.shown_ip() },
                        "a handshake was refused: its address has as many connections as \
                         Server::max_connections_per_ip allows"
                    );
                    let reason = "Too many connections come from this address.";
                    refusal(Status::TOO_MANY_REQUESTS, reason, RETRY_AFTER)
                })?;
            }
        }
        places.endpoint = application.admit().map_err(|Full| {
            admission.hits.clients.count();
            log::event!(
                WARN, of endpoint, { %address, client_ip = address.shown_ip() },
                "a handshake was refused: there are as many clients as Options::max_clients allows"
            );
            let reason = "There are as many clients as there may be.";
            refusal(Status::SERVICE_UNAVAILABLE, reason, RETRY_AFTER)
        })?;
        Ok(places)
    }
}

/// RFC 6585 §4, RFC 9110 §10.2.3: in whole seconds, of which there is one at least.
fn refusal(status: Status, reason: &str, retry_after: Duration) -> Refusal {
    let seconds = retry_after.as_secs_f64().ceil().max(1.0) as u64;
    Refusal::new(status, HeaderMap::new()).reason(reason).header(header::RETRY_AFTER, seconds)
}
