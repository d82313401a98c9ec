//! The keys of the raw lake.
//!
//! ```text
//! <table>/packets/<sequence>.packet.json                      a manifest; no other key ends so
//! <table>/<yyyy>/<mm>/<dd>/<sequence>_<HHMMSSffffff>.jsonl    its data; further objects end in `-p0002.jsonl`
//! <table>/<yyyy>/<mm>/<dd>/<HHMMSSffffff>.parquet             data as Parquet
//! <table>/<yyyy>/<mm>/<dd>/<sequence>_<HHMMSSffffff>.deletes.jsonl
//! <table>/state/<sequence>_<HHMMSSffffff>-p0001.parquet       the state that a packet adds
//! <table>/state/<first>-<last>_<chain>.parquet                the state of several packets, merged: those of one chain
//! <table>/cursor                                              where a run without rows ended
//! ```
//!
//! Sequence ids have eight digits, so that keys sort as numbers do.

use chrono::{DateTime, Utc};
use object_store::path::{Path, PathPart};

/// Everything of a table lies below it. Letters that a key can't hold are percent-encoded.
#[must_use]
pub fn table_prefix(table: &str) -> Path {
    Path::from_iter([PathPart::from(table)])
}

/// The name that a part of a key stands for.
#[must_use]
pub fn decode_segment(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// The manifests of a table.
#[must_use]
pub fn manifests_prefix(table: &str) -> Path {
    table_prefix(table).join("packets")
}

/// The manifest of a packet.
#[must_use]
pub fn manifest_key(table: &str, sequence: u64) -> Path {
    manifests_prefix(table).join(format!("{sequence:08}.packet.json"))
}

/// The sequence id in the key of a manifest. The first is 1.
#[must_use]
pub fn sequence_of(manifest: &Path) -> Option<u64> {
    let digits = manifest.filename()?.strip_suffix(".packet.json")?;
    digits.parse().ok().filter(|sequence| *sequence > 0 && digits.len() == 8)
}

/// The table whose packet a manifest is, by its key; `None` if it is not the key of a manifest.
#[must_use]
pub fn table_of_manifest(key: &Path) -> Option<String> {
    let table = decode_segment(key.parts().next()?.as_ref());
    sequence_of(key).is_some_and(|sequence| manifest_key(&table, sequence) == *key).then_some(table)
}

/// The data object `part`, counted from 1, of a packet whose run began at `started`.
#[must_use]
pub fn data_key(table: &str, sequence: u64, started: DateTime<Utc>, part: u32) -> Path {
    let ending = if part == 1 { String::new() } else { format!("-p{part:04}") };
    day(table, started).join(format!("{sequence:08}_{}{ending}.jsonl", moment(started)))
}

/// The data object `part`, counted from 1, of a packet that is kept as Parquet.
#[must_use]
pub fn parquet_key(table: &str, started: DateTime<Utc>, part: u32) -> Path {
    let ending = if part == 1 { String::new() } else { format!("-p{part:04}") };
    day(table, started).join(format!("{}{ending}.parquet", moment(started)))
}

/// The keys of the rows that are gone, `part` counted from 1.
#[must_use]
pub fn deletes_key(table: &str, sequence: u64, started: DateTime<Utc>, part: u32) -> Path {
    let ending = if part == 1 { String::new() } else { format!("-p{part:04}") };
    day(table, started).join(format!("{sequence:08}_{}{ending}.deletes.jsonl", moment(started)))
}

/// The state of a table.
#[must_use]
pub fn state_prefix(table: &str) -> Path {
    table_prefix(table).join("state")
}

/// The state that a packet adds: segment `part`, counted from 1.
#[must_use]
pub fn packet_state_key(table: &str, sequence: u64, started: DateTime<Utc>, part: u32) -> Path {
    state_prefix(table).join(format!("{sequence:08}_{}-p{part:04}.parquet", moment(started)))
}

/// The merged state of the packets `first` to `last`, the last of which has the chain `chain`.
#[must_use]
pub fn merged_run_key(table: &str, first: u64, last: u64, chain: &str) -> Path {
    let chain = chain.get(..CHAIN_DIGITS).unwrap_or(chain);
    state_prefix(table).join(format!("{first:08}-{last:08}_{chain}.parquet"))
}

/// How many digits of a chain a key has.
const CHAIN_DIGITS: usize = 16;

/// The packets `(first, last)` that a merged state holds, from its key, and the beginning of the chain of the last one.
#[must_use]
pub fn merged_run_span(key: &Path) -> Option<(u64, u64, &str)> {
    let (span, chain) = key.filename()?.strip_suffix(".parquet")?.split_once('_')?;
    let (first, last) = span.split_once('-')?;
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() == 8);
    Some((number(first)?, number(last)?, chain)).filter(|_| chain.len() == CHAIN_DIGITS)
}

