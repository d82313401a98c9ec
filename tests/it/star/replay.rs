//! Star tables that are made again from their packets.

use crate::star::fixture::{Days, command, contents};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tests::tools::assert_done;

/// Star tables of all days, made in two steps.
fn processed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for raw in [Days::shared().first(), Days::shared().last()] {
        assert_done(&command(&raw, folder.path(), &["process"]).output().unwrap());
    }
    folder
}

fn replay(star: &Path, arguments: &[&str]) {
    let arguments = [&["replay"], arguments].concat();
    assert_done(&command(&Days::shared().last(), star, &arguments).output().unwrap());
}

/// The bytes of the files that are part of a table.
fn bytes(star: &Path, table: &str) -> Vec<Vec<u8>> {
    let files = &contents(star)[table];
    files.iter().map(|file| fs::read(star.join("star").join(table).join(&file.path)).unwrap()).collect()
}

fn first_file(star: &Path, table: &str) -> PathBuf {
    star.join("star").join(table).join(&contents(star)[table][0].path)
}

#[test]
fn tables_that_are_made_anew_have_the_same_bytes() {
    let (made, again) = (processed(), tempfile::tempdir().unwrap());
    let expected = contents(made.path());
    for name in ["one", "two"] {
        let place = again.path().join(name);
        replay(made.path(), &["--into", &format!("file:{}/star", place.display())]);
        assert_eq!(expected, contents(&place));
        for table in expected.keys() {
            assert_eq!(bytes(made.path(), table), bytes(&place, table), "{table}");
        }
    }
}

#[test]
fn tables_that_are_as_they_should_be_are_left_alone() {
    let made = processed();
    let logs = || {
        ["fact_sales_order", "dim_transaction", "dim_date"]
            .map(|table| fs::read_dir(made.path().join("star").join(table).join("_delta_log")).unwrap().count())
    };
    let (before, expected) = (logs(), contents(made.path()));
    replay(made.path(), &["--table", "sales_order", "--table", "dim_transaction", "--table", "dim_date"]);
    assert_eq!((before, expected), (logs(), contents(made.path())));
}

#[test]
fn files_that_are_damaged_or_gone_are_mended() {
    let made = processed();
    let expected = contents(made.path());
    let (gone, damaged) = (first_file(made.path(), "fact_payment"), first_file(made.path(), "dim_design"));
    fs::remove_file(&gone).unwrap();
    fs::write(&damaged, "damaged").unwrap();
    replay(made.path(), &["--table", "fact_payment", "--sequence", "1"]);
    replay(made.path(), &["--table", "dim_design"]);
    assert_eq!(expected, contents(made.path()));
    assert!(gone.is_file() && fs::read(damaged).unwrap().starts_with(b"PAR1"));
}
