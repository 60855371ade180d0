//! Which servers are put through which scenarios, how often and for how long.

use std::time::Duration;

use super::{
    measure::Extent,
    scenario::{AMONG_FEW, Scenario, Workload},
    subject::{PLAIN, Subject},
};
use crate::load::Until;

/// A large message, in bytes.
const LARGE: usize = 1 << 20;

/// The echoes, in clients and bytes, that figures have to be reached at.
const GOALS: [(usize, usize); 4] = [(64, 20), (500, 1 << 10), (64, 16 << 10), (64, LARGE)];

/// The echo that a build without link-time optimization is put through too.
const PIPELINED: Workload = echo(64, 20, 16);

/// What is said on one connection of HTTP/2.
const HTTP2: [Workload; 2] =
    [Workload::Http2 { clients: 64, size: 20 }, Workload::Http2 { clients: 64, size: 1 << 10 }];

/// One scenario, and who is put through it.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) scenario: Scenario,
    pub(crate) subjects: Vec<&'a Subject>,
    pub(crate) rounds: u32,
    pub(crate) gauge: Gauge,
}

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gauge {
    /// On its own core, by the clock.
    Clock(Extent),
    /// Under callgrind: instructions only.
    Callgrind,
}

/// What plans are made of and for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) subjects: &'a [Subject],
    /// How many files a process may open.
    pub(crate) files: usize,
    pub(crate) cores: usize,
}

impl<'a> Plan<'a> {
    /// All of it: fifty minutes, and ten of pings.
    pub(crate) fn full(self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for clients in [1, 64, 500] {
            for size in [20, 1 << 10, 16 << 10, LARGE] {
                let rounds = if GOALS.contains(&(clients, size)) { 7 } else { 3 };
                let seconds = if size < LARGE { 1.0 } else { 2.0 };
                steps.push(self.clocked(echo(clients, size, 1), all, rounds, seconds));
            }
        }
        steps.push(self.clocked(PIPELINED, all, 7, 1.0));
        steps.push(self.clocked(echo(16, LARGE, 4), all, 3, 2.0));
        for clients in [1_000, self.room(10_000)] {
            for size in [64, 1 << 10] {
                for burst in [1, 16] {
                    let workload = Workload::Broadcast { clients, size, burst };
                    steps.push(self.clocked(workload, distinct, 3, 1.0));
                }
            }
        }
        for size in [64, 1 << 10] {
            let workload = Workload::Only { clients: self.room(10_000), size };
            steps.push(self.clocked(workload, distinct, 3, 1.0));
        }
        for workload in self.groups() {
            steps.push(self.clocked(workload, distinct, 5, 1.0));
        }
        for clients in [1_000, self.room(10_000)] {
            for deflate in [false, true] {
                let workload = Workload::Json { clients, deflate };
                steps.push(self.clocked(workload, distinct, 3, 1.0));
            }
        }
        for per_second in [None, Some(4)] {
            steps.push(self.clocked(self.mixed(per_second), distinct, 3, 4.0));
        }
        for deflate in [false, true] {
            let workload = Workload::Idle { clients: self.room(19_000), deflate };
            steps.push(self.clocked(workload, distinct, 1, 1.0));
        }
        steps.push(self.clocked(Workload::Connects { clients: 20_000 }, distinct, 5, 1.0));
        steps.push(self.clocked(Workload::Joins { clients: 20_000 }, distinct, 5, 1.0));
        steps.push(self.clocked(Workload::Hog { light: 64 }, all, 5, 1.0));
        steps.push(self.clocked(Workload::NoRead { clients: 4, seconds: 2 }, all, 2, 1.0));
        steps.extend(self.workers(5, 1.0));
        for workload in [echo(64, 20, 1), echo(500, 1 << 10, 1)] {
            steps.push(self.clocked(workload.over_tls(), distinct, 5, 1.0));
        }
        let connects = Workload::Connects { clients: 5_000 };
        steps.push(self.clocked(connects.over_tls(), distinct, 3, 1.0));
        let idle = Workload::Idle { clients: self.room(5_000), deflate: false };
        steps.push(self.clocked(idle.over_tls(), distinct, 1, 1.0));
        steps.push(self.counted(echo(64, 20, 1).over_tls(), distinct));
        for workload in HTTP2 {
            steps.push(self.clocked(workload, all, 5, 1.0));
            steps.push(self.counted(workload, all));
        }
        for workload in [echo(64, 20, 1), echo(500, 1 << 10, 1), echo(64, 16 << 10, 1), PIPELINED] {
            steps.push(self.counted(workload, all));
        }
        for (size, burst) in [(64, 1), (64, 16), (1 << 10, 1)] {
            let workload = Workload::Broadcast { clients: 1_000, size, burst };
            steps.push(self.counted(workload, |name| distinct(name) && frugal(name)));
        }
        let workload = Workload::Pings { clients: self.room(10_000), seconds: 600 };
        steps.push(self.clocked(workload, only(&["aerys"]), 1, 1.0));
        steps
    }

