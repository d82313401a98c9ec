//! The keys of the star lake.
//!
//! ```text
//! <star table>/_delta_log/...                            the table's log
//! <fact>/<sequence>-<16 digits of its SHA-256>.parquet   the rows of a packet
//! <fact>/<first>-<last>-<16 digits>.parquet              the rows of several packets, joined
//! <fact>/rejects-<number>-<16 digits>.parquet            rows of records that were rejected, and that pass now
//! <dimension>/<bucket>-<16 digits>.parquet               the rows of a bucket of keys
//! rejects/<star table>/<sequence>-<8 digits of the plugin's SHA-256>.jsonl
//! held/<star table>/<sequence>-<8 digits>.json           a packet that has too many rejects
//! accepted/<star table>/<sequence>-<8 digits>.json       the decision to publish its good rows all the same
//! ```

use crate::star::Bucket;
use object_store::path::Path;
use std::ops::RangeInclusive;

/// Names that no star table can have: other things lie there.
pub(super) const RESERVED: [&str; 4] = ["rejects", "held", "accepted", super::deletions::TABLE];

/// The file of the rows of a packet, in the folder of its table.
pub(super) fn fact_file(sequence: u64, sha256: &str) -> String {
    format!("{sequence:08}-{}.parquet", first(sha256, 16))
}

/// The file of rows that were rejected at first, in the folder of its table; `number` counts such files.
pub(super) fn rejects_file(number: u64, sha256: &str) -> String {
    format!("rejects-{number}-{}.parquet", first(sha256, 16))
}

/// The file of the rows of a bucket, in the folder of its table.
pub(super) fn bucket_file(bucket: Bucket, sha256: &str) -> String {
    format!("{bucket}-{}.parquet", first(sha256, 16))
}

/// The bucket of a file.
pub(crate) fn bucket_of(file: &str) -> Option<Bucket> {
    file.strip_suffix(".parquet")?.split_once('-')?.0.parse().ok()
}

/// The packets whose rows a file of a fact has: one, or several that were joined. Files of other names hold no whole packets.
pub(super) fn packets_of(file: &str) -> Option<RangeInclusive<u64>> {
    let (span, _) = file.strip_suffix(".parquet")?.rsplit_once('-')?;
    let (first, last) = span.split_once('-').unwrap_or((span, span));
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() == 8);
    Some(number(first)?..=number(last)?)
}

/// A file of a table.
pub(super) fn table_file(table: &str, file: &str) -> Path {
    Path::from_iter([table, file])
}

pub(super) fn rejects(table: &str, sequence: u64, digest: &str) -> Path {
    Path::from_iter(["rejects", table, &format!("{sequence:08}-{}.jsonl", first(digest, 8))])
}

pub(super) fn held_prefix(table: &str) -> Path {
    Path::from_iter(["held", table])
}

/// The packet that is held, if it is held for the plugin with this digest.
pub(super) fn held_sequence(key: &Path, digest: &str) -> Option<u64> {
    let (sequence, of) = key.filename()?.strip_suffix(".json")?.split_once('-')?;
    sequence.parse().ok().filter(|_| of == first(digest, 8))
}

pub(crate) fn held(table: &str, sequence: u64, digest: &str) -> Path {
    decision("held", table, sequence, digest)
}

pub(crate) fn accepted(table: &str, sequence: u64, digest: &str) -> Path {
    decision("accepted", table, sequence, digest)
}

fn decision(folder: &str, table: &str, sequence: u64, digest: &str) -> Path {
    Path::from_iter([folder, table, &format!("{sequence:08}-{}.json", first(digest, 8))])
}

fn first(digits: &str, count: usize) -> &str {
    digits.get(..count).unwrap_or(digits)
}
