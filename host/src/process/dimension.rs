//! Dimensions: the newest row of each key.

use super::fact::{packet_input, read_error};
use super::packets::{MANIFESTS_AHEAD, first_missing, gaps};
use super::publish::StarUpload;
use super::reader::PacketReader;
use super::report::StarOutcome;
use super::table::{MadeBy, Try, app, star_tables};
use super::{Process, ProcessError, StarTableReport, keys};
use crate::input::Lookups;
use crate::lake::LakeError;
use crate::manifest::StarTable;
use crate::packet::Manifest;
use crate::sandbox::Plugin;
use crate::star::{
    Bucket, BucketRows, Buckets, Fold, Metadata, NewTableFile, PacketMark, StarError, TableError, TableFile,
    TableVersion,
};
use crate::transform::{PacketOptions, fold_packet, metadata};
use object_store::ObjectStoreExt;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;

/// How many buckets are in memory at a time, for each thread.
const BUCKETS_PER_THREAD: usize = 8;

/// An input of a dimension: its source table, or one that is looked up.
struct DimensionInput {
    app: String,
    table: String,
    /// The last packet that the lake has.
    last: u64,
    /// The last packet that the star tables hold.
    processed: Option<u64>,
}

/// What the packets of a source were folded to.
pub(super) struct Folded {
    pub(super) folds: Vec<Fold>,
    /// The last packet that was folded.
    last: u64,
    packets: u64,
    rejects: u64,
    /// What stopped it before the last packet, if anything did.
    stopped: Option<StarOutcome>,
}

/// The files that a dimension gets and loses.
#[derive(Default)]
pub(super) struct Replaced {
    pub(super) added: Vec<NewTableFile>,
    pub(super) removed: BTreeSet<String>,
}

