//! How the cluster is, for a server that is a node of one.

use super::writer::{
    Kind::{Counter, Gauge},
    Writer,
};
use crate::metrics::snapshot::ClusterFigures;

pub(super) fn write(writer: &mut Writer, cluster: &ClusterFigures) {
    writer.family(
        Gauge,
        "aerys_cluster_connected",
        "Whether the bus of the cluster is there: 1, and else 0.",
    );
    writer.sample(&[], u8::from(cluster.is_connected));
    writer.family(
        Gauge,
        "aerys_cluster_nodes",
        "Nodes that have given a sign of life within the lease, this one included.",
    );
    writer.sample(&[], cluster.nodes);
    for (name, count, help) in [
        (
            "aerys_cluster_messages_forwarded",
            cluster.forwarded,
            "Messages of this node that the bus has taken for other nodes.",
        ),
        (
            "aerys_cluster_messages_not_forwarded",
            cluster.not_forwarded,
            "Messages of this node that the bus has not taken, as it is away, full, or they are too large.",
        ),
        (
            "aerys_cluster_messages_received",
            cluster.received,
            "Messages of other nodes for endpoints that are here.",
        ),
        (
            "aerys_cluster_frames_malformed",
            cluster.malformed,
            "What has come by the bus and made no sense.",
        ),
    ] {
        writer.family(Counter, name, help);
        writer.sample(&[], count);
    }
    writer.family(
        Counter,
        "aerys_cluster_frames_lost",
        "Frames that the bus has dropped, as this node was too slow or they were late (in), and those that it had taken and that were \
         lost with its connection (out).",
    );
    writer.sample(&[("direction", "in")], cluster.unread);
    writer.sample(&[("direction", "out")], cluster.unsent);
}
