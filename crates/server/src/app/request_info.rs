//! What a handshake knows: who asks, for what, and the answer as far as it is decided.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use aerys_proto::Fields;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode;

use super::RequestHead;
#[cfg(feature = "tls")]
use crate::transport::TlsInfo;
use crate::{
    address::visible,
    connection::ClientId,
    error::Misuse,
    log::HandlerSpan,
    transport::{ClientAddr, Requester},
};

/// The subprotocol behind which a page puts its token.
const BEARER: &str = "bearer";

/// Which client has come of a handshake, for whoever tells of it.
pub(crate) type AcceptedId = Arc<OnceLock<ClientId>>;

pub(crate) struct RequestInfo {
    request: RequestHead,
    params: Vec<(String, String)>,
    requester: Requester,
    worker: usize,
    headers: HeaderMap,
    /// Why there can be no answer but 500.
    misuse: Option<Misuse>,
    protocol: Option<HeaderValue>,
    /// The span of the `on_open` that decides.
    span: HandlerSpan,
    /// Who wants to know which client comes of it.
    accepted: Option<AcceptedId>,
    /// The number that the client is to have, if somebody has asked for it.
    id: Option<ClientId>,
}

impl RequestInfo {
    pub(crate) fn new(
        request: RequestHead,
        params: Vec<(String, String)>,
        requester: Requester,
        worker: usize,
        subprotocols: &[String],
    ) -> Box<Self> {
        let mut request_info = Self {
            request,
            params,
            requester,
            worker,
            headers: HeaderMap::new(),
            misuse: None,
            protocol: None,
            span: HandlerSpan::default(),
            accepted: None,
            id: None,
        };
        let spoken = |offered: &&str| subprotocols.iter().any(|name| name == offered);
        let chosen = request_info.protocols().find(spoken);
        request_info.protocol = chosen.and_then(|name| HeaderValue::from_str(name).ok());
        Box::new(request_info)
    }

    pub(crate) fn request(&self) -> &RequestHead {
        &self.request
    }

    pub(super) fn address(&self) -> &ClientAddr {
        &self.requester.address
    }

    /// Whether the client has spoken TLS, be it to a proxy.
    pub(super) fn is_secure(&self) -> bool {
        self.requester.is_secure
    }

    /// What was agreed upon, if the connection is within TLS.
    #[cfg(feature = "tls")]
    pub(super) fn tls(&self) -> Option<&TlsInfo> {
        self.requester.tls.as_deref()
    }

    /// The number that the client has or is to have: the one that was asked for before, or this one.
    pub(super) fn id_or(&mut self, next: impl FnOnce() -> ClientId) -> ClientId {
        *self.id.get_or_insert_with(next)
    }

    /// Which worker has the connection.
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What is offered, without a token that is among it.
    pub(super) fn protocols(&self) -> impl Iterator<Item = &str> {
        offers(&self.request).filter_map(|(offer, is_token)| (!is_token).then_some(offer))
    }

    /// Chooses one, if it is offered.
    pub(super) fn select(&mut self, protocol: &str) {
        if self.protocols().any(|offered| offered == protocol) {
            self.protocol = HeaderValue::from_str(protocol).ok();
        }
    }

    pub(super) fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        // RFC 6265 §4.2.1: cookie-string = cookie-pair *( ";" SP cookie-pair ). HTTP/2 may send several
        // lines (RFC 9113 §8.2.3).
        let lines = self.request.values_of(header::COOKIE);
        let mut pairs = lines.flat_map(|line| line.split(|&byte| byte == b';'));
        let value = pairs.find_map(|pair| {
            let (key, value) = pair.split_at(pair.iter().position(|&byte| byte == b'=')?);
            (key.trim_ascii() == name.as_bytes()).then_some(value[1..].trim_ascii())
        })?;
        percent_decode(value).decode_utf8().ok()
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        let in_header = || {
            let lines = self.request.values_of(header::AUTHORIZATION);
            // RFC 9110 §11.1: the scheme is "a case-insensitive token".
            lines.filter_map(|line| visible(line)?.trim().split_once(' ')).find_map(
                |(scheme, token)| scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim()),
            )
        };
        let among_protocols =
            || offers(&self.request).find_map(|(offer, is_token)| is_token.then_some(offer));
        in_header().or_else(among_protocols)
    }

    /// Adds a header to the answer.
    pub(super) fn add(&mut self, header: Result<(HeaderName, HeaderValue), Misuse>) {
        match header {
            Ok((name, value)) => {
                self.headers.append(name, value);
            }
            Err(misuse) => {
                self.misuse.get_or_insert(misuse);
            }
        }
    }

    /// What cannot be answered, if anything.
    pub(super) fn take_misuse(&mut self) -> Option<Misuse> {
        self.misuse.take()
    }

    /// Which span to tell of the client that is let in.
    pub(super) fn set_span(&mut self, span: HandlerSpan) {
        self.span = span;
    }

    /// Where to put the id of the client that is let in.
    pub(crate) fn tell_accepted(&mut self, accepted: Option<AcceptedId>) {
        self.accepted = accepted;
    }

    /// A client is about to be let in.
    pub(super) fn record_client(&self, id: ClientId) {
        self.span.record_client(id.as_u64());
        if let Some(accepted) = &self.accepted {
            let _ = accepted.set(id);
        }
    }

    /// The headers of a 101.
    pub(super) fn into_accepting(mut self) -> HeaderMap {
        self.headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
        let brings_token = || offers(&self.request).any(|(_, is_token)| is_token);
        let bearer = || brings_token().then(|| HeaderValue::from_static(BEARER));
        if let Some(protocol) = self.protocol.take().or_else(bearer) {
            self.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        self.headers
    }

    /// The headers of a refusal.
    pub(super) fn into_refusing(self) -> HeaderMap {
        self.headers
    }
}

