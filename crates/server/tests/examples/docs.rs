//! What the docs show compiles for who depends on `aerys` alone.

use std::{fs, path::Path};

/// What users see of the crate beneath, by the files where it is.
const SHOWN: [&str; 4] = ["message.rs", "json.rs", "close.rs", "deflate/compression.rs"];

#[test]
fn no_example_that_is_shown_names_the_crate_beneath() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let beneath = source.join("../../proto/src");
    let mut files: Vec<_> = SHOWN.iter().map(|file| beneath.join(file)).collect();
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        let code = fs::read_to_string(&file).unwrap();
        let docs = code.lines().map(str::trim_start).filter_map(|line| {
            line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim)
        });
        for line in docs.filter(|line| !line.starts_with("# ")) {
            assert!(!line.contains("aerys_proto"), "{}: {line}", file.display());
        }
    }
}
