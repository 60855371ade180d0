//! `[limits]`: what a server allows its clients.

use crate::{
    admission::{AdmissionLimits, Rate},
    config::{
        format::{Count, OrAuto, OrFalse, Period, Size},
        keys::{Keys, Placed, Section},
    },
    http_server::Limits,
    server::Server,
};

/// As a [`Server`] has them.
#[derive(Debug)]
pub(in crate::config) struct LimitsSection {
    admission: AdmissionLimits,
    handshakes_per_ip: Option<Placed<RateSection>>,
    pub(in crate::config) limits: Limits,
    max_inbound_bytes: usize,
}

impl LimitsSection {
    pub(in crate::config) fn apply(&self, server: &mut Server) {
        let rate = |rate: &Placed<RateSection>| rate.0;
        let handshakes_per_ip = self.handshakes_per_ip.as_ref().map(rate);
        server.admission_limits = AdmissionLimits { handshakes_per_ip, ..self.admission };
        server.limits = self.limits;
        server.max_inbound_bytes = self.max_inbound_bytes;
    }
}

impl Section for LimitsSection {
    const NAME: &'static str = "[limits]";

    fn new() -> Self {
        let Server { admission_limits, limits, max_inbound_bytes, .. } = Server::new();
        Self { admission: admission_limits, handshakes_per_ip: None, limits, max_inbound_bytes }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let Self { admission, limits, .. } = self;
        keys.key("max_connections", OrAuto(Count::SOME), &mut admission.max_connections);
        let per_ip = &mut admission.max_connections_per_ip;
        keys.key("max_connections_per_ip", OrFalse(Count::SOME), per_ip);
        keys.key("max_headers", Count::SOME, &mut limits.max_headers);
        keys.key("max_head_size", Size(8 * 1024), &mut limits.max_head_size);
        keys.key("max_requests", Count::SOME, &mut limits.max_requests);
        keys.key("head_period", Period::Some, &mut limits.head_period);
        keys.key("body_period", OrFalse(Period::Some), &mut limits.body.period);
        keys.key("min_body_rate", Size(0), &mut limits.body.min_rate);
        keys.key("stall_period", OrFalse(Period::Some), &mut limits.stall_period);
        keys.key("min_response_rate", Size(0), &mut limits.min_response_rate);
        keys.key("max_inbound_bytes", Size(1), &mut self.max_inbound_bytes);
        keys.key("stop_period", Period::Some, &mut limits.stop_period);
        keys.optional("handshakes_per_ip", &mut self.handshakes_per_ip);
    }
}

/// `handshakes_per_ip`.
#[derive(Debug)]
struct RateSection(Rate);

impl Section for RateSection {
    const NAME: &'static str = "handshakes_per_ip";

    fn new() -> Self {
        Self(Rate { per_second: 1, burst: 1 })
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.required("per_second", Count::SOME, &mut self.0.per_second);
        keys.required("burst", Count::SOME, &mut self.0.burst);
    }
}
