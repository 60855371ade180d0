//! Which encoding of a file is sent (RFC 9110 §12.5.3): its own, or a sibling's that is there already.

use http::{HeaderMap, HeaderValue, header};

use super::accept;

/// How what is sent is encoded (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// Those that a sibling may have, the better one first.
    pub(super) const PRECOMPRESSED: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// What the name of such a sibling ends with.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
        }
    }

    /// What it is registered as.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    /// As `Content-Encoding` says it.
    pub(super) fn to_header(self) -> Option<HeaderValue> {
        self.name().map(HeaderValue::from_static)
    }
}

/// What a client accepts, in thousandths; `None` what it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preferences {
    brotli: Option<u16>,
    gzip: Option<u16>,
    /// 0 is accepted, as the last resort, since it was not mentioned.
    identity: Option<u16>,
}

impl Preferences {
    /// Anything is fine, says §12.5.3, but who does not ask may not know what to do with it.
    pub(super) const UNSPECIFIED: Self = Self { brotli: None, gzip: None, identity: Some(0) };

    pub(super) fn new(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::ACCEPT_ENCODING) {
            return Self::UNSPECIFIED;
        }
        let (mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None);
        for (coding, weight) in accept::weighted(headers, &header::ACCEPT_ENCODING) {
            let place = match &*coding.to_ascii_lowercase() {
                "br" => &mut brotli,
                // RFC 9110 §8.4.1.3: an old name for it.
                "gzip" | "x-gzip" => &mut gzip,
                "identity" => &mut identity,
                "*" => &mut others,
                _ => continue,
            };
            *place = Some(weight);
        }
        let accepted = |weight: &u16| *weight > 0;
        Self {
            brotli: brotli.or(others).filter(accepted),
            gzip: gzip.or(others).filter(accepted),
            identity: match identity.or(others) {
                None => Some(0),
                Some(weight) => Some(weight).filter(accepted),
            },
        }
    }

    /// What is preferred of what there is; of equals the one that is smaller. `None` if nothing of it
    /// is accepted.
    pub(super) fn choose(self, siblings: impl IntoIterator<Item = Encoding>) -> Option<Encoding> {
        let all = [Encoding::Identity].into_iter().chain(siblings);
        let accepted = all.filter_map(|it| Some((self.weight(it)?, it as u8, it)));
        accepted.max_by_key(|(weight, smallness, _)| (*weight, *smallness)).map(|(_, _, it)| it)
    }

    fn weight(self, encoding: Encoding) -> Option<u16> {
        match encoding {
            Encoding::Identity => self.identity,
            Encoding::Gzip => self.gzip,
            Encoding::Brotli => self.brotli,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_encoding_is_chosen() {
        use Encoding::{Brotli, Gzip, Identity};
        let both = Encoding::PRECOMPRESSED;
        for (accept, of_all, of_gzip, of_none) in [
            ("gzip, br", Some(Brotli), Some(Gzip), Some(Identity)),
            ("gzip, br;q=0.999", Some(Gzip), Some(Gzip), Some(Identity)),
            ("GZIP", Some(Gzip), Some(Gzip), Some(Identity)),
            ("x-gzip", Some(Gzip), Some(Gzip), Some(Identity)),
            ("br ; Q=0.5 , gzip\t;\tq=0.6", Some(Gzip), Some(Gzip), Some(Identity)),
            ("", Some(Identity), Some(Identity), Some(Identity)),
            ("*", Some(Brotli), Some(Gzip), Some(Identity)),
            ("*;q=0.1, br;q=0", Some(Gzip), Some(Gzip), Some(Identity)),
            ("gzip;q=0", Some(Identity), Some(Identity), Some(Identity)),
            ("gzip;q=0.000", Some(Identity), Some(Identity), Some(Identity)),
            ("gzip;q=0.001", Some(Gzip), Some(Gzip), Some(Identity)),
            ("gzip;q=0.5, identity", Some(Identity), Some(Identity), Some(Identity)),
            ("gzip, identity", Some(Gzip), Some(Gzip), Some(Identity)),
            ("gzip;q=0.5, *", Some(Brotli), Some(Identity), Some(Identity)),
            ("gzip, identity;q=0", Some(Gzip), Some(Gzip), None),
            ("br, *;q=0", Some(Brotli), None, None),
            ("identity, *;q=0", Some(Identity), Some(Identity), Some(Identity)),
            ("identity;q=0", None, None, None),
            ("*;q=0", None, None, None),
            ("gzip;q=2, br;q=x", Some(Identity), Some(Identity), Some(Identity)),
            ("zstd, deflate", Some(Identity), Some(Identity), Some(Identity)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(accept).unwrap());
            let preferences = Preferences::new(&headers);
            assert_eq!(preferences.choose(both), of_all, "{accept}, of both");
            assert_eq!(preferences.choose([Gzip]), of_gzip, "{accept}, of gzip");
            assert_eq!(preferences.choose([]), of_none, "{accept}, of none");
        }
        assert_eq!(Preferences::new(&HeaderMap::new()).choose(both), Some(Identity));
    }
}
