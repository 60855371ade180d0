//! What came out of each round, and what is made of it.

use std::{collections::BTreeMap, fmt::Write as _};

use super::subjects::{Contender, Language};
use crate::run::Spread;

/// What an echo costs, in nanoseconds, and how many there are each second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echoed {
    pub(super) server_cpu: f64,
    /// Of the process that it goes through, if there is one.
    pub(super) process_cpu: f64,
    pub(super) rate: f64,
    /// Of one client by itself, p50.
    pub(super) latency: f64,
}

#[derive(Default)]
pub(super) struct Figures {
    /// In the order in which they are measured.
    rows: Vec<(Contender, Vec<Echoed>)>,
    bare: BTreeMap<Language, Vec<f64>>,
}

impl Figures {
    pub(super) fn add(&mut self, contender: &Contender, echoed: Echoed) {
        let known = self.rows.iter_mut().find(|(it, _)| it.subject == contender.subject);
        match known {
            Some((_, all)) => all.push(echoed),
            None => self.rows.push((contender.clone(), vec![echoed])),
        }
    }

    pub(super) fn add_bare(&mut self, language: Language, latency: f64) {
        self.bare.entry(language).or_default().push(latency);
    }

    /// Tables of what was measured, and of what is to be reached.
    pub(super) fn page(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|(it, all)| (it, Echoed::median(all))).collect();
        let mut page = String::from(
            "| echo | CPU of the server | CPU of the process | messages a second | one client by itself, p50 |\n\
             | --- | --- | --- | --- | --- |\n",
        );
        let micros = |nanoseconds: f64| format!("{:.2} µs", nanoseconds / 1e3);
        for (contender, echoed) in &rows {
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
                echoed.latency / 1e3
            );
        }
        page += "\n`-await` waits for each send, as the examples do; the others do not, as the peers do not. `-jit` has PHP's \
                 compiler, which PHP does without as Debian has it.\n\n\
                 | what | beside | ratio | to reach |\n| --- | --- | --- | --- |\n";
        for (ours, echoed) in rows.iter().filter(|(it, _)| it.has_process) {
            let name = &ours.subject.name;
            let Some(language) = ours.language else { continue };
            let in_rust =
                rows.iter().find(|(it, _)| it.language.is_none() && it.awaits == ours.awaits);
            let Some((rust, in_rust)) = in_rust else { continue };
            let mut row = |what: &str, beside: String, ratio: f64, reach: &str| {
                let _ = writeln!(page, "| {name}: {what} | {beside} | {ratio:.2} | {reach} |");
            };
            let peers = rows.iter().filter(|(it, _)| {
                it.language == Some(language) && !it.has_process && !ours.is_tuned
            });
            for (peer, by_itself) in peers {
                let (cpu, rate) = match language {
                    Language::Php => ("at most 0.33", ""),
                    _ => ("", "above 1"),
                };
                let ratio = echoed.process_cpu / by_itself.server_cpu;
                row("CPU of the process", peer.subject.name.clone(), ratio, cpu);
                let ratio = echoed.rate / by_itself.rate;
                row("messages a second", peer.subject.name.clone(), ratio, rate);
            }
            let ratio = echoed.server_cpu / in_rust.server_cpu;
            row("CPU of the server", rust.subject.name.clone(), ratio, "at most 2.5");
            let bare = median(self.bare.get(&language).map_or(&[], Vec::as_slice));
            let beside = format!("a bare echo in {language}, {:.1} µs", bare / 1e3);
            let ratio = (echoed.latency - in_rust.latency) / bare;
            row("latency that the process adds", beside, ratio, "at most 1.5");
        }
        page
    }
}

impl Echoed {
    fn median(all: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| median(&all.iter().map(field).collect::<Vec<_>>());
        Self {
            server_cpu: of(|it| it.server_cpu),
            process_cpu: of(|it| it.process_cpu),
            rate: of(|it| it.rate),
            latency: of(|it| it.latency),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    Spread::of(values.to_vec()).map_or(f64::NAN, |spread| spread.median)
}
