//! `host plugin test`.

use super::loading::Loader;
use super::{Failure, boxed, environment_failure};
use crate::arguments::TestArguments;
use crate::screen;
use crate::screen::case::{PluginTest, show_tests};
use host::case::{CaseError, CaseFolder, CaseReport, NoOutcome, Outcome, Recording, bless, run_case, run_packets};
use host::config::Config;
use host::crates::{PluginCrate, build};
use host::error::Exit;
use host::fuzz::{FuzzOptions, FuzzReport, fuzz};
use host::sandbox::Plugin;
use std::path::{Path, PathBuf};

/// What is tested, and where its cases are.
struct Target {
    component: PathBuf,
    cases: PathBuf,
    /// What names both on the command line.
    argument: String,
}

pub(super) fn test_command(config: &Config, arguments: TestArguments, json: bool) -> Result<Exit, Failure> {
    let loader = Loader::new(config, 1)?;
    let mut tests = Vec::new();
    let mut failure = Exit::Done;
    let targets = targets(&arguments)?;
    for target in &targets {
        let tested = loader.load(&target.component).and_then(|plugin| test(&plugin, target, &arguments, json));
        match tested {
            Ok(test) => tests.extend(test),
            // What is wrong with one plugin's cases keeps no other from being tested.
            Err(error) if targets.len() > 1 => {
                failure = failure.max(error.exit());
                screen::show_error(error.as_ref(), false);
            }
            Err(error) => return Err(error),
        }
    }
    let none_found = tests.is_empty() && failure == Exit::Done;
    if let (true, Some(case), Some(target)) = (none_found, &arguments.case, targets.first()) {
        return Err(boxed(CaseError::NoCases { path: target.cases.join(case) }));
    }
    let failed = tests.iter().any(|test| !test.passed());
    let shown = show_tests(&tests, json);
    Ok(shown.max(failure).max(if failed { Exit::PluginAtFault } else { Exit::Done }))
}

/// Builds what is to be tested.
fn targets(arguments: &TestArguments) -> Result<Vec<Target>, Failure> {
    let here = std::env::current_dir().map_err(environment_failure)?;
    let crates = match &arguments.plugin {
        Some(component) if component.is_file() => {
            let beside = component.parent().unwrap_or(Path::new("")).join("cases");
            let cases = arguments.cases.clone().unwrap_or(beside);
            let named = arguments.cases.as_ref().map(|cases| format!(" --cases {}", quoted(cases)));
            let argument = quoted(component) + &named.unwrap_or_default();
            return Ok(vec![Target { component: component.clone(), cases, argument }]);
        }
        Some(name) => vec![PluginCrate::find(&name.to_string_lossy(), &here).map_err(boxed)?],
        None => PluginCrate::find_all(&here).map_err(boxed)?,
    };
    let components = build(&crates).map_err(boxed)?;
    let target = |(one, component): (PluginCrate, PathBuf)| Target {
        component,
        cases: arguments.cases.clone().unwrap_or_else(|| one.folder().join("cases")),
        argument: arguments.plugin.as_deref().map_or_else(|| one.name(), quoted),
    };
    Ok(crates.into_iter().zip(components).map(target).collect())
}

/// Runs the cases of a crate's plugin, and gives those that fail.
pub(super) fn failing_cases(plugin: &Plugin, crate_folder: &Path) -> Result<Vec<String>, Failure> {
    let cases = crate_folder.join("cases");
    if !cases.is_dir() {
        return Ok(Vec::new());
    }
    let mut failing = Vec::new();
    for case in CaseFolder::find_all(&cases).map_err(boxed)? {
        if !run_case(plugin, &case).map_err(boxed)?.passed {
            failing.push(case.name());
        }
    }
    Ok(failing)
}

