//! What was measured, as it is written to `results.json` and read by the report.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize, Serializer};

use super::{machine::Machine, scenario::Scenario};
use crate::servers::NAMES;

const FILE: &str = "results.json";

/// All that one run measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) plan: String,
    pub(crate) minutes: f64,
    pub(crate) machine: Machine,
    pub(crate) samples: Vec<Sample>,
}

/// One server in one scenario, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) scenario: Scenario,
    pub(crate) server: String,
    pub(crate) round: u32,
    #[serde(serialize_with = "rounded")]
    pub(crate) figures: Figures,
    /// Why there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// What was counted, each in its figure's unit.
pub(crate) type Figures = BTreeMap<Figure, f64>;

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// The server's CPU time, in nanoseconds per message, delivery or handshake.
    Cpu,
    /// The part of it in user mode.
    User,
    /// The part of it in the kernel.
    System,
    /// Instructions in user mode, per message.
    Instructions,
    /// Messages, deliveries or handshakes per second.
    Rate,
    /// The time that half of the replies took at most, in nanoseconds.
    P50,
    P99,
    P999,
    /// Writes with which the server answered what came in one.
    Writes,
    /// Bytes that each client received per message.
    Wire,
    /// The share of the time that the load was busy.
    Busy,
    /// Bytes of the server's anonymous memory per connection, once open.
    Open,
    /// The same after each connection echoed 1 KiB.
    Used,
    /// By how many bytes the server's anonymous memory grew: in all, or per connection.
    Growth,
    /// How many copies of a message were alive at once, at most.
    Copies,
    /// How many clients the server cut off.
    Cut,
    /// Bytes per second that the hog was answered.
    Bulk,
}

/// The middle of several rounds, and their ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Results {
    /// Reads `results.json` in a folder.
    ///
    /// # Errors
    ///
    /// If it is not there or not of this form.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Writes `results.json` into a folder.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        fs::write(&path, self.to_json()?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// One line for each sample, so that two runs can be compared.
    fn to_json(&self) -> Result<String> {
        let Self { plan, minutes, machine, samples } = self;
        let samples = samples.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        Ok(format!(
            "{{\n\"plan\": {},\n\"minutes\": {minutes:.1},\n\"machine\": {},\n\"samples\": [\n{}\n]\n}}\n",
            serde_json::to_string(plan)?,
            serde_json::to_string(machine)?,
            samples.join(",\n"),
        ))
    }

    /// A figure of a server in a scenario; `None` if it was not measured.
    pub(crate) fn spread(
        &self,
        scenario: Scenario,
        server: &str,
        figure: Figure,
    ) -> Option<Spread> {
        let samples = self.samples_of(scenario, server);
        Spread::of(samples.filter_map(|sample| sample.figures.get(&figure).copied()).collect())
    }

    /// The median of that.
    pub(crate) fn median(&self, scenario: Scenario, server: &str, figure: Figure) -> Option<f64> {
        self.spread(scenario, server, figure).map(|spread| spread.median)
    }

    /// Why a server has no figures in a scenario.
    pub(crate) fn failure<'a>(&'a self, scenario: Scenario, server: &'a str) -> Option<&'a str> {
        self.samples_of(scenario, server).find_map(|sample| sample.failure.as_deref())
    }

    /// All scenarios, in the order in which they were first measured.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = Vec::new();
        for sample in &self.samples {
            if !scenarios.contains(&sample.scenario) {
                scenarios.push(sample.scenario);
            }
        }
        scenarios
    }

    /// The names of all servers that were measured: this program's own in their order, then others.
    pub(crate) fn servers(&self) -> Vec<&str> {
        let measured = |name: &&str| self.samples.iter().any(|sample| sample.server == *name);
        let mut servers: Vec<&str> = NAMES.iter().copied().filter(measured).collect();
        for sample in &self.samples {
            if !servers.contains(&sample.server.as_str()) {
                servers.push(&sample.server);
            }
        }
        servers
    }

    fn samples_of<'a>(
        &'a self,
        scenario: Scenario,
        server: &'a str,
    ) -> impl Iterator<Item = &'a Sample> {
        let wanted = move |sample: &&Sample| sample.scenario == scenario && sample.server == server;
        self.samples.iter().filter(wanted)
    }
}

impl Spread {
    /// `None` if there are no values.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

/// Three decimals are more than anything here is known to.
fn rounded<S: Serializer>(figures: &Figures, serializer: S) -> Result<S::Ok, S::Error> {
    let round = |value: &f64| (value * 1e3).round() / 1e3;
    serializer.collect_map(figures.iter().map(|(figure, value)| (figure, round(value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Workload;

    const HOG: Scenario = Workload::Hog { light: 64 }.in_clear();

    #[test]
    fn a_median_is_the_middle_or_between_the_two_middles() {
        let spread = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(spread(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn peers_come_behind_the_programs_own_servers() {
        let sample = |server: &str| Sample {
            scenario: HOG,
            server: server.to_owned(),
            round: 0,
            figures: Figures::new(),
            failure: None,
        };
        let results = Results {
            plan: String::new(),
            minutes: 0.0,
            machine: Machine::default(),
            samples: ["uws", "axum", "other", "uws", "floor"].map(sample).into(),
        };
        assert_eq!(results.servers(), ["floor", "axum", "uws", "other"]);
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let sample = Sample {
            scenario: HOG,
            server: "floor".to_owned(),
            round: 2,
            figures: Figures::from([(Figure::P99, 1234.5678)]),
            failure: None,
        };
        let samples = vec![sample.clone(), Sample { failure: Some("why".into()), ..sample }];
        let plan = "quick".to_owned();
        let results = Results { plan, minutes: 2.5, machine: Machine::default(), samples };
        let read: Results = serde_json::from_str(&results.to_json().unwrap()).unwrap();
        assert_eq!(read.samples.len(), 2);
        assert_eq!(read.median(HOG, "floor", Figure::P99), Some(1234.568));
        assert_eq!(read.failure(HOG, "floor"), Some("why"));
    }
}
