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
}

pub(super) fn test_command(config: &Config, arguments: TestArguments, json: bool) -> Result<Exit, Failure> {
    let loader = Loader::new(config, 1)?;
    let mut tests = Vec::new();
    for target in targets(&arguments)? {
        let plugin = loader.load(&target.component)?;
        tests.push(test(&plugin, &target, &arguments, json)?);
    }
    let failed = tests.iter().any(|test| !test.passed());
    let shown = show_tests(&tests, json);
    Ok(shown.max(if failed { Exit::PluginAtFault } else { Exit::Done }))
}

/// Builds what is to be tested.
fn targets(arguments: &TestArguments) -> Result<Vec<Target>, Failure> {
    let here = std::env::current_dir().map_err(environment_failure)?;
    let crates = match &arguments.plugin {
        Some(component) if component.is_file() => {
            let beside = component.parent().unwrap_or(Path::new("")).join("cases");
            let cases = arguments.cases.clone().unwrap_or(beside);
            return Ok(vec![Target { component: component.clone(), cases }]);
        }
        Some(name) => vec![PluginCrate::find(&name.to_string_lossy(), &here).map_err(boxed)?],
        None => PluginCrate::find_all(&here).map_err(boxed)?,
    };
    let components = build(&crates).map_err(boxed)?;
    let target = |(one, component): (PluginCrate, PathBuf)| Target {
        component,
        cases: arguments.cases.clone().unwrap_or_else(|| one.folder().join("cases")),
    };
    Ok(crates.into_iter().zip(components).map(target).collect())
}

fn test(plugin: &Plugin, target: &Target, arguments: &TestArguments, json: bool) -> Result<PluginTest, Failure> {
    let cases = match recording(arguments) {
        Some(recording) => {
            let case = recording.make(&target.cases, plugin.manifest()).map_err(boxed)?;
            return Ok(PluginTest::new(plugin, vec![blessed(plugin, &case, true)?], None));
        }
        None => CaseFolder::find_all(&target.cases).map_err(boxed)?,
    };
    let is_asked = |case: &CaseFolder| arguments.case.as_ref().is_none_or(|name| *name == case.name());
    let cases: Vec<_> = cases.into_iter().filter(is_asked).collect();
    if cases.is_empty() {
        let path = target.cases.join(arguments.case.clone().unwrap_or_default());
        return Err(boxed(CaseError::NoCases { path }));
    }
    let mut reports = Vec::new();
    for case in &cases {
        let report = run_case(plugin, case).map_err(boxed)?;
        let is_accepted = arguments.bless && !report.passed;
        reports.push(if is_accepted { blessed(plugin, case, false)? } else { report });
    }
    let fuzzed = arguments.fuzz.then(|| try_hard_inputs(plugin, &cases, &target.cases, arguments, json)).transpose()?;
    Ok(PluginTest::new(plugin, reports, fuzzed))
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
    let folder = cases_folder.with_file_name("fuzz");
    for (index, finding) in report.findings.iter_mut().enumerate() {
        std::fs::create_dir_all(&folder).map_err(environment_failure)?;
        let path = folder.join(format!("{}.jsonl", index + 1));
        std::fs::write(&path, finding.lines.concat()).map_err(environment_failure)?;
        finding.kept = Some(path);
    }
    Ok(report)
}
