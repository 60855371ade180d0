//! How long an echo takes while nothing else is said: through each server, and between two processes by themselves.
//!
//! All of them are there at once, and take turns, so that whatever else the machine does comes upon all alike.

use std::{collections::BTreeMap, path::Path, rc::Rc, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    bare::Bare,
    begin,
    figures::median,
    launch,
    subjects::{Contender, Language},
};
use crate::{
    load::{Message, Patience, Until},
    run::{Cores, Server},
};

/// How many turns each has, and how long one is. The first does not count.
const TURNS: usize = 16;

const TURN: Duration = Duration::from_millis(150);

/// p50 in nanoseconds: of each contender in their order, and of bare echoes.
pub(super) struct Latencies {
    pub(super) contenders: Vec<f64>,
    pub(super) bare: BTreeMap<Language, f64>,
}

pub(super) fn measure(
    contenders: &[Contender],
    adapters: &Path,
    patience: Patience,
    message: &Rc<Message>,
    cores: &Cores,
) -> Result<Latencies> {
    let mut clients = Vec::new();
    for contender in contenders {
        let server = Server::start(launch(contender), cores)?;
        let echo = begin(&server, 1, message, patience)?;
        clients.push((server, echo, Vec::new()));
    }
    let mut bare = BTreeMap::new();
    for language in Language::ALL {
        let echo = cores.start_pinned(1, || Bare::start(language, adapters))?;
        bare.insert(language, (echo, Vec::new()));
    }
    for _ in 0..TURNS {
        for ((_, echo, medians), contender) in clients.iter_mut().zip(contenders) {
            let tally = echo.run(Until::Elapsed(TURN));
            let tally =
                tally.with_context(|| format!("one client of {}", contender.subject.name))?;
            medians.push(tally.latency.quantile(0.5) as f64);
        }
        for (echo, medians) in bare.values_mut() {
            let latency = cores.start_pinned(1, || echo.run(TURN))?;
            medians.push(latency.quantile(0.5) as f64);
        }
    }
    let mut latencies = Latencies { contenders: Vec::new(), bare: BTreeMap::new() };
    for (_server, echo, mut medians) in clients {
        drop(echo.finish()?);
        latencies.contenders.push(median(medians.split_off(1)));
    }
    for (language, (echo, mut medians)) in bare {
        echo.finish()?;
        latencies.bare.insert(language, median(medians.split_off(1)));
    }
    Ok(latencies)
}