/// The subprotocols that are offered in order, and whether it is a token: what follows `bearer`.
fn offers(fields: &impl Fields) -> impl Iterator<Item = (&str, bool)> {
    let lines = fields.values_of(header::SEC_WEBSOCKET_PROTOCOL);
    let offers = lines
        .filter_map(visible)
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|offer| !offer.is_empty());
    offers.scan(false, |follows_bearer, offer| {
        let is_token = *follows_bearer;
        *follows_bearer = !is_token && offer == BEARER;
        Some((offer, is_token))
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::transport::PeerAddr;

    fn asks(headers: &[(&str, &str)], spoken: &[&str]) -> RequestInfo {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let spoken: Vec<_> = spoken.iter().map(|it| (*it).to_owned()).collect();
        let address = ClientAddr::Peer(PeerAddr::Unix(None));
        let requester = Requester { address, tls: None, is_secure: false };
        *RequestInfo::new(parts.into(), Vec::new(), requester, 0, &spoken)
    }

    #[test]
    fn the_first_cookie_of_a_name_is_decoded_and_its_name_is_not() {
        for (lines, name, value) in [
            (&["a=1"][..], "a", Some("1")),
            (&["a=1; b=2;c=3 ;  d = 4"], "d", Some("4")),
            (&["b=1; a=2", "a=3"], "a", Some("2")),
            (&["x=y", "a=3"], "a", Some("3")),
            (&["a=b=c"], "a", Some("b=c")),
            (&["a="], "a", Some("")),
            (&["a"], "a", None),
            (&["A=1"], "a", None),
            (&["ab=1"], "a", None),
            (&["a=x%20y%C3%A9"], "a", Some("x yé")),
            (&["a=é"], "a", Some("é")),
            (&["a=100%; b=%2"], "a", Some("100%")),
            (&["a=%FF"], "a", None),
            (&["a=\"x\""], "a", Some("\"x\"")),
            (&["__%48ost-a=1"], "__Host-a", None),
            (&[], "a", None),
        ] {
            let headers: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            assert_eq!(asks(&headers, &[]).cookie(name).as_deref(), value, "{lines:?}");
        }
    }

    #[test]
    fn a_token_is_in_the_header_or_behind_bearer_among_the_subprotocols() {
        const OFFER: &str = "sec-websocket-protocol";
        for (headers, token) in [
            (&[("authorization", "Bearer abc")][..], Some("abc")),
            (&[("authorization", "bEARER   abc ")], Some("abc")),
            (&[("authorization", "Basic abc")], None),
            (&[("authorization", "Bearer")], None),
            (&[("authorization", "Bearerabc")], None),
            (&[(OFFER, "bearer, abc")], Some("abc")),
            (&[(OFFER, "chat"), (OFFER, "bearer"), (OFFER, "abc")], Some("abc")),
            (&[(OFFER, "bearer, bearer")], Some("bearer")),
            (&[(OFFER, "bearer")], None),
            (&[(OFFER, "abc, bearer")], None),
            (&[("authorization", "Bearer abc"), (OFFER, "bearer, def")], Some("abc")),
            // A browser may send what it knows of the site by itself.
            (&[("authorization", "Basic abc"), (OFFER, "bearer, def")], Some("def")),
            (&[], None),
        ] {
            assert_eq!(asks(headers, &[]).bearer(), token, "{headers:?}");
        }
    }

    #[test]
    fn a_token_is_never_chosen_and_bearer_if_nothing_else_is() {
        for (offers, spoken, selected, chosen) in [
            ("bearer, abc", &[][..], None, Some("bearer")),
            ("bearer, abc, chat", &["chat"], None, Some("chat")),
            ("chat, bearer, abc", &["bearer", "chat"], None, Some("chat")),
            ("bearer, abc, chat", &[], Some("chat"), Some("chat")),
            ("bearer, abc", &["abc"], None, Some("bearer")),
            ("bearer, abc", &[], Some("abc"), Some("bearer")),
            ("bearer", &[], None, None),
            ("chat", &[], None, None),
        ] {
            let mut info = asks(&[("sec-websocket-protocol", offers)], spoken);
            if let Some(selected) = selected {
                info.select(selected);
            }
            let answer = info.into_accepting();
            let answered = answer.get("sec-websocket-protocol").map(|it| it.to_str().unwrap());
            assert_eq!(answered, chosen, "{offers}");
        }
    }
}
