//! Finding the lines that a plugin can't cope with, so that they cost themselves and nothing else.

use super::check::Transformed;
use super::error::Fault;
use super::plugin::{Call, Called, Plugin};
use super::store::{LogLine, Usage};
use crate::reject::Reject;
use std::ops::Range;

/// How many lines of a call may be found guilty before the plugin itself is: the larger of this and 1 %.
const GUILTY_LINES_MAX: usize = 20;

/// What became of the lines of a call.
#[derive(Debug, Default)]
pub struct Isolated {
    /// The rows, in the order of the lines: one part where nothing failed, else one for each stretch between guilty lines.
    pub parts: Vec<Transformed>,
    /// The lines that made no row; their index counts from the first of the call.
    pub rejects: Vec<Reject>,
    /// What the calls used.
    pub usage: Usage,
    /// What they logged.
    pub log: Vec<LogLine>,
    /// The first fault, with its line's index.
    pub first_fault: Option<(u64, Fault)>,
}

/// So many lines of a call make the plugin fail that the plugin is at fault, not the lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {} and {} more: {fault}", line + 1, guilty - 1)]
pub struct TooManyFaults {
    /// The index of the first such line, from the first of the call.
    pub line: u64,
    /// How it failed.
    pub fault: Fault,
    /// How many such lines were found before giving up.
    pub guilty: usize,
}

impl Plugin {
    /// Runs the lines of `call`. Where the plugin fails, the lines are halved until the guilty ones are found; they become
    /// rejects, and the others go on. Each stretch runs in a fresh instance, and stretches without a fault give the rows that
    /// they would give in any other cut.
    ///
    /// # Errors
    /// [`TooManyFaults`] when more lines than the larger of 20 and 1 % are guilty, or the plugin says itself that it fails.
    pub fn call_isolating(&self, call: &Call<'_>) -> Result<Isolated, TooManyFaults> {
        let mut isolated = Isolated::default();
        match self.record(call, 0, &mut isolated) {
            Ok(()) => Ok(isolated),
            Err(fault @ Fault::Failure { .. }) => Err(TooManyFaults { line: 0, fault, guilty: 1 }),
            Err(fault) => self.halve(call, fault, isolated),
        }
    }

    fn halve(&self, call: &Call<'_>, fault: Fault, mut isolated: Isolated) -> Result<Isolated, TooManyFaults> {
        let starts = line_starts(call.json_lines);
        let lines = starts.len();
        let guilty_max = GUILTY_LINES_MAX.max(lines / 100);
        let mut guilty = 0;
        // What is still to be run, the first lines on top; with the fault where a stretch is known to fail.
        let mut stretches: Vec<(Range<usize>, Option<Fault>)> = vec![(0..lines, Some(fault))];
        while let Some((stretch, known)) = stretches.pop() {
            let offset = stretch.start as u64;
            let end = starts.get(stretch.end).copied().unwrap_or(call.json_lines.len());
            let part = Call {
                first_record: call.first_record + offset,
                first_line: call.first_line + offset,
                lines: stretch.len() as u32,
                json_lines: &call.json_lines[starts[stretch.start]..end],
                ..*call
            };
            let outcome = known.map_or_else(|| self.record(&part, offset, &mut isolated), Err);
            let Err(fault) = outcome else { continue };
            if stretch.len() > 1 {
                let middle = stretch.start + stretch.len() / 2;
                stretches.push((middle..stretch.end, None));
                stretches.push((stretch.start..middle, None));
                continue;
            }
            guilty += 1;
            isolated.rejects.push(Reject {
                line: offset,
                code: fault.code().to_owned(),
                column: None,
                message: fault.to_string(),
                by_host: true,
            });
            let (line, fault) = isolated.first_fault.get_or_insert((offset, fault));
            if guilty > guilty_max {
                return Err(TooManyFaults { line: *line, fault: fault.clone(), guilty });
            }
        }
        Ok(isolated)
    }

    /// Runs a stretch of the lines, and keeps what it made.
    fn record(&self, call: &Call<'_>, offset: u64, isolated: &mut Isolated) -> Result<(), Fault> {
        let Called { result, usage, log } = self.call(call);
        isolated.usage.add(&usage);
        let mut transformed = result?;
        isolated.log.extend(log);
        let rejects = std::mem::take(&mut transformed.rejects).into_iter();
        isolated.rejects.extend(rejects.map(|reject| Reject { line: reject.line + offset, ..reject }));
        isolated.parts.push(transformed);
        Ok(())
    }
}

fn line_starts(lines: &[u8]) -> Vec<usize> {
    let next = memchr::memchr_iter(b'\n', lines).map(|at| at + 1).filter(|&at| at < lines.len());
    std::iter::once(0).chain(next).collect()
}
