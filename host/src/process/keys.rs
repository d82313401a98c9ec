//! The keys of the star lake.
//!
//! ```text
//! <star table>/_delta_log/...                            the table's log
//! <fact>/<sequence>-<16 digits of its SHA-256>.parquet   the rows of a packet
//! <fact>/<first>-<last>-<16 digits>.parquet              the rows of several packets, joined
//! <fact>/rejects-<sequence>-<16 digits>.parquet          rows of records of a packet that were rejected, and that pass now
//! <dimension>/<bucket>-<16 digits>.parquet               the rows of a bucket of keys
//! rejects/<star table>/<sequence>-<8 digits of the plugin's SHA-256>.jsonl
//! held/<star table>/<sequence>-<8 digits>.json           a packet that has too many rejects
//! accepted/<star table>/<sequence>-<8 digits>.json       the decision to publish its good rows all the same
//! ```

use crate::star::Bucket;
use object_store::path::Path;

/// How many digits a sequence id has.
const SEQUENCE_DIGITS: usize = 8;
/// How many digits of its SHA-256 are in the name of a file.
const FILE_DIGITS: usize = 16;

/// How the names of files begin whose rows were rejected at first.
const LATE: &str = "rejects-";

/// Names that no star table can have: other things lie there.
pub(super) const RESERVED: [&str; 4] = ["rejects", "held", "accepted", super::deletions::TABLE];

/// The file of the rows of a packet, in the folder of its table.
pub(super) fn fact_file(sequence: u64, sha256: &str) -> String {
    format!("{sequence:08}-{}.parquet", first(sha256, FILE_DIGITS))
}

/// The file of rows of a packet that were rejected at first, in the folder of its table.
pub(super) fn late_file(sequence: u64, sha256: &str) -> String {
    format!("{LATE}{}", fact_file(sequence, sha256))
}

/// The packet of a file of rows that were rejected at first.
pub(super) fn packet_of_late(file: &str) -> Option<u64> {
    packets_of(file.strip_prefix(LATE)?).map(|(sequence, _)| sequence)
}

/// The file of the rows of a bucket, in the folder of its table.
pub(super) fn bucket_file(bucket: Bucket, sha256: &str) -> String {
    format!("{bucket}-{}.parquet", first(sha256, FILE_DIGITS))
}

/// The bucket of a file.
pub(crate) fn bucket_of(file: &str) -> Option<Bucket> {
    file.strip_suffix(".parquet")?.split_once('-')?.0.parse().ok()
}

/// The file of the rows of the packets `from` to `to`, in the folder of its table.
pub(crate) fn joined_file(from: u64, to: u64, sha256: &str) -> String {
    format!("{from:08}-{to:08}-{}.parquet", first(sha256, FILE_DIGITS))
}

/// The first and the last packet whose rows a file of a fact has; `None` for a file that is not made of whole packets.
pub(crate) fn packets_of(file: &str) -> Option<(u64, u64)> {
    let parts: Vec<&str> = file.strip_suffix(".parquet")?.split('-').collect();
    let (first, last, digest) = match parts[..] {
        [first, digest] => (first, first, digest),
        [first, last, digest] => (first, last, digest),
        _ => return None,
    };
    let is_digest = digest.len() == FILE_DIGITS && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    let span = (sequence_id(first)?, sequence_id(last)?);
    (is_digest && span.0 <= span.1).then_some(span)
}

fn sequence_id(digits: &str) -> Option<u64> {
    let is_sequence = digits.len() == SEQUENCE_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_sequence.then(|| digits.parse().ok()).flatten()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_packets_by_its_name() {
        assert_eq!(Some((12, 12)), packets_of("00000012-0123456789abcdef.parquet"));
        let joined = joined_file(3, 17, &"0123456789abcdef".repeat(4));
        assert_eq!("00000003-00000017-0123456789abcdef.parquet", joined);
        assert_eq!(Some((3, 17)), packets_of(&joined));
        let late = late_file(12, &"0123456789abcdef".repeat(4));
        assert_eq!(("rejects-00000012-0123456789abcdef.parquet", Some(12)), (late.as_str(), packet_of_late(&late)));
        assert_eq!(None, packet_of_late("00000012-0123456789abcdef.parquet"));
    }

    #[test]
    fn other_files_are_not_made_of_packets() {
        for name in [
            "rejects-00000001-0123456789abcdef.parquet",
            "b01-0123456789abcdef.parquet",
            "12-0123456789abcdef.parquet",
            "00000012-0123456789abcde.parquet",
            "00000012-0123456789abcdeg.parquet",
            "00000017-00000003-0123456789abcdef.parquet",
            "00000012-0123456789abcdef.json",
            "part-00000-0b7b9b6a-8bde.zstd.parquet",
        ] {
            assert_eq!(None, packets_of(name), "{name}");
        }
    }
}
