//! The page that leads from the original to this crate: what its table names is there.

use std::{fs, path::Path};

#[test]
fn each_row_of_the_table_names_an_example_and_a_test_that_exist() {
    let page = crate_folder().join("../../docs/from-the-original.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| the original | here | example | test |\n").unwrap();
    let rows: Vec<_> = table.lines().skip(1).map_while(|line| line.strip_prefix("|")).collect();
    assert!(rows.len() > 40, "only {} rows", rows.len());
    for row in rows {
        let cells: Vec<_> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
        let [original, here, example, test] = cells[..] else { panic!("not four cells: {row}") };
        assert!(!original.is_empty() && !here.is_empty(), "{row}");
        let path = crate_folder().join("examples").join(example.trim_matches('`'));
        assert!(path.is_file(), "no such example: {example}");
        let (file, function) = test.trim_matches('`').split_once("::").expect("file::function");
        let code = ["tests/promises", "tests/examples", "src/app"]
            .map(|folder| crate_folder().join(folder).join(file).with_extension("rs"))
            .into_iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .any(|code| code.contains(&format!("fn {function}() {{\n")));
        assert!(code, "no such test: {test}");
    }
}

#[test]
fn the_crate_docs_name_every_example() {
    let docs = fs::read_to_string(crate_folder().join("src/lib.rs")).unwrap();
    for entry in fs::read_dir(crate_folder().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(docs.contains(&format!("`{name}`")), "the docs do not tell of {name}");
        }
    }
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
