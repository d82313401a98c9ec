//! What `host gc` removes from the star tables, and what it leaves.

use super::facts::{Facts, TABLE, add, now, packet};
use super::growing::{Growing, READERS, export};
use chrono::TimeDelta;
use host::error::Explain;
use host::star::collect_garbage;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

const FACT: &str = "fact_sales_order";

/// Makes a file older.
fn age(path: &Path, hours: u64) {
    let file = File::options().write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - Duration::from_secs(hours * 3_600)).unwrap();
}

/// The keys that would be removed so many hours from now.
fn waste(facts: &Facts, hours: i64) -> Vec<String> {
    collect_garbage(&facts.star, now() + TimeDelta::hours(hours), true).unwrap().unwrap().keys
}

/// The versions of a table's log that are there, with the given ending.
fn versions(facts: &Facts, ending: &str) -> Vec<u64> {
    let names = fs::read_dir(facts.path("_delta_log")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut versions: Vec<u64> = names.filter_map(|name| name.strip_suffix(ending)?.parse().ok()).collect();
    versions.sort_unstable();
    versions
}

#[test]
fn files_that_were_joined_go_after_seven_days() {
    let facts = Facts::with_packets(6);
    let parts: Vec<String> = facts.files().into_iter().map(|file| format!("{TABLE}/{}", file.path)).collect();
    facts.compacted(1_000);
    let rows = facts.rows();
    assert!(waste(&facts, 7 * 24 - 1).is_empty());
    assert_eq!(parts, waste(&facts, 7 * 24 + 1));
    let collected = collect_garbage(&facts.star, now() + TimeDelta::days(8), false).unwrap().unwrap();
    assert_eq!(parts, collected.keys);
    assert!(collected.bytes > 0);
    assert_eq!(rows, facts.rows());
    assert!(waste(&facts, 8 * 24).is_empty());
}

#[test]
fn what_was_removed_counts_from_then_and_not_from_when_it_was_written() {
    let facts = Facts::with_packets(2);
    facts.files().iter().for_each(|file| age(&facts.path(&file.path), 24 * 365));
    facts.compacted(1_000);
    assert!(waste(&facts, 7 * 24 - 1).is_empty());
    assert_eq!(2, waste(&facts, 7 * 24 + 1).len());
}

#[test]
fn files_that_never_came_into_a_table_go_after_two_days_and_others_files_stay() {
    let facts = Facts::with_packets(2);
    let left = "00000009-0123456789abcdef.parquet";
    for name in [left, "part-00000-by-somebody.snappy.parquet", "notes.txt"] {
        fs::write(facts.path(name), "x").unwrap();
        age(&facts.path(name), 49);
    }
    let young = "00000008-0123456789abcdef.parquet";
    fs::write(facts.path(young), "x").unwrap();
    age(&facts.path(young), 47);
    let elsewhere = facts.folder().join("star/rejects");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join(left), "x").unwrap();
    age(&elsewhere.join(left), 100);
    assert_eq!(vec![format!("{TABLE}/{left}")], waste(&facts, 0));
}

#[test]
fn old_entries_of_a_log_go_as_far_as_a_checkpoint_stands_for_them() {
    let facts = Facts::with_packets(45);
    let (entries, checkpoints) = (versions(&facts, ".json"), versions(&facts, ".checkpoint.parquet"));
    assert_eq!((46, 2), (entries.len(), checkpoints.len()), "{checkpoints:?}");
    let rows = facts.rows();
    let removed = collect_garbage(&facts.star, now() + TimeDelta::days(29), true).unwrap().unwrap().keys;
    assert!(removed.is_empty(), "{removed:?}");
    let collected = collect_garbage(&facts.star, now() + TimeDelta::days(31), false).unwrap().unwrap();
    assert_eq!(checkpoints[1] + 1, collected.keys.len() as u64, "{:?}", collected.keys);
    assert_eq!((checkpoints[1]..46).collect::<Vec<_>>(), versions(&facts, ".json"));
    assert_eq!(checkpoints[1..], versions(&facts, ".checkpoint.parquet"));
    add(&facts.star, packet(46, "1.0.0", false), false);
    assert_eq!(rows.len() + 5, facts.rows().len());
    for reader in READERS {
        let (raw, star) = (facts.folder().join("raw"), facts.folder().join("star"));
        assert_eq!(46 * 5, export(raw, &star, reader, TABLE).rows, "{reader}");
    }
}

