//! Headers that a host adds to its files.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::{FileHeaderError, ServerError};

/// What belongs to the file that is sent, or to the connection.
const RESERVED: [HeaderName; 13] = [
    header::ACCEPT_RANGES,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::TRANSFER_ENCODING,
    header::VARY,
];

/// A header that can be added.
pub(crate) fn check_file_header(
    name: &str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), FileHeaderError> {
    let parsed = HeaderName::try_from(name);
    let parsed = parsed.map_err(|_| FileHeaderError::Name { name: name.to_owned() })?;
    if RESERVED.contains(&parsed) {
        return Err(FileHeaderError::Reserved { name: name.to_owned() });
    }
    let value = HeaderValue::from_str(value);
    let value = value.map_err(|_| FileHeaderError::Value { name: name.to_owned() })?;
    Ok((parsed, value))
}

/// All of a host's.
pub(super) fn file_headers(
    host: &str,
    headers: Vec<(String, String)>,
) -> Result<HeaderMap, ServerError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let wrong = |cause| ServerError::FileHeader { host: host.to_owned(), cause };
        let (name, value) = check_file_header(&name, &value).map_err(wrong)?;
        map.append(name, value);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_files_own_is_not_a_hosts_to_set() {
        assert!(check_file_header("X-Frame-Options", "DENY").is_ok());
        for (name, value, part) in [
            ("X Frame", "DENY", "no name of a header"),
            ("X-Frame-Options", "DENY\n", "value of \"X-Frame-Options\""),
            ("Content-Length", "7", "the server itself"),
            ("ETAG", "x", "the server itself"),
            ("cache-control", "no-cache", "`cache_control`"),
        ] {
            let error = check_file_header(name, value).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
