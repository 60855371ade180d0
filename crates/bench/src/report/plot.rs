//! Bars, one for each server, in SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::number;
use crate::run::{Figure, Results, Scenario, Workload};

/// Lengths in pixels.
const WIDTH: i32 = 760;

const MARGIN: i32 = 12;

const TOP: i32 = 44;

const ROW: i32 = 26;

/// Where bars begin, behind the names.
const LEFT: i32 = 160;

/// What is left for the number behind the longest bar.
const RIGHT: i32 = 80;

/// A drawing that the report shows.
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) file: String,
}

/// Draws the scenarios that were compared among several servers.
///
/// # Errors
///
/// If a file cannot be written.
pub(crate) fn draw(folder: &Path, results: &Results) -> Result<Vec<Plot>> {
    let mut plots = Vec::new();
    let servers = results.servers();
    for (scenario, figure) in worth_seeing(results) {
        let bars: Vec<Bar<'_>> =
            servers.iter().filter_map(|&name| Bar::of(results, scenario, name, figure)).collect();
        if bars.len() < 2 {
            continue;
        }
        let what = match figure {
            Figure::P99 => "p99 of the echo".to_owned(),
            Figure::Used => format!("memory per {}", scenario.workload.unit()),
            _ => format!("CPU per {}", scenario.workload.unit()),
        };
        let title = format!("{scenario}: {what}, {}", number::unit(figure));
        let file = format!("{}.svg", scenario.slug());
        bar_chart(&folder.join(&file), &title, &bars)
            .map_err(|error| anyhow!("{file}: {error}"))?;
        plots.push(Plot { title, file });
    }
    Ok(plots)
}

struct Bar<'a> {
    name: &'a str,
    /// Lengths, end to end: user and system time, or one.
    parts: Vec<f64>,
    /// What it comes to.
    label: String,
}

fn worth_seeing(results: &Results) -> Vec<(Scenario, Figure)> {
    let figure = |scenario: &Scenario| match scenario.workload {
        Workload::Echo { clients: 64 | 500, size: 20 | 1024 | 16384, .. } => Some(Figure::Cpu),
        Workload::Broadcast { clients: 1000 | 10_000, size: 64, .. } => Some(Figure::Cpu),
        Workload::Connects { .. } => Some(Figure::Cpu),
        Workload::Mixed { .. } => Some(Figure::P99),
        Workload::Idle { deflate: false, .. } => Some(Figure::Used),
        _ => None,
    };
    let scenarios = results.scenarios().into_iter();
    scenarios.filter_map(|scenario| Some((scenario, figure(&scenario)?))).collect()
}

fn bar_chart(
    path: &Path,
    title: &str,
    bars: &[Bar<'_>],
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let height = TOP + ROW * bars.len() as i32 + MARGIN;
    let root = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title, (MARGIN, MARGIN), ("sans-serif", 16)))?;
    let longest = bars.iter().map(Bar::length).fold(f64::MIN_POSITIVE, f64::max);
    let scale = f64::from(WIDTH - LEFT - RIGHT) / longest;
    for (bar, row) in bars.iter().zip(0..) {
        let y = TOP + ROW * row;
        root.draw(&Text::new(bar.name, (MARGIN, y + 5), ("sans-serif", 13)))?;
        let mut x = f64::from(LEFT);
        for (part, color) in bar.parts.iter().zip(colors(bar)) {
            let end = x + part * scale;
            let corners = [(x as i32, y + 3), (end as i32, y + ROW - 5)];
            root.draw(&Rectangle::new(corners, color.filled()))?;
            x = end;
        }
        root.draw(&Text::new(bar.label.as_str(), (x as i32 + 6, y + 5), ("sans-serif", 13)))?;
    }
    root.present()
}

impl<'a> Bar<'a> {
    /// `None` if the server was not measured.
    fn of(results: &Results, scenario: Scenario, name: &'a str, figure: Figure) -> Option<Self> {
        let median = |figure| results.median(scenario, name, figure);
        let whole = median(figure)?;
        let parts = match figure {
            Figure::Cpu => {
                // The parts are rougher than the whole, and their medians need not come to it.
                let [user, system] = [median(Figure::User)?, median(Figure::System)?];
                let user = whole * user / (user + system).max(f64::MIN_POSITIVE);
                vec![user, whole - user]
            }
            _ => vec![whole],
        };
        Some(Self { name, parts, label: number::plain(figure, whole) })
    }

    fn length(&self) -> f64 {
        self.parts.iter().sum()
    }
}

/// User time is darker than system time; ours, the floors and the peers differ in hue.
fn colors(bar: &Bar<'_>) -> [RGBColor; 2] {
    match bar.name {
        name if name.starts_with("aerys") => [RGBColor(180, 70, 10), RGBColor(240, 150, 80)],
        name if name.starts_with("floor") => [RGBColor(90, 90, 90), RGBColor(190, 190, 190)],
        _ => [RGBColor(30, 80, 140), RGBColor(130, 175, 220)],
    }
}