impl Process<'_> {
    /// Brings the dimensions that a plugin makes up to date.
    pub(super) fn dimension(&self, plugin: &Plugin) -> Vec<StarTableReport> {
        let tables = star_tables(plugin);
        let mut reports: Vec<_> = tables.iter().map(|table| StarTableReport::new(table, plugin)).collect();
        let result = self.until_done(&tables[0].name, || self.try_dimension(plugin, &tables, &mut reports));
        super::share_result(reports, result)
    }

    fn try_dimension(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        reports: &mut [StarTableReport],
    ) -> Result<Try<StarOutcome>, ProcessError> {
        let mut inputs = self.inputs(plugin)?;
        let missing: Vec<String> =
            inputs.iter().filter(|input| input.last == 0).map(|input| input.table.clone()).collect();
        if !missing.is_empty() {
            return self.wait_for(plugin, tables, missing);
        }
        let versions = self.open_tables(plugin, tables)?;
        let (mut is_new_plugin, mut furthest) = (false, 0);
        for version in &versions {
            let held = self.parts.star.packets(version)?;
            for (index, input) in inputs.iter_mut().enumerate() {
                let processed = self.parts.star.progress(version, &input.app)?;
                if index == 0 {
                    furthest = furthest.max(processed.unwrap_or(0));
                }
                // Of several tables the one that is behind counts; one that has nothing is all behind.
                input.processed = match version.name() == versions[0].name() {
                    true => processed,
                    false => input.processed.zip(processed).map(|(one, other)| one.min(other)),
                };
                if !self.is_replay {
                    self.check_lake(version.name(), &held, &input.table, processed.unwrap_or(0))?;
                } else if processed > Some(input.last) {
                    self.packets.look_again(&input.table)?;
                }
                // What the star table holds may have come since the end of the table was looked up: it never goes back.
                input.last = self.packets.last(&input.table)?;
            }
            let made_by = self.parts.made_by(version)?;
            is_new_plugin |= made_by.is_none_or(|made_by| made_by.digest != plugin.digest());
        }
        let (source, lookups) = (&inputs[0], &inputs[1..]);
        let processed = source.processed.unwrap_or(0);
        reports.iter_mut().for_each(|report| report.sequence = processed);
        let lookups_moved = lookups.iter().any(|input| input.processed != Some(input.last));
        let is_whole = source.processed.is_none() || is_new_plugin || lookups_moved || self.is_replay;
        if !is_whole && processed == source.last {
            return Ok(Try::Done(StarOutcome::Unchanged));
        }
        let is_whole = is_whole || self.has_foreign_files(&versions)?;
        if is_whole && furthest > 0 {
            self.check_no_gap(&tables[0].name, &inputs)?;
        }
        let folded = self.fold(plugin, tables, if is_whole { 0 } else { processed }, source.last, reports)?;
        let stopped = folded.stopped;
        if let Some(stopped) = &stopped
            && (folded.last < furthest
                || (folded.last == processed && (!is_whole || *stopped == StarOutcome::OutOfTime)))
        {
            return Ok(Try::Done(stopped.clone()));
        }
        let mut progress: BTreeMap<String, u64> = lookups.iter().map(|input| (input.app.clone(), input.last)).collect();
        progress.insert(source.app.clone(), folded.last);
        let mut marks = BTreeMap::new();
        for (table, sequence) in
            lookups.iter().map(|input| (&input.table, input.last)).chain([(&source.table, folded.last)])
        {
            marks.extend(self.packets.mark(table, sequence)?.map(|mark| (table.clone(), mark)));
        }
        let made_by = serde_json::to_string(&MadeBy::new(plugin, None)).ok();
        let metadata = metadata(plugin, &source.table);
        let mut moved = false;
        for (index, fold) in folded.folds.into_iter().enumerate() {
            let (table, version) = (&tables[index], &versions[index]);
            let replaced = match is_whole {
                true => self.replace_all(table, version, fold, &metadata)?,
                false => self.replace_changed(table, version, fold, &metadata)?,
            };
            crate::crash::point("buckets-stored");
            let is_same = replaced.added.is_empty() && replaced.removed.is_empty();
            let is_current = is_same && !is_new_plugin && !lookups_moved && processed == folded.last;
            if is_current && self.is_replay && self.holds(version, &marks)? {
                continue;
            }
            moved = true;
            let mut change = self.change(plugin, replaced.added, replaced.removed, progress.clone());
            change.made_by = made_by.clone().filter(|_| is_whole);
            change.packets.clone_from(&marks);
            if let Try::Conflict = self.commit(version, table, &change, &mut reports[index])? {
                return Ok(Try::Conflict);
            }
            crate::crash::point("dimension-committed");
            let report = &mut reports[index];
            (report.sequence, report.packets) = (folded.last, report.packets + folded.packets);
            report.rejects = folded.rejects;
        }
        Ok(Try::Done(stopped.unwrap_or(if moved { StarOutcome::Advanced } else { StarOutcome::Unchanged })))
    }

    /// Whether some file of the tables is no bucket: another program's, which may hold any keys.
    fn has_foreign_files(&self, versions: &[TableVersion]) -> Result<bool, ProcessError> {
        for version in versions {
            if self.parts.star.files(version)?.iter().any(|file| keys::bucket_of(&file.path).is_none()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a star table remembers just these packets, or none.
    fn holds(&self, version: &TableVersion, marks: &BTreeMap<String, PacketMark>) -> Result<bool, ProcessError> {
        let held = self.parts.star.packets(version)?;
        Ok(marks.iter().all(|(table, mark)| held.get(table).is_none_or(|held| held == mark)))
    }

    /// Looks whether the lake still has all packets of the inputs: a table that is made again would lose the rows of others.
    fn check_no_gap(&self, star: &str, inputs: &[DimensionInput]) -> Result<(), ProcessError> {
        for input in inputs {
            let sequences = self.packets.between(&input.table, 0, input.last)?;
            if let Some(sequence) = first_missing(1, input.last, &sequences) {
                let (star, table) = (star.to_owned(), input.table.clone());
                return Err(ProcessError::Gap { star, table, sequence });
            }
        }
        Ok(())
    }

    /// The inputs of a dimension, its source first.
    fn inputs(&self, plugin: &Plugin) -> Result<Vec<DimensionInput>, ProcessError> {
        let input = |table: &String| {
            let last = self.packets.last(table)?;
            Ok(DimensionInput { app: app(plugin, table), table: table.clone(), last, processed: None })
        };
        plugin.manifest().inputs().map(input).collect()
    }

    /// Folds the packets after `processed` and up to `last` of the plugin's source.
    pub(super) fn fold(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        processed: u64,
        last: u64,
        reports: &mut [StarTableReport],
    ) -> Result<Folded, ProcessError> {
        let source = &plugin.manifest().source_table;
        let sequences = self.packets.between(source, processed, last)?;
        reports.iter_mut().for_each(|report| report.gaps = gaps(processed, &sequences));
        let held = self.held_sequences(plugin)?;
        let lookups = self.lookups(plugin)?;
        let folds = tables.iter().map(Fold::new).collect();
        let mut folded = Folded { folds, last: processed, packets: 0, rejects: 0, stopped: None };
        for sequences in sequences.chunks(MANIFESTS_AHEAD) {
            for manifest in self.packets.manifests(source, sequences)? {
                folded.stopped = self.stopped_before(plugin, &held, manifest.sequence)?;
                if folded.stopped.is_some() {
                    return Ok(folded);
                }
                let was_held = held.contains(&manifest.sequence);
                if self.fold_packet(plugin, tables, &lookups, &manifest, was_held, &mut folded)? {
                    // It is known as held from now on, and its rows must not be among those of the others.
                    return self.fold(plugin, tables, processed, last, reports);
                }
                (folded.last, folded.packets) = (manifest.sequence, folded.packets + 1);
            }
        }
        Ok(folded)
    }

    /// Folds a packet; tells whether it is held.
    fn fold_packet(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        lookups: &Lookups,
        manifest: &Manifest,
        was_held: bool,
        folded: &mut Folded,
    ) -> Result<bool, ProcessError> {
        self.check_columns(plugin, manifest)?;
        let options = PacketOptions {
            tables,
            lookups,
            calendar: None,
            budget: self.parts.budget,
            threads: self.parts.threads,
            progress: self.progress,
        };
        let reader = PacketReader::rows(&self.parts.runtime, &self.parts.lake, manifest);
        let (input, failure) = packet_input(manifest, reader);
        let folds = &mut folded.folds;
        let transformed = fold_packet(plugin, input, &options, |rows| {
            folds.iter_mut().zip(rows).try_for_each(|(fold, rows)| fold.take(rows))
        });
        let mut transformed = transformed.map_err(|error| read_error(&failure, error))?;
        if !self.is_dry {
            self.store_rejects(plugin, manifest.sequence, &mut transformed, was_held)?;
            if self.hold(plugin, manifest, &transformed)?.is_some() {
                return Ok(true);
            }
        }
        folded.rejects += transformed.rejects;
        crate::crash::point("packet-transformed");
        Ok(false)
    }

    /// Makes all buckets anew. Files that come out as they were stay.
    pub(super) fn replace_all(
        &self,
        table: &StarTable,
        version: &TableVersion,
        fold: Fold,
        metadata: &Metadata,
    ) -> Result<Replaced, ProcessError> {
        let mut old: BTreeSet<String> = self.parts.star.files(version)?.into_iter().map(|file| file.path).collect();
        let mut added = Vec::new();
        let mut waiting = Vec::new();
        let full = BUCKETS_PER_THREAD * self.parts.threads;
        fold.finish(&mut |rows: BucketRows| {
            waiting.push(rows);
            if waiting.len() >= full {
                added.extend(self.store_buckets(table, std::mem::take(&mut waiting), metadata)?);
            }
            Ok::<_, ProcessError>(())
        })?;
        added.extend(self.store_buckets(table, waiting, metadata)?);
        added.retain(|new| !old.remove(&new.file.path));
        Ok(Replaced { added, removed: old })
    }

    /// Makes the buckets anew that rows of the fold belong to.
    fn replace_changed(
        &self,
        table: &StarTable,
        version: &TableVersion,
        fold: Fold,
        metadata: &Metadata,
    ) -> Result<Replaced, ProcessError> {
        let files = self.parts.star.files(version)?.into_iter();
        let files: BTreeMap<Bucket, TableFile> =
            files.filter_map(|file| Some((keys::bucket_of(&file.path)?, file))).collect();
        let buckets: Buckets = files.keys().copied().collect();
        let mut replaced = Replaced::default();
        for (bucket, changes) in fold.into_changes(&buckets)? {
            let old = files.get(&bucket);
            let rows = old.map(|file| self.read_bucket(table, bucket, file)).transpose()?;
            let new = self.store_buckets(table, changes.apply(table, bucket, rows)?, metadata)?;
            let is_same = |old: &&TableFile| new.iter().any(|new| new.file.path == old.path);
            if old.filter(is_same).is_none() {
                replaced.added.extend(new);
                replaced.removed.extend(old.map(|file| file.path.clone()));
            }
        }
        Ok(replaced)
    }

    fn read_bucket(&self, table: &StarTable, bucket: Bucket, file: &TableFile) -> Result<BucketRows, ProcessError> {
        let key = keys::table_file(&table.name, &file.path);
        let bytes = self.parts.star.wait(async {
            match self.parts.star.store().get(&key).await {
                Ok(found) => found.bytes().await,
                Err(error) => Err(error),
            }
        });
        let bytes = bytes.map_err(|error| match error {
            object_store::Error::NotFound { .. } => {
                ProcessError::from(TableError::File { key: key.to_string(), reason: "it is gone".to_owned() })
            }
            error => LakeError::store("read", &key)(error).into(),
        })?;
        BucketRows::read(table, bucket, bytes).map_err(|error| {
            TableError::File { key: key.to_string(), reason: crate::error::with_causes(&error) }.into()
        })
    }

    /// Writes buckets, each on any thread, and stores them.
    fn store_buckets(
        &self,
        table: &StarTable,
        buckets: Vec<BucketRows>,
        metadata: &Metadata,
    ) -> Result<Vec<NewTableFile>, ProcessError> {
        if buckets.is_empty() {
            return Ok(Vec::new());
        }
        let write = |rows: &BucketRows| -> Result<StarUpload, StarError> {
            let file = rows.write(table, metadata)?;
            Ok(StarUpload { table: 0, name: keys::bucket_file(rows.bucket, &file.spooled.sha256), file })
        };
        let share = buckets.len().div_ceil(self.parts.threads.max(1));
        let written: Vec<Result<Vec<StarUpload>, StarError>> = thread::scope(|scope| {
            let shares = buckets.chunks(share).map(|share| scope.spawn(move || share.iter().map(write).collect()));
            let shares: Vec<_> = shares.collect();
            shares
                .into_iter()
                .map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let uploads = written.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let stored = self.parts.store_or_mend(&[&table.name], uploads, self.is_replay)?;
        Ok(stored.into_iter().map(|(_, file)| file).collect())
    }
}
