//! What is read of values, and what is said of those that make no sense.

use std::{path::Path, time::Duration};

use super::*;
use crate::options::Overflow;

/// Reads `key = …`, and answers the sentence if it makes no sense.
fn read<T>(format: &impl Format<T>, text: &str) -> Result<T, String> {
    let document = format!("key = {text}");
    let table = toml::de::DeTable::parse(&document).expect("it is TOML").into_inner();
    let (_, value) = table.iter().next().expect("there is a key");
    let mut faults = Faults::default();
    let variable = |name: &str| (name == "SIZE").then(|| "7 KiB".to_owned());
    let folder = Path::new("/etc/aerys");
    let mut reading = Reading::new(&mut faults, folder, &variable);
    let read = reading.value("key", format, value);
    read.ok_or_else(|| faults.of(&document).into_iter().map(|it| it.sentence).collect())
}

const OVERFLOWS: OneOf<Overflow> =
    OneOf(&[("close", Overflow::Close), ("drop_oldest", Overflow::DropOldest)]);

#[test]
fn values_are_read_as_they_are_written() {
    assert_eq!(read::<usize>(&Size(1), "\"64 KiB\""), Ok(65_536));
    assert_eq!(read::<u64>(&Size(1), "1000"), Ok(1000));
    assert_eq!(read::<usize>(&Size(1), "\"${SIZE}\""), Ok(7168));
    assert_eq!(read(&Period::Some, "\"100 ms\""), Ok(Duration::from_millis(100)));
    assert_eq!(read(&OrFalse(Period::Some), "false"), Ok(None));
    assert_eq!(read(&OrFalse(Period::Some), "\"1 s\""), Ok(Some(Duration::from_secs(1))));
    assert_eq!(read::<Option<usize>>(&OrAuto(Count::SOME), "\"auto\""), Ok(None));
    assert_eq!(read::<u32>(&Count::SOME, "1_000"), Ok(1000));
    assert_eq!(read(&Mode, "0o660"), Ok(0o660));
    assert_eq!(read(&Flag, "true"), Ok(true));
    assert_eq!(read(&OVERFLOWS, "\"drop_oldest\""), Ok(Overflow::DropOldest));
    assert_eq!(read(&FilePath, "\"a/b\""), Ok("/etc/aerys/a/b".into()));
    assert_eq!(read(&FilePath, "\"/a/b\""), Ok("/a/b".into()));
    assert_eq!(read(&Many(Text("")), "['a', 'b$$']"), Ok(vec!["a".to_owned(), "b$".to_owned()]));
}

#[test]
fn what_makes_no_sense_is_told_in_one_sentence_with_what_to_write() {
    let size = "write a size such as \"64 KiB\": a whole number with B, KiB, MiB or GiB";
    let period = "write a period such as \"3 s\": a whole number with ms, s, min, h or d";
    for (read, sentence) in [
        (
            read::<usize>(&Size(1), "\"10 MB\"").map(drop),
            format!("\"key\" is \"10 MB\": {size}, more than nothing"),
        ),
        (
            read::<usize>(&Size(8192), "100").map(drop),
            format!("\"key\" is 100: {size}, 8 KiB or more"),
        ),
        (read::<usize>(&Size(0), "-1").map(drop), format!("\"key\" is -1: {size}")),
        (read::<usize>(&Size(0), "true").map(drop), format!("\"key\" is true: {size}")),
        (read(&Period::Any, "3").map(drop), format!("\"key\" is 3: {period}")),
        (read(&Period::Any, "3.5").map(drop), format!("\"key\" is 3.5: {period}")),
        (
            read(&OrFalse(Period::Some), "\"0 s\"").map(drop),
            format!("\"key\" is \"0 s\": {period}, more than nothing, or false"),
        ),
        (
            read::<u8>(&Count(0..=9), "10").map(drop),
            "\"key\" is 10: write a whole number from 0 to 9".to_owned(),
        ),
        (
            read::<u32>(&Count::SOME, "0").map(drop),
            "\"key\" is 0: write a whole number, 1 or more".to_owned(),
        ),
        (
            read::<u8>(&Count::ANY, "300").map(drop),
            "\"key\" is 300: write a whole number".to_owned(),
        ),
        (
            read(&Mode, "660").map(drop),
            "\"key\" is 660: write the mode of a file in octal, such as 0o660".to_owned(),
        ),
        (
            read(&OVERFLOWS, "\"drop\"").map(drop),
            "\"key\" is \"drop\": write \"close\" or \"drop_oldest\"".to_owned(),
        ),
        (read(&Flag, "1").map(drop), "\"key\" is 1: write true or false".to_owned()),
        (
            read(&Many(Text("names")), "['a', 7]").map(drop),
            "one of \"key\" is 7: write names".to_owned(),
        ),
        (read(&Text("a"), "\"${USER}\"").map(drop), "the variable \"USER\" is not set".to_owned()),
    ] {
        assert_eq!(read, Err(sentence));
    }
}

#[test]
fn what_is_written_is_read_as_it_was() {
    for text in ["plain", "a \"b\" \\ $c ${D}", "two\nlines\t\u{7f}", "grüß"] {
        let written = Text("").write(&text.to_owned()).unwrap();
        assert_eq!(read(&Text(""), &written), Ok(text.to_owned()));
    }
    assert_eq!(read(&Mode, &Mode.write(&0o600).unwrap()), Ok(0o600));
}

#[test]
fn a_secret_is_named_where_it_is_and_never_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hush\n").unwrap();
    let named = format!("\"file:{}\"", file.path().display());
    for (given, text, written) in [
        (&*named, "hush", &*named),
        ("\"${SIZE}\"", "7 KiB", "\"${SIZE}\""),
        ("\"hush\"", "hush", "\"${SECRET_THAT_WAS_LEFT_OUT}\""),
        ("\"${SIZE}hush}\"", "7 KiBhush}", "\"${SECRET_THAT_WAS_LEFT_OUT}\""),
    ] {
        let secret = read(&Secret, given).unwrap();
        assert_eq!(secret.text, text);
        assert_eq!(Secret.write(&secret).unwrap(), written);
        assert!(!format!("{secret:?}").contains("hush"));
    }
    let error = read(&Secret, "\"file:none\"").unwrap_err();
    assert!(error.starts_with("cannot read the secret in /etc/aerys/none: "), "{error}");
}
