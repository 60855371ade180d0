//! Replays what fuzzing has kept: the inputs that together reach all that was reached, and those
//! that once broke a promise.

use std::{fs, path::Path};

use aerys_fuzz::pack;

#[test]
fn decode() {
    replay("decode", aerys_fuzz::decode);
}

#[test]
fn connection() {
    replay("connection", aerys_fuzz::connection);
}

#[test]
fn upgrade() {
    replay("upgrade", aerys_fuzz::upgrade);
}

#[test]
fn negotiate() {
    replay("negotiate", aerys_fuzz::negotiate);
}

#[test]
fn process() {
    replay("process", aerys_fuzz::process);
}

#[test]
fn inflate() {
    replay("inflate", aerys_fuzz::inflate);
}

fn replay(target: &str, run: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Ok(crashes) = fs::read_dir(root.join("crashes").join(target)) {
        for entry in crashes {
            let path = entry.expect("the folder can be read").path();
            println!("{}", path.display());
            run(&fs::read(path).expect("the file can be read"));
        }
    }
    for kind in ["seeds", "corpus"] {
        let path = root.join(kind).join(target).with_extension("pack");
        let kept = fs::read(path).expect("there is one for each target");
        for (number, input) in pack::inputs(&kept).into_iter().enumerate() {
            println!("{kind} {number:04}");
            run(input);
        }
    }
}
