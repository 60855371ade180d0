//! The head of a request, as whoever has read it has left it.
//!
//! A handshake asks for a dozen fields, most of which are not there, and an application for few more. So
//! one that was read here stays as it came, and is looked through, until somebody asks for it whole
//! (bench/NOTES.md#handshakes).

use std::sync::OnceLock;

use aerys_proto::Fields;
use bytes::Bytes;
use http::{Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version, request::Parts};

pub(crate) struct RequestHead(Source);

/// Marks an extended CONNECT among a request's extensions.
#[derive(Clone)]
struct ConnectProtocol(Box<str>);

enum Source {
    Read(ReadHead),
    Parts(Parts),
}

/// A GET by HTTP/1.1 as it came.
struct ReadHead {
    bytes: Bytes,
    uri: Uri,
    fields: Vec<Field>,
    parts: OnceLock<Box<Parts>>,
}

/// Where in the bytes a field is.
struct Field {
    name: Part,
    value: Part,
}

#[derive(Clone, Copy)]
struct Part {
    start: u16,
    len: u16,
}

impl RequestHead {
    /// A GET by HTTP/1.1 that was read; the names and values of its `fields` are in `bytes`.
    ///
    /// `None` if it is longer than heads are.
    pub(crate) fn read<'h>(
        bytes: Bytes,
        uri: Uri,
        fields: impl ExactSizeIterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Option<Self> {
        let part = |slice: &[u8]| {
            let start = slice.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
            Some(Part { start: start.try_into().ok()?, len: slice.len().try_into().ok()? })
        };
        let mut found = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            found.push(Field { name: part(name)?, value: part(value)? });
        }
        let head = ReadHead { bytes, uri, fields: found, parts: OnceLock::new() };
        Some(Self(Source::Read(head)))
    }

    pub(crate) fn method(&self) -> &Method {
        match &self.0 {
            Source::Read(_) => &Method::GET,
            Source::Parts(parts) => &parts.method,
        }
    }

    /// Says that a request is an extended CONNECT for a protocol.
    #[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "HTTP/1.1 has none"))]
    pub(crate) fn mark_connect(extensions: &mut Extensions, protocol: &str) {
        extensions.insert(ConnectProtocol(protocol.into()));
    }

    /// What an extended CONNECT asks for (RFC 8441 §4): its `:protocol`.
    pub(crate) fn connect_protocol(&self) -> Option<&str> {
        match &self.0 {
            Source::Read(_) => None,
            Source::Parts(parts) => parts.extensions.get::<ConnectProtocol>().map(|it| &*it.0),
        }
    }

    pub(crate) fn version(&self) -> Version {
        match &self.0 {
            Source::Read(_) => Version::HTTP_11,
            Source::Parts(parts) => parts.version,
        }
    }

    pub(crate) fn uri(&self) -> &Uri {
        match &self.0 {
            Source::Read(head) => &head.uri,
            Source::Parts(parts) => &parts.uri,
        }
    }

    /// All of it.
    pub(crate) fn parts(&self) -> &Parts {
        match &self.0 {
            Source::Read(head) => head.parts.get_or_init(|| Box::new(head.to_parts())),
            Source::Parts(parts) => parts,
        }
    }

    pub(crate) fn into_parts(self) -> Parts {
        match self.0 {
            Source::Read(head) => head.to_parts(),
            Source::Parts(parts) => parts,
        }
    }
}

impl ReadHead {
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        let len = name.as_str().len();
        // Most are not, by their length alone.
        let alike = self.fields.iter().filter(move |field| usize::from(field.name.len) == len);
        alike.filter_map(move |field| {
            let is_found = self.part(field.name).eq_ignore_ascii_case(name.as_str().as_bytes());
            is_found.then(|| self.part(field.value))
        })
    }

    fn part(&self, part: Part) -> &[u8] {
        let start = usize::from(part.start);
        &self.bytes[start..start + usize::from(part.len)]
    }

    fn to_parts(&self) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.uri = self.uri.clone();
        parts.headers.reserve(self.fields.len());
        // Whatever the parser lets pass can be one: a test goes through all that could not.
        for field in &self.fields {
            let name = HeaderName::from_bytes(self.part(field.name));
            let value = self.bytes.slice_ref(self.part(field.value));
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value)) {
                parts.headers.append(name, value);
            }
        }
        parts
    }
}

impl From<Parts> for RequestHead {
    fn from(parts: Parts) -> Self {
        Self(Source::Parts(parts))
    }
}

impl Fields for RequestHead {
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        match &self.0 {
            Source::Read(head) => Values::Read(head.values_of(name)),
            Source::Parts(parts) => Values::Parts(parts.headers.values_of(name)),
        }
    }
}

enum Values<R, P> {
    Read(R),
    Parts(P),
}

impl<'h, R, P> Iterator for Values<R, P>
where
    R: Iterator<Item = &'h [u8]>,
    P: Iterator<Item = &'h [u8]>,
{
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        match self {
            Self::Read(read) => read.next(),
            Self::Parts(parts) => parts.next(),
        }
    }
}
