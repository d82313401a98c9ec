//! Whether a plugin keeps the rules on some lines, and the fewest lines on which it does not.

use super::FuzzOptions;
use super::mutate::{Line, Mutator};
use super::random::Random;
use crate::case::{CaseError, CaseFolder};
use crate::columns::row_json;
use crate::input::Lookups;
use crate::sandbox::{Call, Plugin, Transformed};
use serde::Serialize;

/// A rule of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// A bad row is a reject: the plugin never traps, spends a limit, or hands back wrong columns.
    Fault,
    /// Where the lines are cut changes nothing.
    Cut,
    /// In which order they come changes nothing.
    Order,
    /// The same lines give the same rows.
    Repeat,
}

/// A rule that was broken.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What happened.
    pub message: String,
    /// What is other in each of the lines than in the case that it comes from.
    pub changes: Vec<String>,
    /// The fewest lines with which it happens, with their line feeds.
    #[serde(serialize_with = "serialize_lines")]
    pub lines: Vec<Vec<u8>>,
    /// The file that the lines are kept in.
    pub kept: Option<std::path::PathBuf>,
    /// What tells one finding of a rule from another.
    #[serde(skip)]
    kind: String,
}

fn serialize_lines<S: serde::Serializer>(lines: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(lines.iter().map(|line| String::from_utf8_lossy(line)))
}

/// What was tried, and found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FuzzReport {
    /// Chunks that were tried.
    pub chunks: u64,
    /// Lines in them.
    pub lines: u64,
    /// Rules that were broken: one finding for each rule and kind of fault.
    pub findings: Vec<Finding>,
}

/// Tries lines that are derived from `cases` on `plugin`. Tells `progress` how many rounds are done.
///
/// # Errors
/// [`CaseError`] where a case can't be read.
pub fn fuzz(
    plugin: &Plugin,
    cases: &[CaseFolder],
    options: FuzzOptions,
    progress: &dyn Fn(u64),
) -> Result<FuzzReport, CaseError> {
    let columns: Vec<_> = plugin.manifest().source_columns.iter().map(|column| column.name.clone()).collect();
    let mutator = Mutator::new(columns);
    let mut random = Random::new(options.seed);
    let mut report = FuzzReport::default();
    let mut pools = Vec::new();
    for case in cases {
        let lookups = case.lookups(plugin.manifest())?;
        let lines: Vec<_> = case.packets()?.iter().flat_map(|packet| lines(&packet.lines)).collect();
        pools.push((lookups, lines));
    }
    for (lookups, lines) in &pools {
        let mut tried = Trial { plugin, lookups, report: &mut report };
        let doubled: Vec<_> = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
        let reversed: Vec<_> = lines.iter().rev().cloned().collect();
        tried.chunk(lines, Rule::Cut);
        tried.chunk(&doubled, Rule::Cut);
        tried.chunk(&reversed, Rule::Order);
    }
    if let Some((lookups, lines)) = pools.first() {
        // Each value in each column of one line.
        const LINES_A_CHUNK: usize = 16;
        let hard = lines.iter().map(|line| mutator.each_value(line)).find(|hard| !hard.is_empty()).unwrap_or_default();
        for chunk in hard.chunks(LINES_A_CHUNK) {
            Trial { plugin, lookups, report: &mut report }.chunk(chunk, Rule::Order);
        }
    }
    for round in 0..options.rounds {
        progress(u64::from(round));
        let Some((lookups, lines)) = random.pick(&pools) else { break };
        let chunk = mixed(lines, &mutator, &mut random);
        Trial { plugin, lookups, report: &mut report }.chunk(&chunk, Rule::Order);
    }
    Ok(report)
}

/// The lines that are no blank ones, each with a line feed.
fn lines(bytes: &[u8]) -> Vec<Line> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    lines.map(|line| Line { bytes: [line, b"\n"].concat(), change: String::new() }).collect()
}

/// Some lines in some order, about half of them changed.
fn mixed(lines: &[Line], mutator: &Mutator, random: &mut Random) -> Vec<Line> {
    const LINES_MAX: usize = 16;
    let count = random.below(LINES_MAX) + 1;
    let mut chunk = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(line) = random.pick(lines).cloned() else { break };
        chunk.push(match random.below(4) {
            0 | 1 => line,
            2 => mutator.mutate(&line, random),
            _ => {
                let once = mutator.mutate(&line, random);
                mutator.mutate(&once, random)
            }
        });
    }
    random.shuffle(&mut chunk);
    chunk
}

/// A chunk that is being tried.
struct Trial<'a> {
    plugin: &'a Plugin,
    lookups: &'a Lookups,
    report: &'a mut FuzzReport,
}

/// How a rule was broken.
struct Breach {
    rule: Rule,
    /// What tells one kind from another.
    kind: String,
    message: String,
}

