//! The names of the files of facts.
//!
//! ```text
//! <sequence>-<16 digits of its SHA-256>.parquet       the rows of a packet
//! <first>-<last>-<16 digits of its SHA-256>.parquet   the rows of the packets from the first to the last
//! ```

/// How many digits a sequence id has.
const SEQUENCE_DIGITS: usize = 8;
/// How many digits of a file's SHA-256 are in its name.
const DIGEST_DIGITS: usize = 16;

/// The name of a file that holds the rows of the packets from `first` to `last`.
pub(super) fn joined_file(first: u64, last: u64, sha256: &str) -> String {
    format!("{first:08}-{last:08}-{}.parquet", sha256.get(..DIGEST_DIGITS).unwrap_or(sha256))
}

/// The first and the last packet of a file; `None` for a file that is not made of packets.
pub(super) fn span_of(file: &str) -> Option<(u64, u64)> {
    let parts: Vec<&str> = file.strip_suffix(".parquet")?.split('-').collect();
    let (first, last, digest) = match parts[..] {
        [first, digest] => (first, first, digest),
        [first, last, digest] => (first, last, digest),
        _ => return None,
    };
    let is_digest = digest.len() == DIGEST_DIGITS && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    let span = (sequence(first)?, sequence(last)?);
    (is_digest && span.0 <= span.1).then_some(span)
}

fn sequence(digits: &str) -> Option<u64> {
    let is_sequence = digits.len() == SEQUENCE_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_sequence.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_packets_by_its_name() {
        assert_eq!(Some((12, 12)), span_of("00000012-0123456789abcdef.parquet"));
        let joined = joined_file(3, 17, &"0123456789abcdef".repeat(4));
        assert_eq!("00000003-00000017-0123456789abcdef.parquet", joined);
        assert_eq!(Some((3, 17)), span_of(&joined));
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
            assert_eq!(None, span_of(name), "{name}");
        }
    }
}
