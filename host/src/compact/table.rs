//! One table: looked at, joined and committed, until there is nothing left to join.

use super::plan::{self, Candidate, Origin};
use super::{CompactError, CompactedTable, Extent, JoinLimits, Parts};
use crate::manifest::StarTable;
use crate::process::keys;
use crate::star::{
    Change, Commit, NewTableFile, Operation, RowsFile, SpooledFile, StoredFile, TableError, TableFile, TableVersion,
};
use futures_util::{Stream, StreamExt, stream};
use object_store::path::Path;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many files are looked at ahead; each takes some KiB.
const FILES_AHEAD: usize = 16;

/// How many files a commit adds at most, so that little is done again after a crash.
const JOINED_PER_COMMIT: usize = 16;

/// How often it is tried again when others commit first.
const TRIES_MAX: u32 = 100;

/// A table that is being worked on.
struct Work<'a> {
    parts: &'a Parts,
    table: &'a str,
    limits: JoinLimits,
    /// Where the rows of each file come from, as far as it was looked at; `None` for a file that is left alone.
    origins: BTreeMap<String, Option<Arc<Origin>>>,
    /// What was joined and is not committed yet, by the files of which it was made.
    joined: BTreeMap<Vec<String>, NewTableFile>,
    /// How many files were read.
    read: u64,
    tell: &'a dyn Fn(u64),
}

/// How a step ended.
enum Step {
    /// Something was joined; there may be more.
    Joined,
    /// Somebody else has committed: look again.
    Conflict,
    /// There is nothing to join.
    Done,
}

/// Joins what can be joined of a table.
pub(super) fn compact_table(parts: &Parts, table: &str, limits: JoinLimits, tell: &dyn Fn(u64)) -> CompactedTable {
    let began = Instant::now();
    let mut report = CompactedTable::new(table);
    let mut work = Work { parts, table, limits, origins: BTreeMap::new(), joined: BTreeMap::new(), read: 0, tell };
    report.result = work.finish(&mut report);
    report.took = began.elapsed();
    match &report.result {
        Ok(()) => tracing::info!(table, joined = report.joined, written = report.written, "the files are joined"),
        Err(error) => tracing::error!(table, error = crate::error::with_causes(error), "the files can't be joined"),
    }
    report
}

