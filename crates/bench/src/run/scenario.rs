//! What a server is put through.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::servers::Features;

/// One of how many a broadcast to some is for.
pub(crate) const TENTH: usize = 10;

/// How many clients there are where a small group is among few.
pub(crate) const AMONG_FEW: usize = 100;

/// The group of all that is said over TLS.
const TLS: &str = "tls";

/// One situation that servers are compared in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    #[serde(flatten)]
    pub(crate) workload: Workload,
    /// Whether clients speak TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tls: bool,
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Workload {
    /// Every client waits for the echo of `depth` messages of `size` bytes, sent in one write.
    Echo { clients: usize, size: usize, depth: usize },
    /// One client publishes `burst` messages of `size` bytes in one write; all have to hear them.
    Broadcast { clients: usize, size: usize, burst: usize },
    /// One client publishes a message of `size` bytes to a tenth of all.
    Only { clients: usize, size: usize },
    /// One client publishes a message of `size` bytes to a group of `members`, itself included.
    Group { members: usize, clients: usize, size: usize },
    /// `echoes` clients wait for the echo of 20 B beside a broadcast of `size` bytes, which goes on as
    /// fast as it is heard, or so many times a second.
    Mixed { echoes: usize, clients: usize, size: usize, per_second: Option<u32> },
    /// One client publishes a JSON text of 1 KiB; all have to hear it, compressed or not.
    Json { clients: usize, deflate: bool },
    /// What connections cost in memory, before and after one echo of 1 KiB.
    Idle { clients: usize, deflate: bool },
    /// Whether silent connections grow while the server pings them.
    Pings { clients: usize, seconds: u64 },
    /// Clients come and go, 64 at a time.
    Connects { clients: usize },
    /// They do, and each is in a group of ten while it is there.
    Joins { clients: usize },
    /// One client has 64 messages of 16 KiB under way, beside light ones with 20 B each.
    Hog { light: usize },
    /// Clients send messages of 16 KiB and never read.
    NoRead { clients: usize, seconds: u64 },
    /// Echo of 20 B at 500 clients, with so many workers and two loads.
    Workers { workers: usize, clients: usize },
    /// Echo by clients whose websockets are streams of one connection of HTTP/2.
    Http2 { clients: usize, size: usize },
}

impl Workload {
    /// Without TLS.
    pub(crate) const fn in_clear(self) -> Scenario {
        Scenario { workload: self, tls: false }
    }

    pub(crate) const fn over_tls(self) -> Scenario {
        Scenario { workload: self, tls: true }
    }

    fn suits(self, features: Features) -> bool {
        match self {
            Self::Broadcast { .. } | Self::Mixed { .. } => features.broadcast,
            Self::Only { .. } | Self::Group { .. } | Self::Joins { .. } => features.only,
            Self::Json { deflate, .. } => features.broadcast && (features.compression || !deflate),
            Self::Idle { deflate, .. } => features.echo && (features.compression || !deflate),
            Self::Workers { .. } => features.workers,
            Self::Http2 { .. } => features.http2,
            _ => features.echo,
        }
    }

    /// What its first figures are counted per.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Broadcast { .. } | Self::Only { .. } | Self::Group { .. } => "delivery",
            Self::Mixed { .. } | Self::Json { .. } => "delivery",
            Self::Idle { .. } | Self::Pings { .. } => "connection",
            Self::Connects { .. } | Self::Joins { .. } => "handshake",
            Self::Echo { .. } | Self::Hog { .. } | Self::NoRead { .. } => "message",
            Self::Workers { .. } | Self::Http2 { .. } => "message",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Echo { depth: 1, .. } => "echo",
            Self::Echo { .. } => "pipelined",
            Self::Broadcast { .. } => "broadcast",
            Self::Only { .. } => "only",
            Self::Group { .. } => "group",
            Self::Mixed { .. } => "mixed",
            Self::Json { .. } => "compressed",
            Self::Idle { .. } => "idle",
            Self::Pings { .. } => "pings",
            Self::Connects { .. } => "connects",
            Self::Joins { .. } => "joins",
            Self::Hog { .. } => "hog",
            Self::NoRead { .. } => "noread",
            Self::Workers { .. } => "workers",
            Self::Http2 { .. } => "http2",
        }
    }
}

impl Scenario {
    /// Whether a server can be put through this.
    pub(crate) fn suits(self, features: Features) -> bool {
        self.workload.suits(features) && if self.tls { features.tls } else { features.in_clear }
    }

