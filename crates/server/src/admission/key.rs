//! An address as limits count it.

use std::net::IpAddr;

/// An IPv4 address, or the network of 64 bits that an IPv6 address is of: whoever has one of these has all of
/// its addresses (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

/// Is no prefix of an address of IPv6 that is anybody's (RFC 4291 §2.5.5.2).
const FOUR: u64 = 0xFFFF << 32;

impl Key {
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(four) => Self(FOUR | u64::from(u32::from(four))),
            IpAddr::V6(six) => Self((u128::from(six) >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one_and_those_of_ipv4_each_another() {
        let key = |text: &str| Key::of(text.parse().unwrap());
        for (one, other, are_same) in [
            ("1.2.3.4", "1.2.3.4", true),
            ("1.2.3.4", "::ffff:1.2.3.4", true),
            ("1.2.3.4", "1.2.3.5", false),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8:0:0:1::", "2001:db8::", true),
            ("2001:db8:0:1::", "2001:db8::", false),
            ("0.0.0.0", "::", false),
        ] {
            assert_eq!(key(one) == key(other), are_same, "{one} {other}");
        }
    }
}
