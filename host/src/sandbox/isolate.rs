//! Finding the lines that a plugin can't cope with, so that they cost themselves and nothing else.

use super::check::Transformed;
use super::fault::Fault;
use super::plugin::{Call, Called, Plugin};
use super::store::{LogLine, Usage, log_bytes};
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
    log_bytes: u64,
}

/// So many lines of a call make the plugin fail that the plugin is at fault, not the lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}{}: {fault}", line + 1, more(*guilty))]
pub struct TooManyFaults {
    /// The index of the first such line, from the first of the call.
    pub line: u64,
    /// How it failed.
    pub fault: Fault,
    /// How many such lines were found before giving up.
    pub guilty: usize,
}

fn more(guilty: usize) -> String {
    if guilty > 1 { format!(" and {} more", guilty - 1) } else { String::new() }
}

impl Plugin {
    /// Runs the lines of `call`. Where the plugin fails, the lines are halved until the guilty ones are found; they become
    /// rejects, and the others go on. Each stretch runs in a fresh instance, and stretches without a fault give the rows that
    /// they would give in any other cut.
    ///
    /// # Errors
    /// [`TooManyFaults`] when more lines than the larger of 20 and 1 % are guilty; when finding them takes more fuel than 20
    /// lines with an endless loop would; or when no line is to blame: the plugin says itself that it fails, or the machine
    /// could not run it.
    pub fn call_isolating(&self, call: &Call<'_>) -> Result<Isolated, TooManyFaults> {
        let mut isolated = Isolated::default();
        match self.record(call, 0, &mut isolated) {
            Ok(()) => Ok(isolated),
            Err(fault) if fault.blames_no_line() || call.lines == 0 => Err(TooManyFaults { line: 0, fault, guilty: 1 }),
            Err(fault) => self.halve(call, fault, isolated),
        }
    }

    fn halve(&self, call: &Call<'_>, fault: Fault, mut isolated: Isolated) -> Result<Isolated, TooManyFaults> {
        let starts = line_starts(call.json_lines);
        let guilty_max = GUILTY_LINES_MAX.max(starts.len() / 100);
        let fuel_max = self.halving_fuel(call.json_lines.len(), starts.len());
        let mut guilty = 0;
        let mut fuel = 0_u64;
        // What is still to be run, the first lines on top; with the fault where a stretch is known to fail.
        let mut stretches: Vec<(Range<usize>, Option<Fault>)> = vec![(0..starts.len(), Some(fault))];
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
            let fuel_before = isolated.usage.fuel;
            let outcome = known.map_or_else(|| self.record(&part, offset, &mut isolated), Err);
            let Err(fault) = outcome else { continue };
            if fault.blames_no_line() {
                return Err(TooManyFaults { line: offset, fault, guilty: 1 });
            }
            fuel = fuel.saturating_add(isolated.usage.fuel - fuel_before);
            if stretch.len() > 1 && fuel <= fuel_max {
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
            if guilty > guilty_max || fuel > fuel_max {
                return Err(TooManyFaults { line: *line, fault: fault.clone(), guilty });
            }
        }
        Ok(isolated)
    }

    /// What the failed calls may use while guilty lines are looked for among `lines` lines of `bytes` bytes: as much as it
    /// takes to find 20 lines of about the same length that each run until the fuel ends. So 20 guilty lines are always found,
    /// more only if they fail fast, and no call takes longer than that.
    fn halving_fuel(&self, bytes: usize, lines: usize) -> u64 {
        let limits = self.limits();
        // At most 20 stretches fail at each level; down to the level of 32 stretches they cover at most all bytes each time,
        // and below it together at most as much as at that level once more.
        let levels = u64::from(lines.next_power_of_two().ilog2()) + 1;
        let base = limits.fuel_base.saturating_mul(levels).saturating_mul(GUILTY_LINES_MAX as u64);
        let by_bytes = limits.fuel_per_byte.saturating_mul(bytes as u64);
        base.saturating_add(by_bytes.saturating_mul(7))
    }

    /// Runs a stretch of the lines, and keeps what it made.
    fn record(&self, call: &Call<'_>, offset: u64, isolated: &mut Isolated) -> Result<(), Fault> {
        let Called { result, usage, log } = self.call(call);
        isolated.usage.add(&usage);
        if result.is_ok() || call.lines == 1 {
            // What a stretch logs that fails comes again from its halves.
            isolated.keep_log(log, self.limits().log_bytes_max);
        }
        let mut transformed = result?;
        let rejects = std::mem::take(&mut transformed.rejects).into_iter();
        transformed.first_line = offset;
        isolated.rejects.extend(rejects.map(|reject| Reject { line: reject.line + offset, ..reject }));
        isolated.parts.push(transformed);
        Ok(())
    }
}

impl TooManyFaults {
    /// The same, where `lines` lines came before those of the call.
    pub(crate) fn after(self, lines: u64) -> Self {
        Self { line: self.line + lines, ..self }
    }
}

impl Isolated {
    /// Adds what became of the lines that follow the first `lines` of this.
    pub(crate) fn append(&mut self, lines: u64, other: Self) {
        let shifted = |part: Transformed| Transformed { first_line: part.first_line + lines, ..part };
        self.parts.extend(other.parts.into_iter().map(shifted));
        self.rejects.extend(other.rejects.into_iter().map(|reject| Reject { line: reject.line + lines, ..reject }));
        self.usage.add(&other.usage);
        self.log.extend(other.log);
        self.log_bytes += other.log_bytes;
        let first_fault = other.first_fault.map(|(line, fault)| (line + lines, fault));
        self.first_fault = self.first_fault.take().or(first_fault);
    }

    /// Adds `log` as far as one call may log: however many stretches there are, they have no more room than the whole.
    fn keep_log(&mut self, log: Vec<LogLine>, bytes_max: u64) {
        for line in log {
            let bytes = log_bytes(line.message.len() as u64);
            if self.log_bytes + bytes > bytes_max {
                self.usage.log_bytes_dropped += bytes;
                continue;
            }
            self.log_bytes += bytes;
            self.log.push(line);
        }
    }
}

fn line_starts(lines: &[u8]) -> Vec<usize> {
    let next = memchr::memchr_iter(b'\n', lines).map(|at| at + 1).filter(|&at| at < lines.len());
    std::iter::once(0).chain(next).collect()
}