    /// The group that it is reported and chosen in.
    pub(crate) fn group(self) -> &'static str {
        if self.tls { TLS } else { self.workload.group() }
    }

    /// A name without spaces, which begins with its group.
    pub(crate) fn slug(self) -> String {
        let ascii = self.to_string().replace('×', "x").replace("1 → ", "");
        let words = ascii.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }
}

/// Most are in clear.
impl From<Workload> for Scenario {
    fn from(workload: Workload) -> Self {
        workload.in_clear()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tls {
            write!(f, "{TLS} ")?;
        }
        self.workload.fmt(f)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.group())?;
        match *self {
            Self::Echo { clients, size, depth: 1 } => write!(f, "{clients} × {}", bytes(size)),
            Self::Echo { clients, size, depth } => {
                write!(f, "{clients} × {}, {depth} in flight", bytes(size))
            }
            Self::Broadcast { clients, size, burst: 1 } => {
                write!(f, "1 → {clients} × {}", bytes(size))
            }
            Self::Broadcast { clients, size, burst } => {
                write!(f, "1 → {clients} × {}, bursts of {burst}", bytes(size))
            }
            Self::Only { clients, size } => {
                write!(f, "1 → {} of {clients} × {}", clients / TENTH, bytes(size))
            }
            Self::Group { members, clients, size } => {
                write!(f, "1 → {members} of {clients} × {}", bytes(size))
            }
            Self::Mixed { echoes, clients, size, per_second } => {
                write!(f, "{echoes} × 20 B beside 1 → {clients} × {}", bytes(size))?;
                per_second.map_or(Ok(()), |rate| write!(f, ", {rate} a second"))
            }
            Self::Json { clients, deflate } => {
                write!(f, "1 → {clients} × 1 KiB JSON, {}", deflated(deflate))
            }
            Self::Idle { clients, deflate } => write!(f, "{clients}, {}", deflated(deflate)),
            Self::Pings { clients, seconds } => write!(f, "{clients} for {seconds} s"),
            Self::Connects { clients } | Self::Joins { clients } => write!(f, "{clients}"),
            Self::Hog { light } => write!(f, "64 × 16 KiB beside {light} × 20 B"),
            Self::NoRead { clients, seconds } => write!(f, "{clients} × 16 KiB for {seconds} s"),
            Self::Workers { workers, clients } => write!(f, "{workers} for {clients} × 20 B"),
            Self::Http2 { clients, size } => write!(f, "{clients} × {}", bytes(size)),
        }
    }
}

fn deflated(deflate: bool) -> &'static str {
    if deflate { "deflated" } else { "plain" }
}

/// A size in the unit that suits it.
fn bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..0x10_0000 => format!("{} KiB", size >> 10),
        _ => format!("{} MiB", size >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_has_a_title_and_a_name_to_choose_it_by() {
        for (scenario, title, slug) in [
            (
                Workload::Echo { clients: 64, size: 20, depth: 1 }.in_clear(),
                "echo 64 × 20 B",
                "echo-64-x-20-B",
            ),
            (
                Workload::Broadcast { clients: 1000, size: 1024, burst: 16 }.in_clear(),
                "broadcast 1 → 1000 × 1 KiB, bursts of 16",
                "broadcast-1000-x-1-KiB-bursts-of-16",
            ),
            (
                Workload::Only { clients: 10_000, size: 64 }.in_clear(),
                "only 1 → 1000 of 10000 × 64 B",
                "only-1000-of-10000-x-64-B",
            ),
            (
                Workload::Mixed { echoes: 1, clients: 10_000, size: 64, per_second: Some(5) }
                    .in_clear(),
                "mixed 1 × 20 B beside 1 → 10000 × 64 B, 5 a second",
                "mixed-1-x-20-B-beside-10000-x-64-B-5-a-second",
            ),
            (
                Workload::Echo { clients: 64, size: 20, depth: 1 }.over_tls(),
                "tls echo 64 × 20 B",
                "tls-echo-64-x-20-B",
            ),
        ] {
            assert_eq!(scenario.to_string(), title);
            assert_eq!(scenario.slug(), slug);
        }
    }

    #[test]
    fn what_says_nothing_of_tls_is_in_clear() {
        let echo = Workload::Echo { clients: 64, size: 20, depth: 1 };
        for (scenario, written) in [
            (echo.in_clear(), r#"{"echo":{"clients":64,"size":20,"depth":1}}"#),
            (echo.over_tls(), r#"{"echo":{"clients":64,"size":20,"depth":1},"tls":true}"#),
        ] {
            assert_eq!(serde_json::to_string(&scenario).unwrap(), written);
            assert_eq!(serde_json::from_str::<Scenario>(written).unwrap(), scenario);
        }
    }
}
