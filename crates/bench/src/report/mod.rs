//! Tables and plots of what was measured.
//!
//! [`goals`] holds it against the figures to reach, each a few [`check`]s on [`conditions`]; [`tables`]
//! shows all of it, [`plot`] draws the part that is best seen.

mod check;
mod conditions;
mod goals;
mod number;
mod plot;
mod tables;

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};

use crate::run::Results;

/// Writes `RESULTS.md` and its plots into a folder.
///
/// # Errors
///
/// If it cannot.
pub(crate) fn write(folder: &Path, results: &Results) -> Result<()> {
    fs::create_dir_all(folder)?;
    let plots = plot::draw(folder, results)?;
    let path = folder.join("RESULTS.md");
    fs::write(&path, text(results, &plots)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn text(results: &Results, plots: &[plot::Plot]) -> Result<String> {
    let mut text = String::from("# Results\n\n");
    let Results { plan, minutes, machine, .. } = results;
    writeln!(
        text,
        "What `scripts/bench.sh` measured, and wrote here, in {minutes:.0} minutes (the {plan} \
         plan). The raw figures are in [results.json](results.json); what was tried, what it gave, \
         and why a figure is not reached is in [NOTES.md](NOTES.md).\n"
    )?;
    if !machine.optimized {
        writeln!(
            text,
            "**The servers were compiled for debugging: these figures mean nothing.**\n"
        )?;
    }
    goals::write(&mut text, results)?;
    writeln!(text, "{HOW_TO_READ}")?;
    for plot in plots {
        writeln!(text, "![{}]({})\n", plot.title, plot.file)?;
    }
    tables::write(&mut text, results)?;
    writeln!(text, "## The machine\n\n| | |\n| --- | --- |")?;
    writeln!(text, "| CPU | {}, {} cores |", machine.cpu, machine.cores)?;
    writeln!(text, "| memory | {:.0} GiB |", machine.memory_gib)?;
    writeln!(text, "| kernel | Linux {} |", machine.kernel)?;
    writeln!(text, "| compiler | {} |", machine.rustc)?;
    let pinned = if machine.pinned { "a core each" } else { "not pinned" };
    writeln!(text, "| server and load | {pinned} |")?;
    writeln!(text, "| date | {} |", machine.date)?;
    Ok(text)
}

const HOW_TO_READ: &str = "\
## How to read the tables

Servers run in turn, in interleaved rounds, one process each, on one core; the load has another, on
which it never sleeps, and compares every reply with what was sent. Figures are the medians of all
rounds, with the least and the most in brackets.

* **CPU** is the server's time on its core per message (or delivery, or handshake), by the
  scheduler's clock. **User** and **system** divide it as the kernel's timer found it at its ticks: a
  small share of a short run is a rough figure. CPU and instructions are the figures to trust on a
  noisy machine.
* **Instructions** are those in user mode, per message or delivery, counted by callgrind (the difference
  between so many and twice as many); `–` where there is no valgrind.
* **Writes** are the segments with which a server answered the messages that came in one.
* **Load** is how busy the load was: well below 100 %, it was not what limited the server.
* **Memory** is the server's anonymous memory: its heap and stacks, not its code, and not what the
  kernel keeps for its sockets, which is the same for all and not the server's to save.

In the plots the dark part of a bar is user time.
";
