//! The bench itself works: a little of everything is run, and every reply is right.

use std::process::Command;

#[test]
fn every_server_answers_rightly_in_every_scenario_that_it_supports() {
    let bench = env!("CARGO_BIN_EXE_bench");
    let ran = Command::new(bench).args(["run", "--smoke"]).output().expect("bench can be started");
    let log = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{log}");
}
