//! Each line of the table in `docs/cluster.md` has a test, and it is there.

use std::{fs, path::Path};

const PAGE: &str = include_str!("../../../../docs/cluster.md");

/// Whether a file, or one of a folder, has this test.
fn has(place: &str, function: &str) -> bool {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(place);
    let function = format!("fn {function}(");
    let text = fs::read_to_string(&place).unwrap_or_else(|error| panic!("{place:?}: {error}"));
    // A name that is too long for a line is followed by one.
    text.contains(&function) && (text.contains("#[test]") || text.contains("#[tokio::test"))
}

/// Where a test is that the page calls so.
fn place(name: &str) -> Option<(String, &str)> {
    let (path, function) = name.rsplit_once("::")?;
    let file = match path.split_once("::") {
        Some(("browser", file)) => format!("crates/cli/tests/browser/{file}.rs"),
        Some(("in_memory", file)) => format!("crates/server/tests/in_memory/{file}.rs"),
        Some(("processes", file)) => format!("crates/cli/tests/cluster/{file}.rs"),
        None if path == "nats" => "crates/nats/tests/nats/main.rs".to_owned(),
        None => format!("crates/server/tests/promises/{path}.rs"),
        Some(_) => return None,
    };
    Some((file, function))
}

#[test]
fn each_promise_names_tests_that_there_are() {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ")).skip(2);
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 15, "{rows:?}");
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        assert!(!tests.trim().is_empty(), "no test in {row}");
        for name in tests.split(", ").filter(|it| *it != "the same") {
            let (file, function) = match name.split_once("` in `") {
                Some((function, file)) => {
                    (file.trim_matches('`').to_owned(), function.trim_matches('`'))
                }
                None => {
                    let name = name.trim_matches('`');
                    place(name).unwrap_or_else(|| panic!("what is {name}?"))
                }
            };
            assert!(has(&file, function), "{function} is not in {file}");
        }
    }
}