/// Whether a key is one that data, deletes or states of a table get.
#[must_use]
pub fn is_data_or_state(table: &str, key: &Path) -> bool {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = key.prefix_match(&table_prefix(table)) else { return false };
    let parts: Vec<String> = rest.map(|part| part.as_ref().to_owned()).collect();
    // `<sequence>_<moment>`, or `<moment>` alone, and `-p0002` after either.
    let is_moment = |stem: &str, has_sequence: bool| {
        let stem = stem.rsplit_once("-p").filter(|(_, part)| digits(part, 4)).map_or(stem, |(stem, _)| stem);
        match stem.split_once('_') {
            Some((sequence, moment)) => has_sequence && digits(sequence, 8) && digits(moment, 12),
            None => !has_sequence && digits(stem, 12),
        }
    };
    match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["state", name] => {
            merged_run_span(key).is_some() || name.strip_suffix(".parquet").is_some_and(|stem| is_moment(stem, true))
        }
        [year, month, day, name] if digits(year, 4) && digits(month, 2) && digits(day, 2) => {
            let lines = name.strip_suffix(".deletes.jsonl").or_else(|| name.strip_suffix(".jsonl"));
            lines.is_some_and(|stem| is_moment(stem, true))
                || name.strip_suffix(".parquet").is_some_and(|stem| is_moment(stem, false))
        }
        _ => false,
    }
}

/// Where the cursor of a table stands after a run without rows.
#[must_use]
pub fn cursor_key(table: &str) -> Path {
    table_prefix(table).join("cursor")
}

fn day(table: &str, started: DateTime<Utc>) -> Path {
    let day = started.format("%Y/%m/%d").to_string();
    day.split('/').fold(table_prefix(table), |path, part| path.join(part))
}

fn moment(started: DateTime<Utc>) -> String {
    started.format("%H%M%S%6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_documented() {
        let started = "2026-02-03T04:05:06.000007Z".parse().unwrap();
        assert_eq!("sales_order/packets/00000012.packet.json", manifest_key("sales_order", 12).as_ref());
        assert_eq!("t/2026/02/03/00000012_040506000007.jsonl", data_key("t", 12, started, 1).as_ref());
        assert_eq!("t/2026/02/03/00000012_040506000007-p0002.jsonl", data_key("t", 12, started, 2).as_ref());
        assert_eq!("t/2026/02/03/040506000007.parquet", parquet_key("t", started, 1).as_ref());
        assert_eq!(Some(12), sequence_of(&manifest_key("a table", 12)));
        assert_eq!(None, sequence_of(&data_key("t", 12, started, 1)));
        assert_eq!(None, sequence_of(&manifest_key("t", 0)));
        let chain = "0123456789abcdef0123456789abcdef";
        assert_eq!(Some((1, 9, &chain[..16])), merged_run_span(&merged_run_key("t", 1, 9, chain)));
        assert_eq!(None, merged_run_span(&packet_state_key("t", 1, started, 1)));
    }

    #[test]
    fn keys_of_others_are_told_from_those_of_the_lake() {
        let started = "2026-02-03T04:05:06.000007Z".parse().unwrap();
        for key in [
            data_key("t", 12, started, 1),
            data_key("t", 12, started, 2),
            deletes_key("t", 12, started, 3),
            parquet_key("t", started, 1),
            parquet_key("t", started, 2),
            packet_state_key("t", 12, started, 1),
            merged_run_key("t", 1, 12, "0123456789abcdef"),
        ] {
            assert!(is_data_or_state("t", &key), "{key}");
            assert!(!is_data_or_state("other", &key), "{key}");
        }
        for key in ["t/notes.jsonl", "t/2026/02/03/notes.jsonl", "t/state/notes.parquet", "t/cursor", "t/2026/b.doc"] {
            assert!(!is_data_or_state("t", &Path::from(key)), "{key}");
        }
        assert!(!is_data_or_state("t", &manifest_key("t", 1)));
    }

    #[test]
    fn a_table_of_any_name_has_one_part_of_a_key() {
        for name in ["a/b", "..", "Größe", "100%", "a b", "\"quoted\""] {
            let prefix = table_prefix(name);
            assert_eq!(1, prefix.parts().count(), "{name}");
            assert_eq!(name, decode_segment(prefix.parts().next().unwrap().as_ref()), "{name}");
        }
    }
}