#[test]
fn a_log_that_has_young_entries_before_its_last_checkpoint_begins_with_an_earlier_one() {
    let facts = Facts::with_packets(45);
    let checkpoints = versions(&facts, ".checkpoint.parquet");
    let log = |version: u64, ending: &str| facts.path(&format!("_delta_log/{version:020}{ending}"));
    (0..checkpoints[0] + 5).for_each(|version| age(&log(version, ".json"), 31 * 24));
    let removed = waste(&facts, 0);
    let expected = (0..checkpoints[0]).map(|version| format!("{TABLE}/_delta_log/{version:020}.json"));
    assert_eq!(expected.collect::<Vec<_>>(), removed);
    // Without what names the last checkpoint it is not known where readers start.
    let hint = facts.path("_delta_log/_last_checkpoint");
    let named = fs::read(&hint).unwrap();
    fs::remove_file(&hint).unwrap();
    assert!(waste(&facts, 0).is_empty());
    // And a table that can't be read is for people to look at.
    fs::write(&hint, named).unwrap();
    fs::remove_file(log(checkpoints[1], ".checkpoint.parquet")).unwrap();
    assert_eq!("star-log", collect_garbage(&facts.star, now(), false).unwrap_err().code());
    assert_eq!(46, versions(&facts, ".json").len());
}

#[test]
fn a_file_of_a_run_that_crashed_is_young_again_when_the_next_run_needs_it() {
    let mut growing = Growing::with_packets(1);
    growing.ingest();
    growing.killed(&["process"], "files-stored");
    let left = growing.parquet_files(FACT).into_iter().find(|name| name.starts_with("00000002-")).unwrap();
    let path = growing.path("lake/star").join(FACT).join(&left);
    age(&path, 72);
    let dry: Value = growing.json(&["gc", "--dry-run"]);
    assert_eq!(Value::from(vec![format!("{FACT}/{left}")]), dry["star"]["removed"]);
    growing.done(&["process"]);
    let modified = File::open(&path).unwrap().metadata().unwrap().modified().unwrap();
    assert!(modified.elapsed().unwrap() < Duration::from_secs(3_600), "it was written once more");
    assert_eq!(Value::Array(Vec::new()), growing.json(&["gc"])["star"]["removed"]);
    assert_eq!(4, growing.export("deltalake", FACT).rows);
}

#[test]
fn both_lakes_are_in_one_report() {
    let growing = Growing::with_packets(2);
    let left = growing.path("lake/star").join(FACT).join("00000007-0123456789abcdef.parquet");
    fs::write(&left, "four").unwrap();
    age(&left, 49);
    let said = growing.done(&["gc", "--dry-run"]);
    assert!(said.contains("0 objects with 0 B would be removed; "), "{said}");
    let key = format!("{FACT}/00000007-0123456789abcdef.parquet");
    assert!(said.contains(&format!("  {key}\n1 object with 4 B would be removed from the star tables; ")), "{said}");
    assert!(left.exists());
    let report = growing.json(&["gc"]);
    assert_eq!(
        (Value::from(vec![key]), Value::from(4)),
        (report["star"]["removed"].clone(), report["star"]["bytes"].clone())
    );
    assert_eq!(Value::Array(Vec::new()), report["removed"]);
    assert!(!left.exists());
}

#[test]
fn without_star_tables_there_is_nothing_of_them_in_the_report() {
    let mut growing = Growing::new();
    growing.ingest();
    assert!(growing.json(&["gc"]).get("star").is_none());
    assert!(!growing.path("lake/star").exists());
    fs::create_dir(growing.path("lake/star")).unwrap();
    assert!(growing.json(&["gc"]).get("star").is_none());
}
