//! Metrics of the program's own.

use std::{fmt, sync::Arc};

use super::text::{Kind, Writer};

/// A metric of the program's own, told among the server's: see [`Server::metric`](crate::Server::metric).
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use aerys::{Metric, Server};
///
/// static ORDERS: AtomicU64 = AtomicU64::new(0);
///
/// let orders = Metric::counter("shop_orders", "Orders that were placed.", |samples| {
///     samples.add(&[("shop", "books")], ORDERS.load(Ordering::Relaxed) as f64);
/// });
/// let server = Server::new().metric(orders);
/// ```
#[derive(Clone)]
pub struct Metric {
    kind: Kind,
    name: String,
    help: String,
    read: Arc<Read>,
}

type Read = dyn Fn(&mut Samples<'_>) + Send + Sync;

/// Where a [`Metric`] puts what it is now. One that puts nothing there is not told.
pub struct Samples<'w> {
    writer: &'w mut Writer,
    /// Of whom nothing is there yet.
    metric: Option<&'w Metric>,
}

impl Metric {
    /// What goes up and down. `read` is called whenever somebody asks, on the thread that answers: it should not take long.
    ///
    /// # Panics
    ///
    /// If the name has other characters than `A` to `Z`, `a` to `z`, `0` to `9`, `_` and `:`, or begins with a digit. Those
    /// that begin with `aerys_` are the server's.
    pub fn gauge(
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn(&mut Samples<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self::new(Kind::Gauge, name.into(), help.into(), Arc::new(read))
    }

    /// What goes up alone; the name is without the `_total` that it is told with. `read` as for a [gauge](Self::gauge).
    ///
    /// # Panics
    ///
    /// As [`gauge`](Self::gauge).
    pub fn counter(
        name: impl Into<String>,
        help: impl Into<String>,
        read: impl Fn(&mut Samples<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self::new(Kind::Counter, name.into(), help.into(), Arc::new(read))
    }

    fn new(kind: Kind, name: String, help: String, read: Arc<Read>) -> Self {
        assert!(is_name(&name), "{name:?} is no name of a metric");
        // A line of its own is all that help may be.
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        Self { kind, name, help, read }
    }

    /// Whether both have the same name.
    pub(crate) fn is_another(&self, other: &Self) -> bool {
        self.name == other.name
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        (self.read)(&mut Samples { writer, metric: Some(self) });
    }
}

impl Samples<'_> {
    /// A sample, with labels that no other sample of this metric has. Names of labels are as those of metrics, without
    /// `:`; values may be anything.
    ///
    /// # Panics
    ///
    /// If a label has another name.
    pub fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        for (name, _) in labels {
            assert!(is_name(name) && !name.contains(':'), "{name:?} is no name of a label");
        }
        if let Some(Metric { kind, name, help, .. }) = self.metric.take() {
            self.writer.family(*kind, name, help);
        }
        self.writer.sample(labels, value);
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(is_part)
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metric").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Samples<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::text::Format, *};

    fn written(metric: &Metric, format: Format) -> String {
        let mut writer = Writer::new(format);
        metric.write(&mut writer);
        writer.finish()
    }

    #[test]
    fn a_metric_is_told_with_its_help_and_its_samples() {
        let orders = Metric::counter("shop_orders", "Orders,\nall of them.", |samples| {
            samples.add(&[("shop", "\"books\"")], 3.0);
            samples.add(&[("shop", "tea")], 0.5);
        });
        let text = written(&orders, Format::Prometheus);
        let expected = "# TYPE shop_orders_total counter\n# HELP shop_orders_total Orders,\\nall of them.\n\
                        shop_orders_total{shop=\"\\\"books\\\"\"} 3\nshop_orders_total{shop=\"tea\"} 0.5\n";
        assert_eq!(text, expected);
        let text = written(&orders, Format::OpenMetrics);
        assert!(text.starts_with("# TYPE shop_orders counter\n"), "{text}");
        let load = Metric::gauge("shop:load_seconds", "", |samples| samples.add(&[], -1.5));
        assert!(written(&load, Format::Prometheus).ends_with("\nshop:load_seconds -1.5\n"));
    }

    #[test]
    fn a_metric_without_samples_is_not_told() {
        let nothing = Metric::gauge("nothing", "Nothing.", |_| {});
        assert_eq!(written(&nothing, Format::Prometheus), "");
    }

    #[test]
    fn a_name_that_prometheus_does_not_take_is_refused() {
        for name in ["", "1st", "shop-orders", "shop orders", "shöp"] {
            let made = std::panic::catch_unwind(|| Metric::gauge(name, "", |_| {}));
            assert!(made.is_err(), "{name}");
        }
    }
}
