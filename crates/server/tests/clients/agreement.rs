//! What the server and those clients that compress agree on, and that both then keep to it.
//!
//! Each of them is offered to in the words of RFC 7692 §7.1. A client inflates with a window no
//! larger than agreed on, and so would find out a server that reaches back further.

use aerys::{Compression, Options};
use serde_json::{Value, json};

use crate::{
    foreign::{
        Language::{self, Node, Python},
        Told, tell_each,
    },
    stage::Stage,
};

/// What is offered, and what is to be answered.
type Case = (Value, String);

const BOTH: &str = "; server_no_context_takeover; client_no_context_takeover";

fn case(offer: Value, parameters: &str) -> Case {
    (offer, format!("permessage-deflate{parameters}"))
}

/// A server that nothing was said to.
fn usual() -> Vec<Case> {
    let mut cases = vec![
        case(json!(true), BOTH),
        case(json!({ "client_max_window_bits": null }), BOTH),
        case(json!({ "server_no_context_takeover": true }), BOTH),
        case(json!({ "client_no_context_takeover": true }), BOTH),
        // No window of 256 bytes can be compressed with here: the offer is declined, and no harm is
        // done.
        (json!({ "server_max_window_bits": 8 }), String::new()),
    ];
    for bits in 9..=15 {
        let server = format!("{BOTH}; server_max_window_bits={bits}");
        cases.push(case(json!({ "server_max_window_bits": bits }), &server));
        // The client keeps to it, and the server need not know.
        cases.push(case(json!({ "client_max_window_bits": bits }), BOTH));
    }
    cases
}

/// A server that takes contexts over in both directions.
fn taking_over() -> Vec<Case> {
    let (server, client) = ("; server_no_context_takeover", "; client_no_context_takeover");
    let mut cases = vec![
        case(json!(true), ""),
        case(json!({ "client_max_window_bits": null }), ""),
        case(json!({ "server_no_context_takeover": true }), server),
        case(json!({ "client_no_context_takeover": true }), client),
        case(
            json!({ "server_no_context_takeover": true, "client_no_context_takeover": true }),
            BOTH,
        ),
        case(
            json!({ "client_no_context_takeover": true, "server_max_window_bits": 11 }),
            "; client_no_context_takeover; server_max_window_bits=11",
        ),
    ];
    for bits in 9..=15 {
        let server = format!("; server_max_window_bits={bits}");
        cases.push(case(json!({ "server_max_window_bits": bits }), &server));
        let client = format!("; client_max_window_bits={bits}");
        let client = if bits < 15 { client.as_str() } else { "" };
        cases.push(case(json!({ "client_max_window_bits": bits }), client));
    }
    cases
}

/// A server that wants smaller windows than it might have.
fn narrow() -> Vec<Case> {
    let agreed = |server, client| {
        format!("; server_max_window_bits={server}; client_max_window_bits={client}")
    };
    vec![
        case(json!(true), &agreed(13, 12)),
        case(json!({ "server_max_window_bits": 15 }), &agreed(13, 12)),
        case(json!({ "server_max_window_bits": 9 }), &agreed(9, 12)),
        case(json!({ "client_max_window_bits": 15 }), &agreed(13, 12)),
        case(json!({ "client_max_window_bits": 10 }), &agreed(13, 10)),
        // A client that cannot be told of a window is not.
        case(json!({ "client_max_window_bits": null }), "; server_max_window_bits=13"),
    ]
}

async fn check(language: Language, options: Options, cases: Vec<Case>) {
    let mut stage = Stage::set(options).await;
    let (offers, agreed): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let program = language.start(&["measure"], &stage.url("/echo"), &offers).await;
    let told = tell_each(program).await;
    assert_eq!(told.len(), offers.len());
    for ((told, agreed), offer) in told.into_iter().zip(agreed).zip(offers) {
        let what = format!("{offer} by {language:?}");
        assert_eq!(told.extensions, agreed, "{what}");
        assert_eq!(told.closed.trim_end(), "1000", "{what}");
        let (_, stats) = stage.account().await;
        assert_eq!(told.passed, (stats.bytes_read, stats.bytes_sent), "{what}: both count alike");
        check_costs(&told, &what);
    }
    stage.strike().await;
}