    /// Every figure that has to be reached, in less than four minutes.
    pub(crate) fn quick(self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for (clients, size) in GOALS {
            let rounds = if size < LARGE { 2 } else { 1 };
            steps.push(self.clocked(echo(clients, size, 1), all, rounds, 0.4));
        }
        steps.push(self.clocked(echo(1, LARGE, 1), only(&["aerys"]), 1, 0.2));
        steps.push(self.clocked(PIPELINED, all, 2, 0.4));
        steps.push(self.clocked(echo(16, LARGE, 4), distinct, 1, 0.4));
        let told = &["floor-broadcast", "aerys"];
        for clients in [1_000, self.room(10_000)] {
            for (size, burst) in [(64, 1), (64, 16), (1 << 10, 1)] {
                let workload = Workload::Broadcast { clients, size, burst };
                steps.push(self.clocked(workload, only(told), 1, 0.5));
            }
        }
        let workload = Workload::Only { clients: self.room(10_000), size: 64 };
        steps.push(self.clocked(workload, distinct, 1, 0.5));
        for workload in self.groups() {
            steps.push(self.clocked(workload, distinct, 1, 0.5));
        }
        for deflate in [false, true] {
            let workload = Workload::Json { clients: 1_000, deflate };
            steps.push(self.clocked(workload, only(&["aerys"]), 2, 0.4));
        }
        steps.push(self.clocked(self.mixed(None), only(told), 1, 1.0));
        let workload = Workload::Idle { clients: self.room(2_000), deflate: false };
        let idle = only(&["floor-tokio", "aerys", "tokio-websockets"]);
        steps.push(self.clocked(workload, idle, 1, 0.0));
        steps.push(self.clocked(Workload::Connects { clients: 3_000 }, distinct, 1, 0.0));
        steps.push(self.clocked(Workload::Joins { clients: 3_000 }, distinct, 1, 0.0));
        steps.push(self.clocked(Workload::Hog { light: 64 }, all, 1, 0.4));
        let workload = Workload::NoRead { clients: 4, seconds: 1 };
        steps.push(self.clocked(workload, only(&["aerys", "aerys-await"]), 1, 0.0));
        steps.extend(self.workers(1, 0.4));
        for workload in [echo(64, 20, 1), echo(500, 1 << 10, 1)] {
            let leanest = only(&["floor-tokio", "aerys", "fastwebsockets", "tokio-websockets"]);
            steps.push(self.clocked(workload.over_tls(), leanest, 2, 0.4));
        }
        let connects = Workload::Connects { clients: 1_000 };
        steps.push(self.clocked(connects.over_tls(), only(&["aerys", "axum"]), 1, 0.0));
        let idle = Workload::Idle { clients: self.room(1_000), deflate: false };
        steps.push(self.clocked(idle.over_tls(), only(&["floor-rustls", "aerys"]), 1, 0.0));
        let leanest = only(&["floor-tokio", "aerys", "fastwebsockets"]);
        steps.push(self.counted(echo(64, 20, 1).over_tls(), leanest));
        for workload in HTTP2 {
            steps.push(self.clocked(workload, distinct, 1, 0.4));
        }
        for workload in [echo(64, 20, 1), echo(500, 1 << 10, 1)] {
            steps.push(self.counted(workload, frugal));
        }
        steps.push(self.counted(PIPELINED, only(&["floor-tokio", "aerys"])));
        for burst in [1, 16] {
            let workload = Workload::Broadcast { clients: 1_000, size: 64, burst };
            steps.push(self.counted(workload, only(told)));
        }
        let workload = Workload::Pings { clients: self.room(2_000), seconds: 12 };
        steps.push(self.clocked(workload, only(&["aerys"]), 1, 0.0));
        steps
    }

