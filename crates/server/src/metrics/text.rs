//! Figures as text: the format of Prometheus, version 0.0.4, and OpenMetrics, version 1.0.0.

mod cluster;
mod writer;

use std::time::UNIX_EPOCH;

pub(crate) use self::writer::Format;
use self::writer::Kind::{Counter, Gauge, Histogram, Info};
pub(super) use self::writer::{Kind, Writer};
use super::{
    own::Metric,
    snapshot::{EndpointFigures, Snapshot},
};

const HANDLER_HELP: &str = "How long handlers took. A sample: calls in one turn of 64 of a worker's, and each that has \
     waited, of which the time before its first wait counts only if it has begun in such a turn.";

/// All there is.
pub(super) fn write(snapshot: &Snapshot, own: &[Metric], format: Format) -> String {
    let mut writer = Writer::new(format);
    server(&mut writer, snapshot);
    if let Some(figures) = &snapshot.cluster {
        cluster::write(&mut writer, figures);
    }
    listeners(&mut writer, snapshot);
    clients(&mut writer, &snapshot.endpoints);
    traffic(&mut writer, &snapshot.endpoints);
    overload(&mut writer, &snapshot.endpoints);
    durations(&mut writer, &snapshot.endpoints);
    for metric in own {
        metric.write(&mut writer);
    }
    writer.finish()
}

fn server(writer: &mut Writer, snapshot: &Snapshot) {
    writer.family(Info, "aerys_build", "Which version of aerys this is.");
    writer.sample(&[("version", snapshot.version)], 1);
    let started = snapshot.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    writer.family(Gauge, "aerys_start_time_seconds", "When the server was started, since 1970.");
    writer.sample(&[], started.as_secs_f64());
    writer.family(Gauge, "aerys_uptime_seconds", "For how long the server has run.");
    writer.sample(&[], snapshot.uptime.as_secs_f64());
    writer.family(Gauge, "aerys_ready", "Whether the server is to be sent clients: 1, and else 0.");
    writer.sample(&[], u8::from(snapshot.is_ready));
    writer.family(
        Gauge,
        "aerys_draining",
        "Whether newcomers are turned away, as the server is about to stop: 1, and else 0.",
    );
    writer.sample(&[], u8::from(snapshot.is_draining));
    writer.family(
        Histogram,
        "aerys_worker_lag_seconds",
        "For how long a worker has kept waiting who asked, some 4 times a second while it has something to do.",
    );
    for worker in &snapshot.workers {
        writer.durations(&[("worker", &worker.worker.to_string())], worker.lag);
    }
    writer.family(
        Counter,
        "aerys_limits_hit",
        "How often a limit of the server was reached, and somebody turned away.",
    );
    for (limit, count) in snapshot.limits_hit.by_name() {
        writer.sample(&[("limit", limit)], count);
    }
    writer.family(
        Counter,
        "aerys_reloads",
        "How often the server was to serve something else, by whether it does.",
    );
    writer.sample(&[("outcome", "ok")], snapshot.reloads);
    writer.sample(&[("outcome", "refused")], snapshot.reloads_refused);
    writer.family(
        Counter,
        "aerys_certificate_reloads",
        "Certificates that were read anew, by whether they could be used.",
    );
    writer.sample(&[("outcome", "ok")], snapshot.certificates_reloaded);
    writer.sample(&[("outcome", "refused")], snapshot.certificates_refused);
}

fn listeners(writer: &mut Writer, snapshot: &Snapshot) {
    writer.family(
        Counter,
        "aerys_connections_accepted",
        "Connections that were accepted, also those that were closed at once.",
    );
    for listener in &snapshot.listeners {
        writer.sample(&[("listener", &listener.address)], listener.accepted);
    }
    writer.family(Gauge, "aerys_connections", "Connections that are open, by what they speak.");
    for listener in &snapshot.listeners {
        for (protocol, count) in &listener.open {
            let protocol = ("protocol", protocol.name());
            writer.sample(&[("listener", &listener.address), protocol], count);
        }
    }
    writer.family(
        Counter,
        "aerys_connection_protocols",
        "Connections that have begun to speak a protocol. One that becomes a websocket has begun twice.",
    );
    for listener in &snapshot.listeners {
        for (protocol, count) in &listener.begun {
            let protocol = ("protocol", protocol.name());
            writer.sample(&[("listener", &listener.address), protocol], count);
        }
    }
}

fn clients(writer: &mut Writer, endpoints: &[EndpointFigures]) {
    writer.family(Gauge, "aerys_clients", "Clients that are let in and have not gone.");
    for it in endpoints {
        writer.sample(&[("endpoint", &it.endpoint)], it.clients);
    }
    writer.family(Gauge, "aerys_groups", "Groups that have members on this node.");
    for it in endpoints {
        writer.sample(&[("endpoint", &it.endpoint)], it.groups);
    }
    writer.family(Counter, "aerys_handshakes", "Handshakes, by what they have come to.");
    for it in endpoints {
        for (outcome, count) in &it.handshakes {
            writer.sample(&[("endpoint", &it.endpoint), ("outcome", outcome.name())], count);
        }
    }
    writer.family(
        Counter,
        "aerys_closes",
        "Clients that have gone, by the code that they were closed with, and who has begun. Those of 3000 and more \
         are other.",
    );
    for it in endpoints {
        for closes in &it.closes {
            let code = closes.code.map_or_else(|| "other".to_owned(), |code| code.to_string());
            let labels = [("endpoint", &*it.endpoint), ("code", &code), ("by", closes.by)];
            writer.sample(&labels, closes.count);
        }
    }
}

