//! The records of a fact: each record of each packet is there once, or among the rejects.

use super::{Kind, Verify};
use crate::lake::LakeError;
use crate::manifest::StarTable;
use crate::process::{ProcessError, app};
use crate::rejects::rejected_records;
use crate::sandbox::Plugin;
use crate::star::{FetchedFile, StarError, TableFile, TableVersion};
use std::collections::BTreeSet;

/// How many examples a finding names.
const EXAMPLES: usize = 5;

/// The first and the last of some records that follow one another.
type Stretch = (i64, i64);

/// Record numbers, as stretches of neighbours: those of a whole table take little room.
#[derive(Debug, Default)]
struct Records {
    /// In the order in which they came.
    stretches: Vec<Stretch>,
}

impl Records {
    fn add(&mut self, record: i64) {
        match self.stretches.last_mut() {
            Some((_, last)) if record == *last + 1 => *last = record,
            _ => self.stretches.push((record, record)),
        }
    }

    /// Those that came more than once, and those of `first..=last` that did not come.
    fn check(mut self, last: i64) -> (Vec<Stretch>, Vec<Stretch>) {
        self.stretches.sort_unstable();
        let (mut doubled, mut missing, mut next) = (Vec::new(), Vec::new(), 1);
        for (first, end) in self.stretches {
            if first > next {
                missing.push((next, first - 1));
            }
            if first < next {
                doubled.push((first, end.min(next - 1)));
            }
            next = next.max(end + 1);
        }
        if next <= last {
            missing.push((next, last));
        }
        (doubled, missing)
    }
}

impl Verify<'_> {
    /// Looks for records that came twice, or not at all, where the key is the number of the record.
    pub(super) fn fact(
        &mut self,
        plugin: &Plugin,
        table: &StarTable,
        version: &TableVersion,
        files: &[(TableFile, FetchedFile)],
    ) -> Result<(), ProcessError> {
        let Some(key) = table.record_key() else { return Ok(()) };
        let mut records = Records::default();
        for (file, fetched) in files {
            if let Err(error) = fetched.for_each_number(key, |record| records.add(record)) {
                self.find(Kind::DamagedFile, &table.name, unreadable(file, &error));
            }
        }
        let source = &plugin.manifest().source_table;
        let processed = self.parts.star.progress(version, &app(plugin, source))?.unwrap_or(0);
        // Where manifests are missing, their records are not known; the gap is told by itself.
        let (covered, known) = self.known_records(source, processed)?;
        let (doubled, missing) = records.check(known);
        if !doubled.is_empty() {
            self.find(
                Kind::DoubledRecord,
                &table.name,
                format!("records {} are there more than once", words(&doubled)),
            );
        }
        let rejected = self.rejected_records(plugin)?;
        let missing: Vec<Stretch> = missing
            .into_iter()
            .flat_map(|(first, last)| without(first, last, &rejected))
            .flat_map(|stretch| within(stretch, &covered))
            .collect();
        if !missing.is_empty() {
            let what = format!("records {} are neither there nor among the rejects", words(&missing));
            self.find(Kind::MissingRecord, &table.name, what);
        }
        Ok(())
    }

    /// The records of the packets up to `processed`, as stretches, and the last of them.
    fn known_records(&self, source: &str, processed: u64) -> Result<(Vec<Stretch>, i64), ProcessError> {
        let (star, lake) = (&self.parts.star, &self.parts.lake);
        let mut sequences = star.wait(lake.sequences_after(source, 0))?;
        sequences.retain(|sequence| *sequence <= processed);
        sequences.sort_unstable();
        let mut stretches = Vec::new();
        for sequence in sequences {
            // One that can't be read was told with the packets.
            let Ok(manifest) = star.wait(lake.manifest(source, sequence)) else { continue };
            if manifest.lines > 0 {
                let first = manifest.first_record.cast_signed();
                stretches.push((first, first + manifest.lines.cast_signed() - 1));
            }
        }
        let last = stretches.last().map_or(0, |(_, last)| *last);
        Ok((stretches, last))
    }

    /// The records of which a plugin has made no row, as it said.
    fn rejected_records(&mut self, plugin: &Plugin) -> Result<BTreeSet<i64>, ProcessError> {
        let Some(first) = plugin.manifest().star_tables.first() else { return Ok(BTreeSet::new()) };
        match rejected_records(&self.parts.star, &first.name) {
            Ok(packets) => Ok(packets.into_values().flatten().map(u64::cast_signed).collect()),
            Err(error @ LakeError::Format { .. }) => {
                self.find(Kind::DamagedObject, &first.name, crate::error::with_causes(&error));
                Ok(BTreeSet::new())
            }
            Err(error) => Err(error.into()),
        }
    }
}

pub(super) fn unreadable(file: &TableFile, error: &StarError) -> String {
    format!("`{}` can't be read: {}", file.path, crate::error::with_causes(error))
}

/// A stretch without some of its records.
fn without(first: i64, last: i64, rejected: &BTreeSet<i64>) -> Vec<Stretch> {
    let (mut rest, mut next) = (Vec::new(), first);
    for record in rejected.range(first..=last) {
        if *record > next {
            rest.push((next, record - 1));
        }
        next = record + 1;
    }
    if next <= last {
        rest.push((next, last));
    }
    rest
}

/// The parts of a stretch that lie within others.
fn within((first, last): Stretch, others: &[Stretch]) -> Vec<Stretch> {
    let parts = others.iter().map(|(start, end)| (first.max(*start), last.min(*end)));
    parts.filter(|(first, last)| first <= last).collect()
}

fn words(stretches: &[Stretch]) -> String {
    let word = |(first, last): &Stretch| if first == last { first.to_string() } else { format!("{first} to {last}") };
    let mut words: Vec<String> = stretches.iter().take(EXAMPLES).map(word).collect();
    if stretches.len() > EXAMPLES {
        words.push(format!("and {} more stretches", stretches.len() - EXAMPLES));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_come_twice_or_not_at_all_are_found_in_any_order() {
        let mut records = Records::default();
        [4, 5, 1, 2, 5, 9].into_iter().for_each(|record| records.add(record));
        assert_eq!((vec![(5, 5)], vec![(3, 3), (6, 8), (10, 11)]), records.check(11));
        assert_eq!((Vec::new(), vec![(1, 2)]), Records::default().check(2));
        let rejected = BTreeSet::from([7, 10]);
        assert_eq!(vec![(6, 6), (8, 8)], without(6, 8, &rejected));
        assert_eq!(vec![(6, 6), (8, 9)], within((6, 9), &[(1, 6), (8, 20)]));
    }
}
