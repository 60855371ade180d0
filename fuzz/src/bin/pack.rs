//! Moves inputs between a pack, as it is kept, and a folder, as fuzzers want it.

use std::{
    env,
    error::Error,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
};

use aerys_fuzz::pack;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pack", folder, file] => {
            let mut inputs = Vec::new();
            for entry in fs::read_dir(folder)? {
                inputs.push(fs::read(entry?.path())?);
            }
            println!("{} inputs", inputs.len());
            fs::write(file, pack::pack(inputs))?;
        }
        ["unpack", file, folder] => {
            fs::create_dir_all(folder)?;
            for input in pack::inputs(&fs::read(file)?) {
                // Two packs go into one folder.
                let mut hasher = DefaultHasher::new();
                input.hash(&mut hasher);
                fs::write(Path::new(folder).join(format!("{:016x}", hasher.finish())), input)?;
            }
        }
        _ => return Err("usage: pack FOLDER FILE | unpack FILE FOLDER".into()),
    }
    Ok(())
}