fn traffic(writer: &mut Writer, endpoints: &[EndpointFigures]) {
    writer.family(
        Counter,
        "aerys_messages",
        "Messages: whole ones that have come in, and those that were begun to be sent out.",
    );
    each_way(endpoints, |endpoint, direction, it| {
        for (kind, count) in [("text", it.text_messages), ("binary", it.binary_messages)] {
            writer.sample(&[endpoint, direction, ("kind", kind)], count);
        }
    });
    writer.family(Counter, "aerys_message_bytes", "What is in these messages, not compressed.");
    each_way(endpoints, |endpoint, direction, it| {
        for (kind, bytes) in [("text", it.text_bytes), ("binary", it.binary_bytes)] {
            writer.sample(&[endpoint, direction, ("kind", kind)], bytes);
        }
    });
    writer.family(
        Counter,
        "aerys_wire_bytes",
        "Bytes of websockets, headers and control frames included; TLS and handshakes are not.",
    );
    each_way(endpoints, |endpoint, direction, it| {
        writer.sample(&[endpoint, direction], it.wire_bytes);
    });
    writer.family(
        Counter,
        "aerys_compression_bytes",
        "What was compressed: before it was (plain), and what it took on the wire (compressed).",
    );
    each_way(endpoints, |endpoint, direction, it| {
        for (form, bytes) in [("plain", it.plain_bytes), ("compressed", it.compressed_bytes)] {
            writer.sample(&[endpoint, direction, ("form", form)], bytes);
        }
    });
}

type Label<'l> = (&'static str, &'l str);

fn each_way(
    endpoints: &[EndpointFigures],
    mut sample: impl FnMut(Label<'_>, Label<'_>, &super::snapshot::TrafficFigures),
) {
    for it in endpoints {
        let endpoint = ("endpoint", &*it.endpoint);
        sample(endpoint, ("direction", "in"), &it.received);
        sample(endpoint, ("direction", "out"), &it.sent);
    }
}

fn overload(writer: &mut Writer, endpoints: &[EndpointFigures]) {
    writer.family(
        Gauge,
        "aerys_queued_bytes",
        "What clients are owed that the kernel has not taken, 64 bytes for each message included.",
    );
    for it in endpoints {
        writer.sample(&[("endpoint", &it.endpoint)], it.queued_bytes);
    }
    writer.family(
        Gauge,
        "aerys_slow_clients",
        "Clients that are owed 64 KiB or more, and are not heard until they have read some of it.",
    );
    for it in endpoints {
        writer.sample(&[("endpoint", &it.endpoint)], it.slow_clients);
    }
    writer.family(
        Counter,
        "aerys_messages_dropped",
        "Messages dropped since a client was owed too much: its oldest, or its newest.",
    );
    for it in endpoints {
        for (which, count) in [("oldest", it.dropped_oldest), ("newest", it.dropped_newest)] {
            writer.sample(&[("endpoint", &it.endpoint), ("which", which)], count);
        }
    }
    writer.family(
        Counter,
        "aerys_messages_superseded",
        "Messages that later ones with the same key have taken the place of before they were sent.",
    );
    for it in endpoints {
        writer.sample(&[("endpoint", &it.endpoint)], it.superseded);
    }
    writer.family(
        Counter,
        "aerys_clients_evicted",
        "Clients closed since they were owed too much (overflow), or since others needed the memory of what they \
         had sent (inbound_memory).",
    );
    for it in endpoints {
        for (reason, count) in [("overflow", it.overflowed), ("inbound_memory", it.evicted)] {
            writer.sample(&[("endpoint", &it.endpoint), ("reason", reason)], count);
        }
    }
}

fn durations(writer: &mut Writer, endpoints: &[EndpointFigures]) {
    let help = "How long clients took to answer a ping.";
    writer.family(Histogram, "aerys_ping_round_trip_seconds", help);
    for it in endpoints {
        writer.durations(&[("endpoint", &it.endpoint)], it.round_trips);
    }
    writer.family(Histogram, "aerys_handler_duration_seconds", HANDLER_HELP);
    for it in endpoints {
        for (handler, durations) in
            [("on_open", it.on_open), ("on_data", it.on_data), ("on_close", it.on_close)]
        {
            writer.durations(&[("endpoint", &it.endpoint), ("handler", handler)], durations);
        }
    }
    writer.family(
        Histogram,
        "aerys_fan_out_duration_seconds",
        "How long broadcasts took from being published until the last of a worker's clients was told.",
    );
    for it in endpoints {
        writer.durations(&[("endpoint", &it.endpoint)], it.fan_outs);
    }
}
