//! Which files become one, and what is in it.

use super::facts::{Facts, TABLE, add, metadata, now, packet, rows, table};
use host::compact::Parts;
use host::error::{Exit, Explain};
use host::star::StarFile;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn packets_become_files_of_at_most_so_many_rows_and_the_rows_stay() {
    let facts = Facts::with_packets(23);
    let before = facts.rows();
    assert_eq!((23, 3), facts.compacted(50));
    assert_eq!(vec!["00000001-00000010", "00000011-00000020", "00000021-00000023"], facts.spans());
    assert_eq!(before, facts.rows());
    let version = facts.star.open(TABLE).unwrap().unwrap().version();
    assert_eq!((0, 0), facts.compacted(50));
    assert_eq!(version, facts.star.open(TABLE).unwrap().unwrap().version(), "nothing was committed");
}

#[test]
fn a_joined_file_is_what_its_rows_would_be_if_they_had_come_at_once() {
    let facts = Facts::with_packets(9);
    facts.compacted(1_000);
    let metadata = metadata("orders/00000001..00000009", "1.0.0");
    let at_once = StarFile::of_rows(&table(false), &metadata, &rows(5..50, false)).unwrap();
    let name = format!("00000001-00000009-{}.parquet", &at_once.spooled.sha256[..16]);
    assert_eq!(vec![name], facts.files().into_iter().map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn it_does_not_matter_what_was_joined_before() {
    let (once, often) = (Facts::with_packets(30), Facts::new());
    once.compacted(1_000);
    for sequence in 1..=30 {
        add(&often.star, packet(sequence, "1.0.0", false), false);
        if sequence % 7 == 0 {
            often.compacted(1_000);
        }
    }
    often.compacted(1_000);
    assert_eq!(once.files(), often.files());
}

#[test]
fn rows_of_different_plugins_stay_apart() {
    let facts = Facts::with_packets(3);
    (4..=6).for_each(|sequence| add(&facts.star, packet(sequence, "1.1.0", false), false));
    add(&facts.star, packet(7, "1.2.0", false), false);
    assert_eq!((6, 2), facts.compacted(1_000));
    let spans = facts.spans();
    assert_eq!(vec!["00000001-00000003", "00000004-00000006", "00000007"], spans);
}

#[test]
fn files_that_are_not_made_of_packets_are_left() {
    let facts = Facts::with_packets(2);
    let (_, rejects) = packet(3, "1.0.0", false);
    let name = format!("rejects-00000001-{}.parquet", &rejects.spooled.sha256[..16]);
    add(&facts.star, (name, rejects), false);
    assert_eq!((2, 1), facts.compacted(1_000));
    assert_eq!(vec!["00000001-00000002", "rejects-00000001"], facts.spans());
}

#[test]
fn a_column_that_came_later_has_nulls_in_the_rows_from_before() {
    let facts = Facts::with_packets(3);
    (4..=5).for_each(|sequence| add(&facts.star, packet(sequence, "1.0.0", true), true));
    let before = facts.rows();
    assert_eq!((5, 1), facts.compacted(1_000));
    assert_eq!(before, facts.rows());
    let colours = before.iter().map(|(id, _, colour)| (*id >= 20) == colour.is_some());
    assert!(colours.clone().count() == 25 && colours.into_iter().all(|is_right| is_right), "{before:?}");
}

#[test]
fn a_packet_that_is_committed_in_between_is_not_lost() {
    let facts = Facts::with_packets(4);
    let (star, is_done) = (facts.star.clone(), AtomicBool::new(false));
    let clock = move || {
        if !is_done.swap(true, Ordering::SeqCst) {
            add(&star, packet(5, "1.0.0", false), false);
        }
        now()
    };
    let parts = Parts { star: facts.star.clone(), clock: Arc::new(clock), run: "test".to_owned() };
    let report = facts.compact_with(&parts, 1_000);
    assert!(report.tables[0].result.is_ok(), "{:?}", report.tables[0].result);
    assert_eq!(vec!["00000001-00000005"], facts.spans());
    assert_eq!((5..30).collect::<Vec<i64>>(), facts.rows().iter().map(|row| row.0).collect::<Vec<_>>());
}

#[test]
fn several_at_once_come_to_the_same() {
    let facts = Facts::with_packets(12);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| facts.compacted(30))).collect();
        let written: u64 = runs.into_iter().map(|run| run.join().unwrap().1).sum();
        assert_eq!(2, written, "each file is made by one of them");
    });
    assert_eq!(vec!["00000001-00000006", "00000007-00000012"], facts.spans());
    assert_eq!((5..65).collect::<Vec<i64>>(), facts.rows().iter().map(|row| row.0).collect::<Vec<_>>());
}

#[test]
fn a_damaged_file_is_told_and_the_table_stays_as_it_is() {
    for is_gone in [false, true] {
        let facts = Facts::with_packets(4);
        let files = facts.files();
        let path = facts.path(&files[2].path);
        if is_gone {
            std::fs::remove_file(&path).unwrap();
        } else {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[20] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
        let report = facts.compact(1_000);
        let error = report.tables[0].result.as_ref().unwrap_err();
        assert_eq!(("star-file", Exit::BadInput), (error.code(), error.exit()), "{error}");
        assert!(error.to_string().contains(if is_gone { "it is gone" } else { "it is damaged" }), "{error}");
        assert_eq!(files, facts.files());
    }
}

#[test]
fn a_file_of_many_row_groups_is_read_group_by_group_and_held_against_its_digest() {
    let facts = Facts::new();
    let large =
        StarFile::of_rows(&table(false), &metadata("orders/00000001", "1.0.0"), &rows(0..300_000, false)).unwrap();
    assert!(large.spooled.bytes > 64 * 1024, "more than what is read of its end");
    let name = format!("00000001-{}.parquet", &large.spooled.sha256[..16]);
    add(&facts.star, (name.clone(), large), false);
    let small = StarFile::of_rows(&table(false), &metadata("orders/00000002", "1.0.0"), &rows(300_000..300_010, false));
    let small = small.unwrap();
    add(&facts.star, (format!("00000002-{}.parquet", &small.spooled.sha256[..16]), small), false);
    let path = facts.path(&name);
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[100] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let report = facts.compact(1_000_000);
    assert_eq!("star-file", report.tables[0].result.as_ref().unwrap_err().code());
    std::fs::write(&path, whole).unwrap();
    assert_eq!((2, 1), facts.compacted(1_000_000));
    let ids: Vec<i64> = facts.rows().into_iter().map(|row| row.0).collect();
    assert!(ids.into_iter().eq(0..300_010));
    let at_once = metadata("orders/00000001..00000002", "1.0.0");
    let at_once = StarFile::of_rows(&table(false), &at_once, &rows(0..300_010, false)).unwrap();
    assert!(facts.files()[0].path.contains(&at_once.spooled.sha256[..16]));
}
