//! The PROXY protocol, versions 1 and 2: the header in which a proxy says, before anything else, for whom
//! it has connected (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::{future::poll_fn, io, net::IpAddr};

use ppp::{v1, v2};

use super::{Transport, peer::Proxied};

/// The shortest header: `PROXY UNKNOWN` and the end of its line. Of what comes behind a header nothing is
/// read here.
const SHORTEST: usize = 15;

/// The longest header of version 1 (§2.1).
const LONGEST_LINE: usize = 107;

/// What version 2 has before the addresses: its signature, command, family, and the length of the rest.
const FIXED: usize = 16;

/// The type of what a proxy says of the client's TLS (§2.2.5), and the bit of it that says that there is some.
const TLV_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 1;

/// Reads the header. Whom it names, `None` if nobody: a proxy may connect for itself.
pub(crate) async fn read(transport: &impl Transport) -> io::Result<Option<Proxied>> {
    let mut header = Vec::new();
    read_to(transport, &mut header, SHORTEST).await?;
    if header.starts_with(v2::PROTOCOL_PREFIX) {
        read_to(transport, &mut header, FIXED).await?;
        let len = u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]);
        read_to(transport, &mut header, FIXED + usize::from(len)).await?;
        return parse_binary(&header);
    }
    if !header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        return Err(malformed("it does not begin with a PROXY header"));
    }
    while header.last() != Some(&b'\n') {
        if header.len() >= LONGEST_LINE {
            return Err(malformed("its PROXY header does not end"));
        }
        // So that no byte behind the line is taken: it ends with two.
        let len = header.len() + if header.last() == Some(&b'\r') { 1 } else { 2 };
        read_to(transport, &mut header, len).await?;
    }
    parse_line(&header)
}

fn parse_line(line: &[u8]) -> io::Result<Option<Proxied>> {
    let header = v1::Header::try_from(line).map_err(|error| malformed(&error.to_string()))?;
    let ip = match header.addresses {
        v1::Addresses::Tcp4(addresses) => IpAddr::V4(addresses.source_address),
        v1::Addresses::Tcp6(addresses) => IpAddr::V6(addresses.source_address),
        v1::Addresses::Unknown => return Ok(None),
    };
    Ok(Some(Proxied { ip, is_secure: false }))
}

fn parse_binary(header: &[u8]) -> io::Result<Option<Proxied>> {
    let header = v2::Header::try_from(header).map_err(|error| malformed(&error.to_string()))?;
    let ip = match header.addresses {
        // Such as a proxy's look whether anybody is here.
        _ if header.command == v2::Command::Local => return Ok(None),
        v2::Addresses::IPv4(addresses) => IpAddr::V4(addresses.source_address),
        v2::Addresses::IPv6(addresses) => IpAddr::V6(addresses.source_address),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => return Ok(None),
    };
    let mut is_secure = false;
    for tlv in header.tlvs() {
        let tlv = tlv.map_err(|error| malformed(&error.to_string()))?;
        is_secure |= tlv.kind == TLV_SSL && tlv.value.first().is_some_and(|it| it & CLIENT_SSL > 0);
    }
    Ok(Some(Proxied { ip, is_secure }))
}

/// Reads until `header` is this long, and no further.
async fn read_to(transport: &impl Transport, header: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let mut filled = header.len();
    header.resize(len, 0);
    while filled < len {
        match poll_fn(|cx| transport.poll_read(cx, &mut header[filled..])).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(())
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
