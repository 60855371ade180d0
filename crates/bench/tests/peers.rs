//! Whatever a command starts takes part.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, Instant},
};

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

fn run(arguments: &[&str]) -> Output {
    let mut bench = Command::new(BENCH);
    // A backtrace behind an error is not what a user sees.
    bench.arg("run").args(arguments).env("RUST_BACKTRACE", "0");
    bench.output().expect("bench can be started")
}

/// One of this program's own servers, as somebody else's.
fn peer(name: &str, server: &str) -> String {
    format!("{name}='{BENCH}' serve {server} --address 127.0.0.1:$PORT")
}

#[test]
fn a_peer_is_put_through_what_the_programs_own_servers_are() {
    let peer = peer("foreign", "aerys");
    let ran = run(&["--smoke", "--servers", "foreign", "--peer", &peer]);
    let log = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{log}");
    for scenario in ["echo 8 × 1 KiB", "broadcast 1 → 8 × 64 B", "mixed 2 × 20 B", "connects 8"]
    {
        assert!(log.contains(scenario), "{log}");
    }
}

#[test]
fn a_peer_has_its_rows_and_bars_behind_the_programs_own_servers() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("a-peer");
    let out = folder.to_str().unwrap();
    let (foreign, other) = (peer("foreign", "aerys"), peer("other", "floor"));
    let ran = run(&[
        "--quick",
        "--only",
        "connects",
        "--servers",
        "other,foreign,floor",
        "--peer",
        &foreign,
        "--peer",
        &other,
        "--out",
        out,
    ]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let report = fs::read_to_string(folder.join("RESULTS.md")).unwrap();
    let rows = report.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let servers = ["floor", "foreign", "other"];
    let rows: Vec<_> = rows.map(|(name, _)| name).filter(|name| servers.contains(name)).collect();
    assert_eq!(rows, servers, "{report}");
    let plot = fs::read_to_string(folder.join("connects-3000.svg")).unwrap();
    let bars = servers.map(|name| plot.find(name).expect("a bar has its name"));
    assert!(bars.is_sorted());
}

#[test]
fn a_peer_that_does_not_come_to_listen_is_told_of_in_one_sentence_in_time() {
    for (command, why) in [
        ("no-such-command", "ended before it listened on 127.0.0.1:"),
        ("true", "ended before it listened on 127.0.0.1:"),
        ("sleep 600", "does not listen on 127.0.0.1:"),
    ] {
        let start = Instant::now();
        let ran = run(&["--smoke", "--peer", &format!("broken={command}")]);
        let took = start.elapsed();
        let log = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success(), "{command}");
        let last = log.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("Error: broken {why}")), "{log}");
        assert!(took < Duration::from_secs(60), "{command} took {took:?}");
    }
}