impl Work<'_> {
    fn finish(&mut self, report: &mut CompactedTable) -> Result<(), CompactError> {
        let mut tries = 0;
        while tries < TRIES_MAX {
            match self.step(report)? {
                Step::Done => return Ok(()),
                Step::Joined => tries = 0,
                Step::Conflict => {
                    tries += 1;
                    // Runs that got into each other's way are to part.
                    let spread = crate::state::hash_line(format!("{} {tries}", self.parts.run).as_bytes()) % 32;
                    std::thread::sleep(Duration::from_millis(spread as u64 * u64::from(tries.min(8))));
                }
            }
        }
        Err(CompactError::Crowded { table: self.table.to_owned(), tries })
    }

    /// Looks at the newest version of the table, joins some of its files, and commits them on top of that version.
    fn step(&mut self, report: &mut CompactedTable) -> Result<Step, CompactError> {
        let Some(version) = self.parts.star.open(self.table)? else { return Ok(Step::Done) };
        let star_table = version.star_table()?;
        let files = self.parts.star.files(&version)?;
        report.saw(&files);
        // What was joined before others committed is as good as it was, if they left its parts.
        let paths: BTreeSet<&String> = files.iter().map(|file| &file.path).collect();
        self.joined.retain(|parts, _| parts.iter().all(|part| paths.contains(part)));
        if self.joined.is_empty() {
            self.join_some(&star_table, files)?;
        }
        if self.joined.is_empty() {
            return Ok(Step::Done);
        }
        crate::crash::point("joined-stored");
        if let Step::Conflict = self.commit(&version, &star_table)? {
            return Ok(Step::Conflict);
        }
        crate::crash::point("joined-committed");
        let joined = std::mem::take(&mut self.joined);
        report.joined += joined.keys().map(|paths| paths.len() as u64).sum::<u64>();
        report.written += joined.len() as u64;
        Ok(Step::Joined)
    }

    /// Joins the first stretches of those that there are.
    fn join_some(&mut self, table: &StarTable, files: Vec<TableFile>) -> Result<(), CompactError> {
        let candidates = self.candidates(files)?;
        for stretch in plan::stretches(&candidates, self.limits).into_iter().take(JOINED_PER_COMMIT) {
            let stretch = &candidates[stretch];
            let file = self.join(table, stretch)?;
            let parts = stretch.iter().map(|candidate| candidate.file.path.clone()).collect();
            self.joined.insert(parts, file);
        }
        Ok(())
    }

    /// The files that may be joined, in the order of their packets.
    fn candidates(&mut self, files: Vec<TableFile>) -> Result<Vec<Candidate>, CompactError> {
        // Large ones are looked at too: what lies on both sides of one are no neighbours.
        let files: Vec<_> = files.into_iter().filter_map(|file| Some((keys::packets_of(&file.path)?, file))).collect();
        self.look_at(files.iter().map(|(_, file)| file))?;
        let candidate = |(span, file): ((u64, u64), TableFile)| {
            let origin = Arc::clone(self.origins.get(&file.path)?.as_ref()?);
            Some(Candidate { file, span, origin })
        };
        let mut candidates: Vec<Candidate> = files.into_iter().filter_map(candidate).collect();
        plan::sort(&mut candidates);
        Ok(candidates)
    }

    /// Reads where the rows of files come from, of those of which it is not known.
    fn look_at<'f>(&mut self, files: impl Iterator<Item = &'f TableFile>) -> Result<(), CompactError> {
        let mut known: BTreeSet<Arc<Origin>> = self.origins.values().flatten().cloned().collect();
        let new: Vec<&TableFile> = files.filter(|file| !self.origins.contains_key(&file.path)).collect();
        let mut found = Vec::new();
        let mut opened = pin!(open(self.parts, self.table, new.iter().copied()));
        for file in &new {
            let Some(stored) = self.parts.star.wait(opened.next()) else { break };
            let origin = Origin::new(stored?.origin()).map(Arc::new);
            // Thousands of files have the same.
            let origin = origin.map(|origin| known.get(&origin).cloned().unwrap_or(origin));
            known.extend(origin.clone());
            found.push((file.path.clone(), origin));
        }
        self.origins.extend(found);
        Ok(())
    }

    /// Joins the files of a stretch, and stores what they became.
    fn join(&mut self, table: &StarTable, stretch: &[Candidate]) -> Result<NewTableFile, CompactError> {
        let star = &self.parts.star;
        let span = stretch.iter().map(|candidate| candidate.span).reduce(|all, span| (all.0, all.1.max(span.1)));
        let (first, last) = span.unwrap_or_default();
        let mut rows = RowsFile::new(table, &stretch[0].origin.metadata((first, last)))?;
        let mut opened = pin!(open(self.parts, self.table, stretch.iter().map(|candidate| &candidate.file)));
        let mut read = self.read;
        while let Some(stored) = star.wait(opened.next()) {
            stored?.read::<CompactError>(star, table, &mut |more| Ok(rows.take(&more)?))?;
            read += 1;
            (self.tell)(read);
        }
        let SpooledFile { spooled, rows, stats } = rows.finish()?;
        let path = keys::joined_file(first, last, &spooled.sha256);
        let file = TableFile { path, bytes: spooled.bytes, rows };
        let key = Path::from_iter([self.table, file.path.as_str()]);
        star.wait(star.store_spooled::<CompactError>(&key, spooled, (self.parts.clock)()))?;
        self.read = read;
        Ok(NewTableFile { file, stats })
    }

    /// Puts what was joined into the place of its parts.
    fn commit(&self, version: &TableVersion, table: &StarTable) -> Result<Step, CompactError> {
        let removed: BTreeSet<String> = self.joined.keys().flatten().cloned().collect();
        let info = [("run", self.parts.run.clone()), ("joined", removed.len().to_string())];
        let change = Change {
            operation: Operation::Optimize,
            added: self.joined.values().cloned().collect(),
            removed,
            progress: BTreeMap::new(),
            packets: BTreeMap::new(),
            made_by: None,
            info: info.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            at: (self.parts.clock)(),
        };
        Ok(match self.parts.star.commit(version, table, &change)? {
            Commit::Done(_) => Step::Joined,
            Commit::Conflict => Step::Conflict,
        })
    }
}

/// Looks at files, some ahead.
fn open<'a>(
    parts: &'a Parts,
    table: &'a str,
    files: impl Iterator<Item = &'a TableFile>,
) -> impl Stream<Item = Result<StoredFile, TableError>> {
    stream::iter(files.map(move |file| parts.star.stored_file(table, file))).buffered(FILES_AHEAD)
}

impl CompactedTable {
    /// Notes the files of the table as they are.
    fn saw(&mut self, files: &[TableFile]) {
        let extent = Extent {
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            rows: files.iter().map(|file| file.rows).sum(),
        };
        if self.before == Extent::default() {
            self.before = extent;
        }
        self.after = extent;
    }
}
