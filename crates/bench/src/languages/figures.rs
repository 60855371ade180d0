//! What came out of each round, and what is made of it.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    alone::Latencies,
    subjects::{Contender, Language},
};
use crate::run::Spread;

/// What an echo costs, in nanoseconds, and how many there are each second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echoed {
    pub(super) server_cpu: f64,
    /// Of the process that it goes through, if there is one.
    pub(super) process_cpu: f64,
    pub(super) rate: f64,
}

pub(super) struct Figures {
    /// In the order in which they are measured.
    rows: Vec<Row>,
    /// Latencies of bare echoes, of each round.
    bare: BTreeMap<Language, Vec<f64>>,
}

/// What came out of one in each round.
struct Row {
    contender: Contender,
    echoed: Vec<Echoed>,
    /// Of one client by itself, p50.
    latencies: Vec<f64>,
}

impl Figures {
    pub(super) fn new(contenders: Vec<Contender>) -> Self {
        let row = |contender| Row { contender, echoed: Vec::new(), latencies: Vec::new() };
        let rows = contenders.into_iter().map(row).collect();
        Self { rows, bare: BTreeMap::new() }
    }

    /// Takes a round of what was measured, of each contender in their order.
    pub(super) fn add(&mut self, echoed: Vec<Echoed>, latencies: Latencies) {
        let Latencies { contenders, bare } = latencies;
        for (row, (echoed, latency)) in self.rows.iter_mut().zip(echoed.into_iter().zip(contenders))
        {
            row.echoed.push(echoed);
            row.latencies.push(latency);
        }
        for (language, latency) in bare {
            self.bare.entry(language).or_default().push(latency);
        }
    }

    /// Tables of what was measured, and of what is to be reached.
    pub(super) fn page(&self) -> String {
        let mut page = String::from(
            "| echo | CPU of the server | CPU of the process | messages a second | one client by itself, p50 |\n\
             | --- | --- | --- | --- | --- |\n",
        );
        let micros = |nanoseconds: f64| format!("{:.2} µs", nanoseconds / 1e3);
        for Row { contender, echoed, latencies } in &self.rows {
            let echoed = Echoed::median(echoed);
            let process = match contender.has_process {
                true => micros(echoed.process_cpu),
                false => "–".to_owned(),
            };
            // Writing to a string does not fail.
            let _ = writeln!(
                page,
                "| {} | {} | {process} | {:.0} | {:.1} µs |",
                contender.subject.name,
                micros(echoed.server_cpu),
                echoed.rate,
                median(latencies.clone()) / 1e3
            );
        }
        page += "\n`-await` waits for each send, as the examples do; the others do not, as the peers do not. `-jit` has PHP's \
                 compiler, which PHP does without as Debian has it.\n\n\
                 | what | beside | ratio | to reach |\n| --- | --- | --- | --- |\n";
        for ours in self.rows.iter().filter(|it| it.contender.has_process) {
            self.compare(ours, &mut page);
        }
        page
    }

    /// Rows of a table: one with a process, beside all that it is to be compared with.
    fn compare(&self, ours: &Row, page: &mut String) {
        let Contender { language: Some(language), awaits, is_tuned, .. } = ours.contender else {
            return;
        };
        let (name, echoed) = (&ours.contender.subject.name, Echoed::median(&ours.echoed));
        let mut row = |what: &str, beside: &str, ratio: f64, reach: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(page, "| {name}: {what} | {beside} | {ratio:.2} | {reach} |");
        };
        let is_peer = |it: &&Row| {
            it.contender.language == Some(language) && !it.contender.has_process && !is_tuned
        };
        for peer in self.rows.iter().filter(is_peer) {
            let (cpu, rate) = match language {
                Language::Php => ("at most 0.33", ""),
                _ => ("", "above 1"),
            };
            let (beside, by_itself) = (&peer.contender.subject.name, Echoed::median(&peer.echoed));
            row("CPU of the process", beside, echoed.process_cpu / by_itself.server_cpu, cpu);
            row("messages a second", beside, echoed.rate / by_itself.rate, rate);
        }
        let is_in_rust =
            |it: &&Row| it.contender.language.is_none() && it.contender.awaits == awaits;
        let Some(rust) = self.rows.iter().find(is_in_rust) else { return };
        let in_rust = Echoed::median(&rust.echoed);
        let ratio = echoed.server_cpu / in_rust.server_cpu;
        row("CPU of the server", &rust.contender.subject.name, ratio, "at most 2.5");
        let Some(bare) = self.bare.get(&language) else { return };
        let of_rounds = ours.latencies.iter().zip(&rust.latencies).zip(bare);
        let ratios = of_rounds.map(|((ours, rust), bare)| (ours - rust) / bare).collect();
        let beside = format!("a bare echo in {language}, {:.1} µs", median(bare.clone()) / 1e3);
        row("latency that the process adds", &beside, median(ratios), "at most 1.5");
    }
}

impl Echoed {
    fn median(all: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| median(all.iter().map(field).collect());
        Self {
            server_cpu: of(|it| it.server_cpu),
            process_cpu: of(|it| it.process_cpu),
            rate: of(|it| it.rate),
        }
    }
}

/// The middle of several; no number if there are none.
pub(super) fn median(values: Vec<f64>) -> f64 {
    Spread::of(values).map_or(f64::NAN, |spread| spread.median)
}
