//! A text as a table of TOML that knows where each of its keys is.

use toml::de::DeTable;

use super::faults::Faults;

/// # Errors
///
/// The first thing that is no TOML: what comes after it may follow from it.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, Faults> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table.into_inner()),
        Err(error) => {
            let place = error.span().map_or(0, |span| span.start);
            let lines: Vec<_> = error.message().lines().map(str::trim).collect();
            let mut faults = Faults::default();
            faults.add(place, format!("this is no TOML: {}", lines.join("; ")));
            Err(faults)
        }
    }
}