impl Trial<'_> {
    /// Checks all rules on a chunk; `rule` is the one that is broken where lines give other rows together than alone.
    fn chunk(&mut self, lines: &[Line], rule: Rule) {
        self.report.chunks += 1;
        self.report.lines += lines.len() as u64;
        let well = self.without_faulty(lines);
        let Some(breach) = self.breach(&well, rule).filter(|breach| !self.is_known(breach)) else { return };
        let (mut lines, mut breach) = (well, breach);
        // Fewer lines say more: each is left out without which it happens all the same.
        let mut index = 0;
        while lines.len() > 1 && index < lines.len() {
            let fewer: Vec<_> = [&lines[..index], &lines[index + 1..]].concat();
            match self.breach(&fewer, rule).filter(|other| (other.rule, &other.kind) == (breach.rule, &breach.kind)) {
                Some(other) => (lines, breach) = (fewer, other),
                None => index += 1,
            }
        }
        self.keep(&lines, breach);
    }

    /// The lines without those on which the plugin fails alone; each of these is a finding of its own.
    fn without_faulty(&mut self, lines: &[Line]) -> Vec<Line> {
        if self.call(lines, 0).is_ok() {
            return lines.to_vec();
        }
        let mut well = Vec::new();
        for line in lines {
            match self.call(std::slice::from_ref(line), 0) {
                Ok(_) => well.push(line.clone()),
                Err(breach) => self.keep(std::slice::from_ref(line), breach),
            }
        }
        well
    }

    fn is_known(&self, breach: &Breach) -> bool {
        self.report.findings.iter().any(|finding| finding.rule == breach.rule && finding.kind == breach.kind)
    }

    fn keep(&mut self, lines: &[Line], breach: Breach) {
        /// More is not read before the first ones are mended.
        const FINDINGS_MAX: usize = 10;
        if self.is_known(&breach) || self.report.findings.len() == FINDINGS_MAX {
            return;
        }
        self.report.findings.push(Finding {
            rule: breach.rule,
            message: breach.message,
            changes: lines.iter().map(|line| line.change.clone()).collect(),
            lines: lines.iter().map(|line| line.bytes.clone()).collect(),
            kept: None,
            kind: breach.kind,
        });
    }

    fn breach(&self, lines: &[Line], rule: Rule) -> Option<Breach> {
        let together = match self.call(lines, 0) {
            Ok(rows) => rows,
            Err(breach) => return Some(breach),
        };
        if self.call(lines, 0).is_ok_and(|again| again != together) {
            let message = "the same lines gave other rows the second time".to_owned();
            return Some(Breach { rule: Rule::Repeat, kind: String::new(), message });
        }
        let halves = lines.split_at(lines.len() / 2);
        self.differs(&together, lines, rule, &[halves.0, halves.1])
            .or_else(|| self.differs(&together, lines, rule, &lines.chunks(1).collect::<Vec<_>>()))
    }

    /// How the rows of `parts`, each in a call of its own, differ from those of all `lines` in one.
    fn differs(&self, together: &Made, lines: &[Line], rule: Rule, parts: &[&[Line]]) -> Option<Breach> {
        let mut apart = Made::default();
        let mut offset = 0;
        for part in parts.iter().filter(|part| !part.is_empty()) {
            match self.call(part, offset) {
                Ok(made) => apart.extend(made),
                Err(breach) => return Some(breach),
            }
            offset += part.len();
        }
        let of_line = |made: &Made, line: usize| -> Vec<String> {
            made.iter().filter(|(at, _)| *at == line).map(|(_, text)| text.clone()).collect()
        };
        let line = (0..lines.len()).find(|&line| of_line(together, line) != of_line(&apart, line))?;
        let shown = |made: &Made| match of_line(made, line).as_slice() {
            [] => "no row".to_owned(),
            rows => rows.join(" "),
        };
        let what = match rule {
            Rule::Order => "its rows depend on the lines around it or on their order",
            _ => "its rows depend on where the lines are cut into calls",
        };
        let message = format!(
            "line {} of {}: {what}\n  in one call    {}\n  in {} calls{}    {}",
            line + 1,
            lines.len(),
            shown(together),
            parts.len(),
            if parts.len() > 9 { "" } else { " " },
            shown(&apart)
        );
        Some(Breach { rule, kind: String::new(), message })
    }

    /// The rows and rejects of `lines` in one call, whose first line has the index `offset` in the chunk.
    fn call(&self, lines: &[Line], offset: usize) -> Result<Made, Breach> {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| line.bytes.iter().copied()).collect();
        let joined = if self.lookups.is_empty() { bytes } else { self.lookups.join(&bytes) };
        let called = self.plugin.call(&Call {
            sequence: 1,
            first_record: offset as u64 + 1,
            first_line: offset as u64,
            lines: lines.len() as u32,
            json_lines: &joined,
        });
        match called.result {
            Ok(transformed) => Ok(self.made(&transformed, offset)),
            Err(fault) => {
                let place = fault.place().map_or_else(String::new, ToString::to_string);
                let kind = format!("{} {place}", fault.code());
                Err(Breach { rule: Rule::Fault, kind, message: fault.to_string() })
            }
        }
    }

    fn made(&self, transformed: &Transformed, offset: usize) -> Made {
        let tables = self.plugin.manifest().star_tables.iter().zip(&transformed.tables).enumerate();
        let rows = tables.flat_map(|(index, (table, rows))| {
            let lines = transformed.row_lines(index, &transformed.rejects).into_iter().enumerate();
            lines.map(move |(row, line)| (line as usize, row_json(table, rows, row)))
        });
        let rejects = transformed.rejects.iter().map(|reject| {
            let column = reject.column.as_deref().unwrap_or_default();
            (reject.line as usize, format!("reject {} {column}: {}", reject.code, reject.message))
        });
        rows.chain(rejects).map(|(line, text)| (line + offset, text)).collect()
    }
}

/// What lines made: each row and reject with the index of its line.
type Made = Vec<(usize, String)>;
