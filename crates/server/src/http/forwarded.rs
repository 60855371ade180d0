//! Who makes a request, by what trusted proxies have written into its headers: `X-Forwarded-For` and its
//! kin, or `Forwarded` (RFC 7239).
//!
//! Each proxy adds whom it has the request from behind what was there before. So the list is read from its
//! end, for as long as it is proxies that are trusted whose addresses stand there: the next one is the
//! client, and what stands before it, the client may have written itself.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use aerys_proto::Fields;
use http::{HeaderName, header};

use super::proxies::TrustedProxies;
use crate::{
    address::{Authority, visible},
    transport::{ClientAddr, Forwarded, ForwardedHeader, PeerInfo, Requester},
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What is known of who makes a request, and for which host it is if a proxy has said so.
pub(super) struct Claims {
    pub(super) requester: Requester,
    pub(super) host: Option<Authority<'static>>,
}

/// Why a trusted proxy's word cannot be taken. The texts are for whoever has made the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ForwardedError {
    #[error("The `Forwarded` header is not as RFC 7239 has it: `for=192.0.2.60;proto=https`.")]
    Syntax,
    #[error("The proxy says for which host this is, and that is no host.")]
    Host,
}

impl Claims {
    /// Of a request about which nothing is believed.
    pub(super) fn of(peer: &PeerInfo) -> Self {
        let requester = Requester {
            address: peer.client_addr(),
            tls: peer.tls.clone(),
            is_secure: peer.is_secure(),
        };
        Self { requester, host: None }
    }
}

impl TrustedProxies {
    /// Who makes a request of a connection.
    pub(super) fn claims(
        &self,
        peer: &PeerInfo,
        fields: &impl Fields,
    ) -> Result<Claims, ForwardedError> {
        if !self.is_empty() && self.trusts_source(peer) {
            return self.believe(peer, fields);
        }
        Ok(Claims::of(peer))
    }

    #[cold]
    fn believe(&self, peer: &PeerInfo, fields: &impl Fields) -> Result<Claims, ForwardedError> {
        let Forwarded { header, scheme, host } = peer.forwarded;
        let said = match header {
            ForwardedHeader::XForwardedFor => self.x_forwarded(fields),
            ForwardedHeader::Forwarded => self.forwarded(fields)?,
        };
        let said_host = said.host.filter(|_| host);
        let host = said_host.map(|it| parse_host(&it).ok_or(ForwardedError::Host)).transpose()?;
        let is_secure = match said.scheme.filter(|_| scheme) {
            Some(scheme) => ["https", "wss"].iter().any(|it| scheme.eq_ignore_ascii_case(it)),
            None => peer.is_secure(),
        };
        let client = said.client.or_else(|| peer.source());
        let address = ClientAddr::new(peer.address.clone(), client);
        Ok(Claims { requester: Requester { address, tls: peer.tls.clone(), is_secure }, host })
    }

    fn x_forwarded<'h>(&self, fields: &'h impl Fields) -> Said<'h> {
        let mut said = Said { client: None, scheme: None, host: None };
        let lines: Vec<_> = fields.values_of(X_FORWARDED_FOR).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(|&byte| byte == b','));
        for hop in hops.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
            // One that is not known, and all before it: the proxy that says so is the last that is.
            let Some(ip) = visible(hop).and_then(parse_node) else { break };
            said.client = Some(ip);
            if !self.trusts(ip) {
                break;
            }
        }
        said.scheme = last_value(fields, X_FORWARDED_PROTO).map(Cow::Borrowed);
        said.host = last_value(fields, X_FORWARDED_HOST).map(Cow::Borrowed);
        said
    }

    fn forwarded<'h>(&self, fields: &'h impl Fields) -> Result<Said<'h>, ForwardedError> {
        let mut elements = Vec::new();
        for line in fields.values_of(header::FORWARDED) {
            let line = visible(line).ok_or(ForwardedError::Syntax)?;
            let parts = split(line, ',').ok_or(ForwardedError::Syntax)?;
            for part in parts.into_iter().filter(|part| !part.trim().is_empty()) {
                elements.push(parse_element(part).ok_or(ForwardedError::Syntax)?);
            }
        }
        let mut said = Said { client: None, scheme: None, host: None };
        for element in elements.into_iter().rev() {
            let (client, before) = (element.client, said.client);
            said = element;
            match client {
                Some(ip) if self.trusts(ip) => {}
                Some(_) => break,
                None => {
                    said.client = before;
                    break;
                }
            }
        }
        Ok(said)
    }
}

/// What one proxy says.
struct Said<'h> {
    client: Option<IpAddr>,
    scheme: Option<Cow<'h, str>>,
    host: Option<Cow<'h, str>>,
}

/// The last of the values that a header has, on however many lines.
fn last_value(fields: &impl Fields, name: HeaderName) -> Option<&str> {
    let line = visible(fields.values_of(name).last()?)?;
    Some(line.rsplit(',').next().unwrap_or(line).trim())
}

fn parse_host(text: &str) -> Option<Authority<'static>> {
    Authority::parse(text).map(Authority::into_owned)
}

/// RFC 7239 §6: the address of a node, with or without a port; an IPv6 address also without brackets.
/// `None` if it is `unknown`, or has another name.
fn parse_node(text: &str) -> Option<IpAddr> {
    if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        let is_port = port.is_empty() || port.starts_with(':');
        return is_port.then(|| address.parse().ok().map(IpAddr::V6))?;
    }
    let ip: IpAddr = text.parse().ok().or_else(|| {
        let (address, _) = text.split_once(':')?;
        address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    })?;
    Some(ip.to_canonical())
}

/// RFC 7239 §4: `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`.
fn parse_element(text: &str) -> Option<Said<'_>> {
    let mut said = Said { client: None, scheme: None, host: None };
    for pair in split(text, ';')?.into_iter().map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case("for") {
            said.client = parse_node(&value);
        } else if name.eq_ignore_ascii_case("proto") {
            said.scheme = Some(value);
        } else if name.eq_ignore_ascii_case("host") {
            said.host = Some(value);
        }
    }
    Some(said)
}

/// Divides a text at a separator that is in no quoted string. `None` if one does not end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|it| {
        let is_escape = is_quoted && !is_escaped && it == '\\';
        if it == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_escape;
        it == separator && !is_quoted
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

/// RFC 9110 §5.6.2 and §5.6.4: a token, or what a quoted string says. The former may also have the colons
/// and brackets of addresses, which many forget to quote.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = value.strip_prefix('"') else {
        let is_plain = |it: char| it.is_ascii_graphic() && !"\"\\,;=".contains(it);
        return (!value.is_empty() && value.chars().all(is_plain)).then_some(Cow::Borrowed(value));
    };
    let quoted = quoted.strip_suffix('"')?;
    let (mut said, mut characters) = (String::with_capacity(quoted.len()), quoted.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => said.push(characters.next()?),
            '"' => return None,
            character => said.push(character),
        }
    }
    Some(Cow::Owned(said))
}

#[cfg(test)]
mod tests;
