//! Where the adapters are, by which programs in other languages speak with this one.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use aerys::ProgramSettings;
use aerys_apps::{Application, Plan, PlanError, ProcessOptions};

/// What names the folder, for who has it elsewhere, and for the programs.
const ADAPTERS: &str = "AERYS_ADAPTERS";

/// Where Python looks for modules.
const PYTHON_PATH: &str = "PYTHONPATH";

/// Beside the binary, as an installation has it, and as a build in the source tree does.
const BESIDE: [&str; 4] =
    ["adapters", "../share/aerys/adapters", "../../adapters", "../../../adapters"];

/// The folder, if it is anywhere.
pub(crate) fn folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os(ADAPTERS).filter(|it| !it.is_empty()) {
        return std::path::absolute(folder).ok();
    }
    let binary = env::current_exe().ok()?.canonicalize().ok()?;
    let beside = BESIDE.iter().map(|it| binary.parent().map(|folder| folder.join(it)));
    let found = beside.flatten().find(|folder| folder.join("php/aerys.php").is_file())?;
    found.canonicalize().ok()
}

/// What a program has to know to find its adapter.
pub(crate) fn variables() -> Vec<(String, OsString)> {
    let Some(folder) = folder() else { return Vec::new() };
    let python = folder.join("python");
    let before = env::var_os(PYTHON_PATH).filter(|it| !it.is_empty());
    let paths = before.iter().flat_map(env::split_paths).chain([python.clone()]);
    let python = env::join_paths(paths).unwrap_or(python.into());
    vec![(ADAPTERS.to_owned(), folder.into()), (PYTHON_PATH.to_owned(), python)]
}

/// Makes an application of what a file says, which finds its adapter.
pub(crate) fn make(plan: &Plan, settings: &ProgramSettings) -> Result<Application, PlanError> {
    let mut settings = settings.clone();
    for (name, value) in variables() {
        if let Ok(value) = value.into_string()
            && !settings.environment.iter().any(|(before, _)| *before == name)
        {
            settings.environment.push((name, value));
        }
    }
    plan.make(&settings)
}

/// The same for one that is started beside a file.
pub(crate) fn with_variables(options: ProcessOptions) -> ProcessOptions {
    variables().into_iter().fold(options, |options, (name, value)| options.variable(name, value))
}

/// What runs a program that says what is to be served.
pub(crate) fn launcher() -> Option<PathBuf> {
    folder().map(|folder| folder.join("php/host.php")).filter(|it| Path::is_file(it))
}
