//! That the README's table of limits has the defaults.

use std::time::Duration;

use super::Server;
use crate::options::Options;

const README: &str = include_str!("../../../../README.md");

fn seconds(period: Option<Duration>) -> String {
    format!("{} s", period.expect("there is one").as_secs())
}

fn mib(bytes: usize) -> String {
    format!("{} MiB", bytes >> 20)
}

#[test]
fn the_table_of_limits_has_the_defaults() {
    let Server { limits, admission_limits, max_inbound_bytes, .. } = Server::new();
    let settings = Options::new().validate().unwrap();
    let (protocol, rules) = (&settings.protocol, &settings.rules);
    assert!(admission_limits.max_connections.is_none());
    assert!(admission_limits.max_connections_per_ip.is_none());
    assert!(admission_limits.handshakes_per_ip.is_none());
    assert!(rules.max_clients.is_none());
    assert_eq!((limits.max_requests, limits.min_response_rate), (1000, 0));
    for (option, default) in [
        ("Server::max_connections`", "what `ulimit -n` allows, less an eighth".to_owned()),
        ("Server::max_connections_per_ip", "none".to_owned()),
        ("Server::handshakes_per_ip", "none".to_owned()),
        ("Options::max_clients", "none".to_owned()),
        (
            "Server::max_head_size",
            format!("{} KiB, {} headers", limits.max_head_size >> 10, limits.max_headers),
        ),
        ("Server::head_period", seconds(Some(limits.head_period))),
        ("Server::max_requests", "1,000".to_owned()),
        (
            "Server::body_period",
            format!("{}, {} B/s", seconds(limits.body.period), limits.body.min_rate),
        ),
        ("Server::stall_period", format!("{}, any", seconds(limits.stall_period))),
        ("Options::open_period", seconds(Some(rules.open_period))),
        (
            "Options::max_frame_size",
            format!("{}, {}", mib(protocol.max_frame_size), mib(protocol.max_msg_size)),
        ),
        ("Options::message_period", seconds(protocol.message_period)),
        ("Server::max_inbound_bytes", mib(max_inbound_bytes)),
        ("Options::max_queued_bytes", mib(settings.outbox_limits.max_queued_bytes)),
        (
            "Options::heartbeat_period",
            format!(
                "{} to a ping, {} pings",
                seconds(protocol.heartbeat_period),
                protocol.queued_ping_limit
            ),
        ),
        ("Options::close_period", seconds(Some(protocol.close_period))),
        ("Server::stop_period", seconds(Some(limits.stop_period))),
    ] {
        let is_it = |line: &&str| line.starts_with("| ") && line.contains(option);
        let rows: Vec<_> = README.lines().filter(is_it).collect();
        let [row] = rows[..] else { panic!("{option} is in {rows:?}") };
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[2], default, "{row}");
    }
}
