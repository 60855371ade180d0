//! Lines of the two formats, and what they differ in.

use std::fmt::{Display, Write};

use crate::metrics::histogram::{BOUNDS, Durations};

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Prometheus,
    OpenMetrics,
}

/// Of which type a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metrics) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// What is in its labels; its value is 1.
    Info,
}

/// The units that the end of a name says.
const UNITS: [&str; 2] = ["bytes", "seconds"];

/// Text that grows by metric families, each followed by its samples.
pub(in crate::metrics) struct Writer {
    format: Format,
    text: String,
    /// The name of the samples of the family that is being written.
    sample: String,
    /// The bounds of a histogram's buckets, in seconds.
    bounds: Vec<String>,
}

impl Format {
    /// What a response with it says that it is.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Writer {
    pub(in crate::metrics) fn new(format: Format) -> Self {
        // OpenMetrics has a point in each number that need not be whole.
        let point = |bound: f64| {
            if bound.fract() == 0.0 { format!("{bound:.1}") } else { bound.to_string() }
        };
        let bounds = BOUNDS.iter().map(|bound| point(bound.as_secs_f64()));
        let text = String::with_capacity(128 * 1024);
        Self { format, text, sample: String::new(), bounds: bounds.collect() }
    }

    /// Begins a family. Its name is without what its type adds.
    pub(in crate::metrics) fn family(&mut self, kind: Kind, name: &str, help: &str) {
        let is_open = self.format == Format::OpenMetrics;
        self.sample = match kind {
            Kind::Counter => format!("{name}_total"),
            Kind::Info => format!("{name}_info"),
            Kind::Gauge | Kind::Histogram => name.to_owned(),
        };
        // OpenMetrics has the family named without that, and types that Prometheus does not know.
        let family = if is_open { name } else { &self.sample };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => {
                if is_open {
                    "info"
                } else {
                    "gauge"
                }
            }
        };
        push(&mut self.text, format_args!("# TYPE {family} {kind}\n"));
        let unit = UNITS
            .into_iter()
            .find(|unit| name.strip_suffix(unit).is_some_and(|before| before.ends_with('_')));
        if let Some(unit) = unit.filter(|_| is_open) {
            push(&mut self.text, format_args!("# UNIT {family} {unit}\n"));
        }
        push(&mut self.text, format_args!("# HELP {family} {help}\n"));
    }

    /// A sample of the family that was begun last.
    pub(in crate::metrics) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Those of a histogram.
    pub(in crate::metrics) fn durations(&mut self, labels: &[(&str, &str)], durations: Durations) {
        let bounds = std::mem::take(&mut self.bounds);
        for (bound, (_, count)) in bounds.iter().zip(durations.cumulative()) {
            self.line("_bucket", labels, Some(bound), count);
        }
        self.bounds = bounds;
        self.line("_bucket", labels, Some("+Inf"), durations.count());
        self.line("_sum", labels, None, durations.sum().as_secs_f64());
        self.line("_count", labels, None, durations.count());
    }

    /// The whole text.
    pub(in crate::metrics) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<&str>,
        value: impl Display,
    ) {
        self.text.push_str(&self.sample);
        self.text.push_str(suffix);
        let labels = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut before = '{';
        for (name, value) in labels {
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
            before = ',';
        }
        self.text.push_str(if before == ',' { "} " } else { " " });
        push(&mut self.text, format_args!("{value}\n"));
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(line);
}

/// What both formats escape in the value of a label.
fn escape(value: &str, text: &mut String) {
    if !value.contains(['\\', '"', '\n']) {
        return text.push_str(value);
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::histogram::Histogram;

    fn written(format: Format) -> String {
        let mut writer = Writer::new(format);
        writer.family(Kind::Counter, "a_bytes", "What it is.");
        writer.sample(&[("path", "/a\\\"b\"\n")], 3);
        writer.family(Kind::Info, "a_build", "Which.");
        writer.sample(&[("version", "1")], 1);
        let histogram = Histogram::default();
        histogram.observe(Duration::from_micros(1_500));
        writer.family(Kind::Histogram, "a_seconds", "How long.");
        writer.durations(&[], histogram.read());
        writer.finish()
    }

    #[test]
    fn the_formats_differ_in_the_names_of_families_in_units_and_in_the_end() {
        let (prometheus, open) = (written(Format::Prometheus), written(Format::OpenMetrics));
        let samples = "a_bytes_total{path=\"/a\\\\\\\"b\\\"\\n\"} 3\n";
        for (text, expected) in [
            (&prometheus, "# TYPE a_bytes_total counter\n# HELP a_bytes_total What it is.\n"),
            (&open, "# TYPE a_bytes counter\n# UNIT a_bytes bytes\n# HELP a_bytes What it is.\n"),
            (&prometheus, "# TYPE a_build_info gauge\n"),
            (&open, "# TYPE a_build info\n"),
            (&open, "a_seconds_count 1\n# EOF\n"),
            (&prometheus, samples),
            (&open, samples),
        ] {
            assert!(text.contains(expected), "{expected:?} in {text}");
        }
        assert!(!prometheus.contains("EOF") && !prometheus.contains("UNIT"));
    }

    #[test]
    fn the_buckets_of_a_histogram_hold_all_that_is_shorter() {
        let text = written(Format::Prometheus);
        for line in [
            "a_seconds_bucket{le=\"0.001\"} 0\n",
            "a_seconds_bucket{le=\"0.0025\"} 1\n",
            "a_seconds_bucket{le=\"10.0\"} 1\n",
            "a_seconds_bucket{le=\"+Inf\"} 1\na_seconds_sum 0.0015\na_seconds_count 1\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }
}
