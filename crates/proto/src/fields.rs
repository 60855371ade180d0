//! The header fields of a request, however whoever has read it keeps them.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Header fields that are looked up by their name: those of a [`HeaderMap`], or of a request that nobody
/// has made one of.
pub trait Fields {
    /// The values of the fields of this name, in the order in which they came (RFC 9110 §5.3).
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]>;
}

impl Fields for HeaderMap {
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}
