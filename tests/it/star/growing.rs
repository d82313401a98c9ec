//! A folder of tables in which sales orders come in, two at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use tests::tools::{cache_folder, host, plugins_folder, python, readers, soak, workspace};
use totesys::{Generator, Options, Size, Table};

pub(super) const READERS: [&str; 3] = ["deltalake", "polars", "duckdb"];

/// A source with the one table, and the lake that is made of it.
pub(super) struct Growing {
    folder: TempDir,
    orders: Vec<String>,
    /// How many orders are in the source.
    count: usize,
}

impl Growing {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tables")).unwrap();
        let rows =
            Generator::new(Options { size: Size::SalesOrders(200 * soak() as u64), ..Options::default() }).unwrap();
        let mut orders = Vec::new();
        rows.write_table(Table::SalesOrder, &mut orders).unwrap();
        let orders = String::from_utf8(orders).unwrap().lines().map(str::to_owned).collect();
        Self { folder, orders, count: 0 }
    }

    /// A lake whose facts hold `packets` packets.
    pub(super) fn with_packets(packets: usize) -> Self {
        let mut growing = Self::new();
        (0..packets).for_each(|_| growing.ingest());
        growing.done(&["process"]);
        growing
    }

    /// Two more orders come in, and into the lake.
    pub(super) fn ingest(&mut self) {
        self.grow();
        self.done(&["ingest"]);
    }

    /// Two more orders come in.
    pub(super) fn grow(&mut self) {
        self.count += 2;
        self.write_orders(&self.orders[..self.count]);
    }

    /// The first order goes.
    pub(super) fn lose_an_order(&mut self) {
        self.orders.remove(0);
        self.count -= 1;
        self.write_orders(&self.orders[..self.count]);
    }

    fn write_orders(&self, orders: &[String]) {
        fs::write(self.path("tables/sales_order.jsonl"), orders.join("\n") + "\n").unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(host());
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOST_PLUGINS_CACHE", cache_folder());
        command.env("HOST_SOURCE_URL", "dir:tables").env("HOST_PLUGINS_PATH", plugins_folder());
        command
    }

    /// Runs the host, and expects that it goes well.
    pub(super) fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The document of a run that goes well.
    pub(super) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Runs the host, which is to be killed at a step.
    pub(super) fn killed(&self, arguments: &[&str], step: &str) {
        use std::os::unix::process::ExitStatusExt;
        let output = self.command(arguments).env("HOST_CRASH_AT", step).output().unwrap();
        assert_eq!(Some(9), output.status.signal(), "{}", said(&output));
    }

    /// The Parquet files in the folder of a star table, whether they are part of it or not.
    pub(super) fn parquet_files(&self, table: &str) -> Vec<String> {
        let names = fs::read_dir(self.path("lake/star").join(table)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".parquet")).collect();
        names.sort();
        names
    }

    /// What one of the readers sees of a star table.
    pub(super) fn export(&self, reader: &str, table: &str) -> Exported {
        export(self.path("lake/raw"), &self.path("lake/star"), reader, table)
    }
}

/// What a reader saw, as a Parquet file.
pub(super) struct Exported {
    folder: TempDir,
    table: String,
    pub(super) rows: u64,
}

/// Reads a star table with one of the readers.
pub(super) fn export(raw: impl AsRef<Path>, star: &Path, reader: &str, table: &str) -> Exported {
    let folder = tempfile::tempdir().unwrap();
    let mut export = Command::new(readers());
    export.arg(workspace().join("tests/readers/export.py"));
    export.args([raw.as_ref(), star, folder.path()]).args(["--reader", reader]);
    let output = export.output().unwrap();
    assert!(output.status.success(), "{reader}: {}", said(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = document[table]["rows"].as_u64().unwrap();
    Exported { folder, table: table.to_owned(), rows }
}

impl Exported {
    fn file(&self) -> PathBuf {
        self.folder.path().join("star").join(format!("{}.parquet", self.table))
    }

    /// Expects that another holds the same rows.
    pub(super) fn assert_same(&self, other: &Self) {
        const COMPARE: &str = "\
import duckdb, sys
a, b = (duckdb.read_parquet(path) for path in sys.argv[1:])
assert a.columns == b.columns, (a.columns, b.columns)
assert len(a) == len(b), (len(a), len(b))
assert not duckdb.sql('FROM a EXCEPT ALL FROM b').fetchall()
";
        let compared = Command::new(python()).args(["-c", COMPARE]).args([self.file(), other.file()]).output().unwrap();
        assert!(compared.status.success(), "{}", said(&compared));
    }
}

pub(super) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