/// Whether what passed is as much as what was agreed on would have it.
fn check_costs(told: &Told, what: &str) {
    const TEXT: u64 = 100 << 10;
    const NOISE: u64 = 6 << 10;
    let agreed = told.extensions.as_str();
    let (written, read): (Vec<_>, Vec<_>) = told.costs.iter().copied().unzip();
    for (who, costs) in [("client", written), ("server", read)] {
        let what = format!("{costs:?} from the {who} for {what}");
        let [text, first, second] = costs[..] else { panic!("{what}") };
        if agreed.is_empty() {
            assert!(text >= TEXT && first >= NOISE, "nothing is compressed: {what}");
            assert_eq!(first, second, "{what}");
            continue;
        }
        assert!(text < TEXT / 3, "a text is compressed: {what}");
        assert!(first >= NOISE, "noise cannot be: {what}");
        if remembers(agreed, who) {
            assert!(second < NOISE / 10, "what was said is referred to: {what}");
        } else {
            assert!(second >= NOISE, "what was said is forgotten: {what}");
        }
    }
}

/// Whether one side may refer to noise that it has said just before.
fn remembers(agreed: &str, who: &str) -> bool {
    let mut parameters = agreed.split("; ").map(|it| it.split_once('=').unwrap_or((it, "")));
    let bits = parameters.clone().find(|(name, _)| *name == format!("{who}_max_window_bits"));
    let bits: u8 = bits.map_or(15, |(_, bits)| bits.parse().expect("a number"));
    // Noise of 6 KiB is out of reach for a window of 4.
    bits >= 13 && !parameters.any(|(name, _)| name == format!("{who}_no_context_takeover"))
}

fn takeover() -> Compression {
    Compression::new().server_context_takeover(true).client_context_takeover(true)
}

#[tokio::test]
async fn python_compresses_each_message_on_its_own_by_default() {
    check(Python, Options::new(), usual()).await;
}

#[tokio::test]
async fn node_compresses_each_message_on_its_own_by_default() {
    // It uses 9 bits where it says 8, as zlib does, and is understood.
    let more = case(json!({ "client_max_window_bits": 8 }), BOTH);
    check(Node, Options::new(), usual().into_iter().chain([more]).collect()).await;
}

#[tokio::test]
async fn python_refers_to_earlier_messages_where_the_server_lets_it() {
    check(Python, Options::new().compression(takeover()), taking_over()).await;
}

#[tokio::test]
async fn node_refers_to_earlier_messages_where_the_server_lets_it() {
    let more = case(json!({ "client_max_window_bits": 8 }), "; client_max_window_bits=8");
    let cases = taking_over().into_iter().chain([more]).collect();
    check(Node, Options::new().compression(takeover()), cases).await;
}

#[tokio::test]
async fn windows_are_as_small_as_the_server_wants_them() {
    let compression = takeover().server_max_window_bits(13).client_max_window_bits(12);
    for language in [Python, Node] {
        check(language, Options::new().compression(compression.clone()), narrow()).await;
    }
}

#[tokio::test]
async fn contexts_are_taken_over_in_one_direction_alone() {
    for (compression, parameters) in [
        (Compression::new().server_context_takeover(true), "; client_no_context_takeover"),
        (Compression::new().client_context_takeover(true), "; server_no_context_takeover"),
    ] {
        for language in [Python, Node] {
            let options = Options::new().compression(compression.clone());
            check(language, options, vec![case(json!(true), parameters)]).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_agreed_on_where_one_side_does_not_compress() {
    for language in [Python, Node] {
        let off = vec![(json!(true), String::new())];
        check(language, Options::new().compression(None), off).await;
        check(language, Options::new(), vec![(json!(false), String::new())]).await;
    }
}

#[tokio::test]
async fn compressed_fragments_with_pings_in_between_come_back_as_one_message() {
    for options in [Options::new(), Options::new().compression(takeover())] {
        // Small frames: a compressed message is many, too.
        let mut stage = Stage::set(options.auto_frame_size(1000)).await;
        for language in [Python, Node] {
            let told = language.run(&["echo"], &stage.url("/echo"), json!(true)).await;
            assert!(told.extensions.starts_with("permessage-deflate"), "{told:?}");
            let (departure, stats) = stage.account().await;
            assert_eq!(departure, "4001 c'était beau");
            assert_eq!(told.passed, (stats.bytes_read, stats.bytes_sent));
        }
        stage.strike().await;
    }
}