    /// Everything once, and as little of it as shows that it works.
    pub(crate) fn smoke(self) -> Vec<Step<'a>> {
        let in_clear = [
            echo(1, 20, 1),
            echo(8, 1 << 10, 1),
            echo(2, LARGE, 1),
            echo(4, 20, 16),
            echo(2, LARGE, 4),
            Workload::Broadcast { clients: 8, size: 64, burst: 1 },
            Workload::Broadcast { clients: 8, size: 1 << 10, burst: 16 },
            Workload::Only { clients: 20, size: 64 },
            Workload::Group { members: 3, clients: 8, size: 64 },
            Workload::Joins { clients: 8 },
            Workload::Mixed { echoes: 2, clients: 8, size: 64, per_second: None },
            Workload::Mixed { echoes: 1, clients: 8, size: 64, per_second: Some(500) },
            Workload::Json { clients: 8, deflate: true },
            Workload::Idle { clients: 8, deflate: false },
            Workload::Idle { clients: 8, deflate: true },
            Workload::Pings { clients: 2, seconds: 0 },
            Workload::Connects { clients: 8 },
            Workload::Hog { light: 4 },
            Workload::NoRead { clients: 1, seconds: 0 },
            Workload::Workers { workers: 2, clients: 8 },
            Workload::Http2 { clients: 8, size: 1 << 10 },
        ];
        let over_tls = [
            echo(4, 20, 1),
            echo(8, 1 << 10, 1),
            echo(2, LARGE, 1),
            Workload::Idle { clients: 8, deflate: false },
            Workload::Connects { clients: 8 },
        ];
        let step = |scenario: Scenario| {
            let is_large = matches!(scenario.workload, Workload::Echo { size: LARGE, .. });
            let messages = if is_large { 4 } else { 200 };
            let extent = Extent { warm: Until::Messages(4), window: Until::Messages(messages) };
            self.step(scenario, all, 1, Gauge::Clock(extent))
        };
        let over_tls = over_tls.map(Workload::over_tls);
        in_clear.map(Scenario::from).into_iter().chain(over_tls).map(step).collect()
    }

    fn clocked(
        self,
        scenario: impl Into<Scenario>,
        whom: impl Fn(&str) -> bool,
        rounds: u32,
        seconds: f64,
    ) -> Step<'a> {
        let extent = Extent {
            warm: Until::Elapsed(Duration::from_secs_f64(seconds / 4.0)),
            window: Until::Elapsed(Duration::from_secs_f64(seconds)),
        };
        self.step(scenario.into(), whom, rounds, Gauge::Clock(extent))
    }

    fn counted(self, scenario: impl Into<Scenario>, whom: impl Fn(&str) -> bool) -> Step<'a> {
        self.step(scenario.into(), whom, 1, Gauge::Callgrind)
    }

    /// Two workers against one, where two loads have cores of their own beside them.
    fn workers(self, rounds: u32, seconds: f64) -> Vec<Step<'a>> {
        let workload = |workers| Workload::Workers { workers, clients: 500 };
        let step = |workers| self.clocked(workload(workers), only(&["aerys"]), rounds, seconds);
        if self.cores < 4 { Vec::new() } else { [1, 2].map(step).into() }
    }

    /// `whom` chooses among this program's own servers.
    fn step(
        self,
        scenario: Scenario,
        whom: impl Fn(&str) -> bool,
        rounds: u32,
        gauge: Gauge,
    ) -> Step<'a> {
        let is_chosen = |subject: &&Subject| match &subject.command {
            _ if subject.name == PLAIN => scenario == PIPELINED.in_clear(),
            // Whether others ping at all is not known, and it is not seen in a short time.
            Some(_) => !matches!(scenario.workload, Workload::Pings { .. }),
            None => whom(&subject.name),
        };
        let suits = |subject: &&Subject| scenario.suits(subject.features);
        let subjects = self.subjects.iter().filter(is_chosen).filter(suits).collect();
        Step { scenario, subjects, rounds, gauge }
    }

    /// A small group among few and among many, and a large one, beside which all of them are not much.
    fn groups(self) -> [Workload; 3] {
        let group = |members, clients| Workload::Group { members, clients, size: 64 };
        [group(10, AMONG_FEW), group(10, self.room(10_000)), group(1_000, self.room(10_000))]
    }

    fn mixed(self, per_second: Option<u32>) -> Workload {
        Workload::Mixed { echoes: 1, clients: self.room(10_000), size: 64, per_second }
    }

    /// How many clients a process can hold, if it should be so many.
    fn room(self, clients: usize) -> usize {
        clients.min(self.files.saturating_sub(500))
    }
}

const fn echo(clients: usize, size: usize, depth: usize) -> Workload {
    Workload::Echo { clients, size, depth }
}

fn all(_: &str) -> bool {
    true
}

/// All but those that differ from another only in how they echo.
fn distinct(name: &str) -> bool {
    !matches!(name, "aerys-await" | "sockudo-ws-flush")
}

/// All but those that need so many instructions that counting them takes minutes.
fn frugal(name: &str) -> bool {
    !matches!(name, "tokio-tungstenite" | "axum")
}

fn only(names: &[&str]) -> impl Fn(&str) -> bool {
    move |name| names.contains(&name)
}