/// Tests a plugin; `None` where it has no case of the name that is asked for.
fn test(
    plugin: &Plugin,
    target: &Target,
    arguments: &TestArguments,
    json: bool,
) -> Result<Option<PluginTest>, Failure> {
    let cases = match recording(arguments) {
        Some(recording) => {
            let case = recording.make(&target.cases, plugin.manifest()).map_err(boxed)?;
            let report = blessed(plugin, &case, true)?;
            if report.failure.is_some() {
                // A case that nothing can be expected of would only stand in the way.
                std::fs::remove_dir_all(case.path()).map_err(environment_failure)?;
            }
            return Ok(Some(PluginTest::new(plugin, &target.argument, vec![report], None)));
        }
        None => CaseFolder::find_all(&target.cases).map_err(boxed)?,
    };
    let is_asked = |case: &CaseFolder| arguments.case.as_ref().is_none_or(|name| *name == case.name());
    let cases: Vec<_> = cases.into_iter().filter(is_asked).collect();
    if cases.is_empty() {
        return Ok(None);
    }
    let mut reports = Vec::new();
    for case in &cases {
        let report = run_case(plugin, case).map_err(boxed)?;
        let report = if arguments.ignore_fuel { report.without_budget() } else { report };
        let is_accepted = arguments.bless && (!report.passed || report.fuel_max.is_none());
        reports.push(if is_accepted { blessed(plugin, case, false)? } else { report });
    }
    let fuzzed = arguments.fuzz.then(|| try_hard_inputs(plugin, &cases, &target.cases, arguments, json)).transpose()?;
    Ok(Some(PluginTest::new(plugin, &target.argument, reports, fuzzed)))
}

fn recording(arguments: &TestArguments) -> Option<Recording> {
    Some(Recording {
        from: arguments.record.clone()?,
        lines: arguments.lines.iter().copied().collect(),
        lookups: arguments.lookups.clone(),
        masked: arguments.masked.iter().cloned().collect(),
        case: arguments.case.clone(),
    })
}

/// Takes what the plugin makes of a case as what is expected, unless it can't cope with a line.
fn blessed(plugin: &Plugin, case: &CaseFolder, is_new: bool) -> Result<CaseReport, Failure> {
    let lookups = case.lookups(plugin.manifest()).map_err(boxed)?;
    let packets = case.packets().map_err(boxed)?;
    let fault = match run_packets(plugin, &packets, &lookups) {
        Ok(Outcome { fault: Some(fault), .. }) => fault,
        Ok(outcome) => {
            bless(case, &outcome).map_err(boxed)?;
            let case = CaseFolder::open(case.path()).map_err(boxed)?;
            let report = run_case(plugin, &case).map_err(boxed)?;
            let rows = if is_new { outcome.files.into_iter().collect() } else { Vec::new() };
            return Ok(CaseReport { blessed: true, recorded: rows, ..report });
        }
        Err(NoOutcome::Input(error)) => return Err(boxed(CaseError::Input(error))),
        Err(failure) => failure.to_string(),
    };
    let failure = Some(format!("nothing is expected that the plugin can't cope with: {fault}"));
    Ok(CaseReport { case: case.name(), story: case.settings().story.clone(), failure, ..CaseReport::default() })
}

/// Tries hard inputs, and keeps those that break a rule beside the cases, for `--record`.
fn try_hard_inputs(
    plugin: &Plugin,
    cases: &[CaseFolder],
    cases_folder: &Path,
    arguments: &TestArguments,
    json: bool,
) -> Result<FuzzReport, Failure> {
    let options = FuzzOptions { rounds: arguments.rounds, seed: arguments.seed };
    let bar = screen::count_bar(u64::from(options.rounds), json);
    let report = fuzz(plugin, cases, options, &|round| bar.set_position(round)).map_err(boxed);
    bar.finish_and_clear();
    let mut report = report?;
    // Beside the cases, also where they are the folder `.`.
    let cases_folder = std::path::absolute(cases_folder).map_err(environment_failure)?;
    let folder = cases_folder.parent().unwrap_or(&cases_folder).join("fuzz");
    let here = std::env::current_dir().map_err(environment_failure)?;
    let folder = folder.strip_prefix(here).map(Path::to_owned).unwrap_or(folder);
    remove_old_findings(&folder).map_err(environment_failure)?;
    for (index, finding) in report.findings.iter_mut().enumerate() {
        std::fs::create_dir_all(&folder).map_err(environment_failure)?;
        let path = folder.join(format!("{}.jsonl", index + 1));
        std::fs::write(&path, finding.lines.concat()).map_err(environment_failure)?;
        finding.kept = Some(path);
    }
    Ok(report)
}

/// Removes the findings of an earlier run: those that are numbered.
fn remove_old_findings(folder: &Path) -> std::io::Result<()> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_number = path.file_stem().is_some_and(|stem| stem.to_string_lossy().parse::<u32>().is_ok());
        if is_number && path.extension().is_some_and(|extension| extension == "jsonl") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    screen::quoted(&path.display().to_string())
}
