//! What INSPECT gives: a client's figures, as JSON.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aerys::Stats;
use serde_json::json;

/// The figures; moments are seconds of Unix time.
pub(crate) fn json(stats: &Stats) -> String {
    let (now, unix) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH));
    let unix = unix.unwrap_or_default();
    let at =
        |moment: Instant| unix.saturating_sub(now.saturating_duration_since(moment)).as_secs_f64();
    json!({
        "peer_addr": stats.peer_addr.to_string(),
        "client_ip": stats.client_ip.map(|ip| ip.to_string()),
        "connected_at": at(stats.connected),
        "bytes_read": stats.bytes_read,
        "bytes_sent": stats.bytes_sent,
        "frames_read": stats.frames_read,
        "frames_sent": stats.frames_sent,
        "messages_read": stats.messages_read,
        "messages_sent": stats.messages_sent,
        "last_read_at": stats.last_read.map(at),
        "last_send_at": stats.last_send.map(at),
        "last_data_read_at": stats.last_data_read.map(at),
        "last_data_send_at": stats.last_data_send.map(at),
        "pings_outstanding": stats.pings_outstanding,
        "round_trip": stats.round_trip.map(|it| it.as_secs_f64()),
        "queued_bytes": stats.queued_bytes,
        "dropped": stats.dropped,
        "superseded": stats.superseded,
    })
    .to_string()
}
