//! §5, §7.1: who offers what, and what is agreed to.

use aerys_proto::deflate::{Compression, negotiate};

use crate::client::extensions;

const DEFAULT_ANSWER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

fn answer(lines: &[&str], compression: &Compression) -> Option<String> {
    let agreement = negotiate(&extensions(lines.iter().copied()), compression)?;
    Some(agreement.header_value().to_str().unwrap().to_owned())
}

fn takeover() -> Compression {
    Compression::new().server_context_takeover(true).client_context_takeover(true)
}

#[test]
fn by_default_nobody_takes_context_over() {
    for offer in [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    ] {
        assert_eq!(answer(&[offer], &Compression::new()).as_deref(), Some(DEFAULT_ANSWER));
    }
}

#[test]
fn each_side_may_forbid_the_takeover() {
    let cases = [
        ("permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
    ];
    for (offer, expected) in cases {
        assert_eq!(answer(&[offer], &takeover()).as_deref(), Some(expected), "{offer}");
    }
    let server_only = Compression::new().server_context_takeover(true);
    let expected = "permessage-deflate; client_no_context_takeover";
    assert_eq!(answer(&["permessage-deflate"], &server_only).as_deref(), Some(expected));
}

#[test]
fn windows_are_the_smaller_of_what_either_side_wants() {
    let narrow = takeover().server_max_window_bits(11).client_max_window_bits(12);
    let cases = [
        (takeover(), "server_max_window_bits=10", "server_max_window_bits=10"),
        // It accepts the parameter by naming it.
        (takeover(), "server_max_window_bits=15", "server_max_window_bits=15"),
        (takeover(), "client_max_window_bits=10", "client_max_window_bits=10"),
        (takeover(), "client_max_window_bits=8", "client_max_window_bits=8"),
        (takeover(), "server_max_window_bits=\"9\"", "server_max_window_bits=9"),
        (
            narrow.clone(),
            "client_max_window_bits",
            "server_max_window_bits=11; client_max_window_bits=12",
        ),
        (
            narrow.clone(),
            "server_max_window_bits=10; client_max_window_bits=10",
            "server_max_window_bits=10; client_max_window_bits=10",
        ),
        (
            narrow.clone(),
            "server_max_window_bits=15; client_max_window_bits=15",
            "server_max_window_bits=11; client_max_window_bits=12",
        ),
        // One that cannot be told of a smaller window is not.
        (narrow, "server_max_window_bits=12", "server_max_window_bits=11"),
    ];
    for (compression, params, expected) in cases {
        let offer = format!("permessage-deflate; {params}");
        let expected = format!("permessage-deflate; {expected}");
        assert_eq!(answer(&[&offer], &compression), Some(expected), "{offer}");
    }
}

#[test]
fn a_bad_offer_is_declined() {
    for params in [
        "unknown",
        "server_no_context_takeover=1",
        "client_no_context_takeover=",
        "client_no_context_takeover; client_no_context_takeover",
        "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=1O",
        "server_max_window_bits=-9",
        "server_max_window_bits=\"\"",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=115",
        "client_max_window_bits; client_max_window_bits=10",
        "SERVER_NO_CONTEXT_TAKEOVER",
        // Good, but not to be had: what compresses needs 9 bits at least.
        "server_max_window_bits=8",
    ] {
        let offer = format!("permessage-deflate; {params}");
        assert_eq!(answer(&[&offer], &Compression::new()), None, "{offer}");
        assert_eq!(answer(&[&offer], &takeover()), None, "{offer}");
    }
    for offer in ["", "x-webkit-deflate-frame", "permessage-bzip2", "permessage-deflate x", ";"] {
        assert_eq!(answer(&[offer], &Compression::new()), None, "{offer}");
    }
}

#[test]
fn the_first_offer_that_can_be_agreed_to_counts() {
    let bad = "permessage-deflate; server_max_window_bits=8";
    let narrow = "permessage-deflate; server_max_window_bits=10";
    let plain = "permessage-deflate";
    let narrow_answer = "permessage-deflate; server_max_window_bits=10";
    let cases: [(&[&str], _); 5] = [
        (&["permessage-deflate; server_max_window_bits=8, permessage-deflate"], Some(plain)),
        (&[narrow, plain], Some(narrow_answer)),
        (&[plain, narrow], Some(plain)),
        (&[bad, "foo; bar=\"1\"", narrow], Some(narrow_answer)),
        (&[bad, "not a list;", bad], None),
    ];
    for (lines, expected) in cases {
        assert_eq!(answer(lines, &takeover()).as_deref(), expected, "{lines:?}");
    }
}
