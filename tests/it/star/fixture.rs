//! A lake with the packets of some days, and star tables made of it.

use host::star::{StarLake, TableFile};
use host::store::FolderStore;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use tests::tools::{assert_done, cache_folder, host, plugins_folder};
use totesys::{Generator, Options, Size, Style, Table};

/// Raw lakes: as the first day left it, and as the fourth did, with a sweep at the end.
pub(super) struct Days {
    folder: TempDir,
}

/// What star tables hold: the files of each, whose names are made of their digests.
pub(super) type Contents = BTreeMap<String, Vec<TableFile>>;

impl Days {
    /// The lakes, made once.
    pub(super) fn shared() -> &'static Self {
        static MADE: OnceLock<Days> = OnceLock::new();
        MADE.get_or_init(|| {
            let days = Self { folder: tempfile::tempdir().unwrap() };
            let (first, last) = (days.first(), days.last());
            for day in 0..4 {
                let tables = days.folder.path().join(format!("tables-{day}"));
                write_tables(&tables, day);
                if day == 0 {
                    ingest(&first, &tables, &["ingest"]);
                    assert!(Command::new("cp").arg("-r").args([&first, &last]).status().unwrap().success());
                } else {
                    ingest(&last, &tables, &["ingest"]);
                }
            }
            ingest(&last, &days.folder.path().join("tables-3"), &["reconcile"]);
            days
        })
    }

    pub(super) fn first(&self) -> PathBuf {
        self.folder.path().join("first")
    }

    pub(super) fn last(&self) -> PathBuf {
        self.folder.path().join("last")
    }
}

pub(super) fn write_tables(folder: &Path, day: u64) {
    let options = Options { size: Size::SalesOrders(60), seed: 3, style: Style::Compact, hard: false };
    let generator = Generator::new(options).unwrap().after_days(day).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    for table in Table::ALL {
        let mut lines = Vec::new();
        generator.write_table(table, &mut lines).unwrap();
        std::fs::write(folder.join(format!("{}.jsonl", table.name())), lines).unwrap();
    }
}

pub(super) fn ingest(lake: &Path, tables: &Path, arguments: &[&str]) {
    let source = format!("dir:{}", tables.display());
    let output = command(lake, lake, arguments).env("HOST_SOURCE_URL", source).output().unwrap();
    assert_done(&output);
}

/// The host, with the packets of the lake `raw` and the star tables of the folder `star`.
pub(super) fn command(raw: &Path, star: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(host());
    command.args(arguments).current_dir(raw.parent().unwrap()).env_clear().env("HOST_PLUGINS_CACHE", cache_folder());
    command.env("HOST_LAKE_RAW", format!("file:{}/raw", raw.display()));
    command.env("HOST_LAKE_STAR", format!("file:{}/star", star.display()));
    command.env("HOST_CHECKPOINTS_URL", format!("file:{}/checkpoints", star.display()));
    command.env("HOST_PLUGINS_PATH", plugins_folder());
    command
}

/// What the star tables in `star` hold.
pub(super) fn contents(star: &Path) -> Contents {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap());
    let folder = star.join("star");
    let lake = StarLake::new(Arc::new(FolderStore::open(&folder).unwrap()), runtime.handle().clone());
    let mut contents = Contents::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(version) = lake.open(&name).unwrap() {
            contents.insert(name, lake.files(&version).unwrap());
        }
    }
    contents
}
