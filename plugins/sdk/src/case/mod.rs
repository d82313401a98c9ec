//! Case folders: what a plugin makes of given lines, told by files alone.
//!
//! ```text
//! cases/<story>/case.toml                      what it is about; read by `host plugin test` alone
//!               input/*.jsonl                  lines of the source table, good and bad
//!               lookup/<table>.jsonl           rows of each lookup, as their table has them
//!               expected/<star table>.jsonl    the rows: columns in the table's order, compact
//!               expected/rejects.jsonl         {"line":3,"code":"null","column":"units_sold"}
//! ```
//!
//! The files under `input` are the packets 1, 2, 3, ... of the table, in the order of their names; records are numbered over
//! all of them. A file under `expected` that is not there is an empty one. Decimals are numbers with all digits of their scale (`3.40`),
//! days `"2022-11-03"`, times `"14:20:49.962000"` with six digits, and timestamps both with a `T` between; floats are as
//! serde_json writes them, or `"NaN"`, `"Infinity"`, `"-Infinity"`. A reject's `line` counts from 1 in its
//! file, and its `column` is null where it is no one column's; where there are several files, it begins with the name of its
//! own, as in `{"input":"2.jsonl","line":3,...}`.
//!
//! In a plugin's crate, the test is
//!
//! ```text
//! #[cfg(test)]
//! #[test]
//! fn cases() {
//!     sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
//! }
//! ```

mod join;
mod outcome;
mod render;

use crate::bindings::exports::star::transform::plugin::Guest;
use crate::bindings::star::transform::types::Manifest;
use outcome::Outcome;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Runs the plugin natively on each case folder in the folder `cases` of its crate's folder, twice: all lines of a file in one call,
/// and each line in a call of its own, which must give the same.
///
/// # Panics
/// When a case fails, or there is none, with a message for people.
pub fn run<P: Guest>(crate_folder: impl AsRef<Path>) {
    let cases = crate_folder.as_ref().join("cases");
    let folders = folders_in(&cases).unwrap_or_else(|error| panic!("can't list `{}`: {error}", cases.display()));
    assert!(!folders.is_empty(), "there is no case folder in `{}`", cases.display());
    let manifest = P::describe();
    let failures: Vec<_> = folders.iter().filter_map(|folder| run_case::<P>(&manifest, folder).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases fail\n\n{}", failures.len(), folders.len(), failures.join("\n\n"));
}

fn run_case<P: Guest>(manifest: &Manifest, folder: &Path) -> Result<(), String> {
    let story = |problem: String| format!("{}: {problem}", folder.display());
    let packets = join::packets(manifest, folder).map_err(story)?;
    let expected = expected_files(manifest, folder).map_err(story)?;
    let together = Outcome::of_one_call::<P>(manifest, &packets).map_err(story)?;
    let apart = Outcome::of_calls_per_line::<P>(manifest, &packets).map_err(story)?;
    let mut differences = Vec::new();
    for (found, way) in [(&together, ""), (&apart, " (each line in a call of its own)")] {
        for (name, expected) in &expected {
            differences.extend(found.difference(name, expected).map(|difference| format!("{name}{way}\n{difference}")));
        }
        if !differences.is_empty() {
            return Err(format!("{}\n{}", folder.display(), differences.join("\n")));
        }
    }
    Ok(())
}

/// The text of each file that a case can have under `expected`.
fn expected_files(manifest: &Manifest, folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let folder = folder.join("expected");
    let names = manifest.star_tables.iter().map(|table| table.name.as_str()).chain([outcome::REJECTS]);
    let mut files: BTreeMap<_, _> = names.map(|name| (format!("{name}.jsonl"), String::new())).collect();
    let found = if folder.exists() { json_lines(&folder) } else { Ok(Vec::new()) };
    for path in found.map_err(|error| format!("can't list `expected`: {error}"))? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = files.keys().cloned().collect::<Vec<_>>().join("`, `");
        let text = files.get_mut(&name).ok_or_else(|| format!("`expected/{name}` is none of `{known}`"))?;
        *text = fs::read_to_string(&path).map_err(|error| format!("can't read `expected/{name}`: {error}"))?;
    }
    Ok(files)
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// The files of JSON Lines in a folder; what else an editor or a system leaves there is none of them.
fn json_lines(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let is_json_lines = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl") && !is_hidden(path);
    Ok(entries(folder)?.into_iter().filter(is_json_lines).collect())
}

/// What stands in a folder, in the order of the names.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
