//! Running a case.

use super::difference::{Difference, differences};
use super::error::CaseError;
use super::folder::{CaseFolder, Packet};
use super::outcome::{NoOutcome, Outcome};
use crate::input::{ChunkLimits, Lookups};
use crate::sandbox::Plugin;
use serde::Serialize;
use std::collections::HashSet;

/// How a case went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CaseReport {
    /// The name of its folder.
    pub case: String,
    /// What it is about.
    pub story: Option<String>,
    /// Whether all is as expected.
    pub passed: bool,
    /// Records that were read.
    pub records: u64,
    /// Units of fuel that it took, all lines of a packet in as few calls as in a run.
    pub fuel: u64,
    /// How many it may take.
    pub fuel_max: Option<u64>,
    /// How the rows and rejects differ from the expected ones.
    pub differences: Vec<Difference>,
    /// How they differ when each line is handed over in a call of its own.
    pub differences_by_line: Vec<Difference>,
    /// Why there are no rows at all.
    pub failure: Option<String>,
    /// Whether the expected rows were replaced by those found.
    pub blessed: bool,
    /// The rows and rejects of a new case, by the name of their table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<(String, Vec<String>)>,
}

impl CaseReport {
    /// The same report for a plugin whose fuel is not held against the budget: one in another language than the budget is for.
    #[must_use]
    pub fn without_budget(self) -> Self {
        let passed = self.failure.is_none() && self.differences.is_empty() && self.differences_by_line.is_empty();
        Self { passed, fuel_max: None, ..self }
    }
}

/// Runs the packets in as few calls as in a run.
///
/// # Errors
/// [`NoOutcome`].
pub fn run_packets(plugin: &Plugin, packets: &[Packet], lookups: &Lookups) -> Result<Outcome, NoOutcome> {
    Outcome::of(plugin, packets, lookups, ChunkLimits::default())
}

/// Runs a case twice, once with each line in a call of its own, and holds the rows and rejects against the expected ones.
///
/// # Errors
/// [`CaseError`] where the case can't be read; a plugin that fails is told in the report.
pub fn run_case(plugin: &Plugin, case: &CaseFolder) -> Result<CaseReport, CaseError> {
    let manifest = plugin.manifest();
    let packets = case.packets()?;
    let lookups = case.lookups(manifest)?;
    let expected = case.expected(manifest)?;
    let settings = case.settings();
    let report = CaseReport {
        case: case.name(),
        story: settings.story.clone(),
        fuel_max: settings.fuel_max,
        ..CaseReport::default()
    };
    let by_line = ChunkLimits { lines_max: 1, ..ChunkLimits::default() };
    let outcomes = run_packets(plugin, &packets, &lookups)
        .and_then(|together| Ok((together, Outcome::of(plugin, &packets, &lookups, by_line)?)));
    let (together, apart) = match outcomes {
        Ok(outcomes) => outcomes,
        Err(NoOutcome::Input(error)) => return Err(error.into()),
        Err(failure) => return Ok(CaseReport { failure: Some(failure.to_string()), ..report }),
    };
    let all_differences = |outcome: &Outcome| {
        let files = expected.iter().map(|(name, lines)| (name, lines, &outcome.files[name]));
        files
            .flat_map(|(name, lines, found)| differences(manifest, name, lines, found, &outcome.messages))
            .collect::<Vec<_>>()
    };
    let differences = all_differences(&together);
    // What differs in both ways is told once.
    let told: HashSet<&Difference> = differences.iter().collect();
    let by_line = all_differences(&apart).into_iter().filter(|difference| !told.contains(difference));
    let differences_by_line: Vec<_> = by_line.collect();
    let fuel = together.usage.fuel;
    let within = settings.fuel_max.is_none_or(|fuel_max| fuel <= fuel_max);
    let passed = within && differences.is_empty() && differences_by_line.is_empty();
    Ok(CaseReport { passed, records: together.records, fuel, differences, differences_by_line, ..report })
}
