//! Lists in which a client weighs what it would like (RFC 9110 §12.4).

use http::{HeaderMap, HeaderName, header};

/// What is in such a list, over all its lines: each element without its parameters, and its weight in
/// thousandths, which is 1000 if it has none. What is not understood is left out.
pub(super) fn weighted<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'h str, u16)> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(parse)
}

/// Whether a client names HTML among what it accepts, as browsers do when they go to a page. What
/// takes anything (`*/*`), a script's `fetch` for one, does not ask for a page.
pub(super) fn names_html(headers: &HeaderMap) -> bool {
    let is_html = |kind: &str| {
        ["text/html", "application/xhtml+xml"].iter().any(|it| it.eq_ignore_ascii_case(kind))
    };
    weighted(headers, &header::ACCEPT).any(|(kind, weight)| is_html(kind) && weight > 0)
}

fn parse(element: &str) -> Option<(&str, u16)> {
    let mut fields = element.split(';').map(str::trim_ascii);
    let name = fields.next().filter(|name| !name.is_empty())?;
    let weight = fields.find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q=")));
    Some((name, weight.map_or(Some(1000), parse_weight)?))
}

/// RFC 9110 §12.4.2: `0`, `1`, or with at most three digits behind the point.
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = digits.len() <= 3 && digits.bytes().all(|it| it.is_ascii_digit());
    match whole {
        "0" if is_fraction => format!("{digits:0<3}").parse().ok(),
        "1" if is_fraction && digits.bytes().all(|it| it == b'0') => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_weight_has_three_digits_at_most() {
        for (text, weight) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.123", Some(123)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("0.1234", None),
            ("0.-1", None),
            (".5", None),
            ("-1", None),
            ("2", None),
            ("", None),
        ] {
            assert_eq!(parse_weight(text), weight, "{text:?}");
        }
    }

    #[test]
    fn who_goes_to_a_page_names_html() {
        for (accept, does) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;level=1;q=0.1", true),
            ("text/html;q=0, */*", false),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(names_html(&headers), does, "{accept}");
        }
        assert!(!names_html(&HeaderMap::new()));
    }
}
