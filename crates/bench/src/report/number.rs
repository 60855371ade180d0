//! Numbers as a reader likes them.

use crate::run::{Figure, Spread};

/// A median with its ends, in the figure's unit.
pub(crate) fn spread(figure: Figure, spread: Spread) -> String {
    let Spread { median, min, max } = spread;
    if min == max {
        return plain(figure, median);
    }
    format!("{} ({}–{})", plain(figure, median), plain(figure, min), plain(figure, max))
}

/// One value, in the figure's unit as [`unit()`] names it.
pub(crate) fn plain(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Instructions | Figure::Wire | Figure::Rate | Figure::Cut => digits(value),
        Figure::Busy => format!("{:.0}", value * 100.0),
        Figure::Writes | Figure::Copies => format!("{value:.2}"),
        _ => short(value / scale(figure)),
    }
}

/// What a figure is given in.
pub(crate) fn unit(figure: Figure) -> &'static str {
    match figure {
        Figure::Cpu | Figure::User | Figure::System | Figure::P50 | Figure::P99 | Figure::P999 => {
            "µs"
        }
        Figure::Rate => "/s",
        Figure::Wire => "B",
        Figure::Bulk => "MB/s",
        Figure::Busy => "%",
        Figure::Open | Figure::Used | Figure::Growth => "KiB",
        Figure::Instructions | Figure::Writes | Figure::Copies | Figure::Cut => "",
    }
}

/// How many of what was counted make one unit.
fn scale(figure: Figure) -> f64 {
    match unit(figure) {
        "µs" => 1e3,
        "MB/s" => 1e6,
        "KiB" => 1024.0,
        _ => 1.0,
    }
}

/// Three digits that count, where there are so many.
fn short(value: f64) -> String {
    match value.abs() {
        0.0..1.0 => format!("{value:.3}"),
        1.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => digits(value),
    }
}

/// A whole number, in groups of three digits.
pub(crate) fn digits(value: f64) -> String {
    let whole = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_they_are_worth() {
        for (figure, value, text) in [
            (Figure::Cpu, 5432.1, "5.43"),
            (Figure::User, 312.0, "0.312"),
            (Figure::P99, 1_234_567.0, "1,235"),
            (Figure::Rate, 187_234.0, "187,234"),
            (Figure::Open, 1536.0, "1.50"),
            (Figure::Growth, -2048.0, "-2.00"),
            (Figure::Bulk, 412_345_678.0, "412"),
            (Figure::Busy, 0.456, "46"),
        ] {
            assert_eq!(plain(figure, value), text);
        }
        let three = Spread { median: 2e3, min: 1e3, max: 3e3 };
        assert_eq!(spread(Figure::Cpu, three), "2.00 (1.00–3.00)");
    }
}
