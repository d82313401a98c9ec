//! `host dev`.

use super::loading::Loader;
use super::{Failure, boxed, environment_failure};
use crate::arguments::DevArguments;
use crate::screen::case::{DevTurn, show_dev};
use crate::screen::show_error;
use host::case::{NoOutcome, Outcome, Packet, differences, run_packets};
use host::config::Config;
use host::crates::PluginCrate;
use host::error::{Exit, Explain};
use host::input::{Input, InputError, LookupsBuilder};
use host::manifest::Manifest;
use host::transform::check_source;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

/// How often is looked for a change. Files are looked at rather than watched: that works on every file system, also those of
/// containers and networks.
const PAUSE: Duration = Duration::from_millis(250);

/// Runs until it is interrupted.
pub(super) fn dev_command(config: &Config, arguments: DevArguments, json: bool) -> Result<Exit, Failure> {
    let here = std::env::current_dir().map_err(environment_failure)?;
    let one = PluginCrate::find(&arguments.plugin.to_string_lossy(), &here).map_err(boxed)?;
    let mut loader = Loader::new(config, 1)?;
    let mut before: Option<(Manifest, Outcome)> = None;
    loop {
        let state = state(&one, &arguments);
        match turn(&mut loader, &one, &arguments) {
            Ok((manifest, outcome, seconds)) => {
                let changes = before.as_ref().map(|(_, before)| changes(&manifest, before, &outcome));
                let shown = show_dev(&DevTurn { manifest: &manifest, outcome: &outcome, changes, seconds }, json);
                if shown != Exit::Done {
                    return Ok(shown);
                }
                before = Some((manifest, outcome));
            }
            // Most mistakes are mended at the next change.
            Err(error) => show_error(error.as_ref(), json),
        }
        while self::state(&one, &arguments) == state {
            sleep(PAUSE);
        }
    }
}

type FileState = Option<(u64, SystemTime)>;

/// What a change of is a reason to run again.
fn state(one: &PluginCrate, arguments: &DevArguments) -> ((usize, Option<SystemTime>), Vec<FileState>) {
    let inputs = arguments.lookups.iter().map(|(_, path)| path).chain([&arguments.input]);
    let file = |path: &PathBuf| path.metadata().ok().and_then(|found| Some((found.len(), found.modified().ok()?)));
    (one.state(), inputs.map(file).collect())
}

fn turn(
    loader: &mut Loader<'_>,
    one: &PluginCrate,
    arguments: &DevArguments,
) -> Result<(Manifest, Outcome, f64), Failure> {
    let started = Instant::now();
    let plugin = loader.load(&one.build().map_err(boxed)?)?;
    let lookups =
        LookupsBuilder::from_iter(arguments.lookups.iter().cloned()).read(plugin.manifest()).map_err(boxed)?;
    let lines = first_lines(&arguments.input, arguments.limit).map_err(boxed)?;
    check_source(&plugin, &Input::File(arguments.input.clone()), &lines).map_err(boxed)?;
    let name = arguments.input.display().to_string();
    let outcome = run_packets(&plugin, &[Packet { name, lines }], &lookups).map_err(|error| match error {
        NoOutcome::Input(error) => boxed(error),
        failure => boxed(TurnFailure(failure)),
    })?;
    Ok((plugin.manifest().clone(), outcome, started.elapsed().as_secs_f64()))
}

/// The lines of the first records of a file, blank ones among them, so that their numbers stay.
fn first_lines(path: &Path, records_max: u64) -> Result<Vec<u8>, InputError> {
    let unreadable = |source| InputError::Unreadable { name: path.display().to_string(), source };
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut lines = Vec::new();
    let mut records = 0;
    while records < records_max {
        let start = lines.len();
        if reader.read_until(b'\n', &mut lines).map_err(unreadable)? == 0 {
            break;
        }
        records += u64::from(!lines[start..].iter().all(u8::is_ascii_whitespace));
    }
    Ok(lines)
}

/// How the rows and rejects differ from those before.
fn changes(manifest: &Manifest, before: &Outcome, now: &Outcome) -> Vec<host::case::Difference> {
    let nothing = Vec::new();
    let files = now.files.iter().map(|(name, lines)| (name, before.files.get(name).unwrap_or(&nothing), lines));
    files.flat_map(|(name, before, lines)| differences(manifest, name, before, lines, &now.messages)).collect()
}

/// A plugin that fails on the input.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct TurnFailure(NoOutcome);

impl Explain for TurnFailure {
    fn code(&self) -> &'static str {
        "plugin"
    }

    fn hint(&self) -> Option<String> {
        None
    }

    fn exit(&self) -> Exit {
        Exit::PluginAtFault
    }
}
