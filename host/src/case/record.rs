//! Freezing real lines into a case.

use super::bless::{unwritable, write, write_settings};
use super::error::CaseError;
use super::folder::{CaseFolder, CaseSettings};
use super::mask::mask;
use crate::input::{InputError, key_of, open_file};
use crate::manifest::{Lookup, Manifest};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What to freeze.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The file that the lines are taken from.
    pub from: PathBuf,
    /// The numbers of the lines, from 1.
    pub lines: BTreeSet<u64>,
    /// The files of looked-up tables; only rows that the lines refer to are taken.
    pub lookups: Vec<(String, PathBuf)>,
    /// The columns whose values are replaced by stand-ins; `department.location` for one of a looked-up row.
    pub masked: BTreeSet<String>,
    /// The name of the case; made of the numbers of the lines if left out.
    pub case: Option<String>,
}

impl Recording {
    /// Makes a case of the lines in the folder `cases`, with nothing expected yet.
    ///
    /// # Errors
    /// [`CaseError`]; then there is no new case.
    pub fn make(&self, cases: &Path, manifest: &Manifest) -> Result<CaseFolder, CaseError> {
        let folder = cases.join(self.case.clone().unwrap_or_else(|| self.default_name()));
        if folder.exists() {
            return Err(CaseError::Exists { path: folder });
        }
        let lines = read_lines(&self.from, &self.lines)?;
        let mut unmasked = self.masked.clone();
        let masked: Vec<_> = lines.iter().map(|line| masked(line, "", &self.masked, &mut unmasked)).collect();
        let mut files = vec![(format!("input/{}.jsonl", manifest.source_table), masked)];
        for lookup in &manifest.lookups {
            let path = self.lookups.iter().find(|(table, _)| *table == lookup.table).map(|(_, path)| path);
            let path = path.ok_or_else(|| InputError::LookupMissing { tables: vec![lookup.table.clone()] })?;
            let rows = referenced_rows(path, lookup, &lines)?;
            let prefix = format!("{}.", lookup.table);
            let mut columns = self.masked.clone();
            if columns.contains(&lookup.source_column) {
                // What refers and what is referred to stay the same.
                columns.insert(format!("{prefix}{}", lookup.key));
            }
            let rows = rows.iter().map(|row| self::masked(row, &prefix, &columns, &mut unmasked)).collect();
            files.push((format!("lookup/{}.jsonl", lookup.table), rows));
        }
        if let Some(column) = unmasked.pop_first() {
            return Err(CaseError::NoColumn { column });
        }
        write_case(&folder, &files, &self.story()).inspect_err(|_| {
            // What is left of it would stand in the way of the next try.
            let _ = fs::remove_dir_all(&folder);
        })?;
        CaseFolder::open(&folder)
    }

    fn default_name(&self) -> String {
        const NUMBERS_MAX: usize = 5;
        let numbers: Vec<_> = self.lines.iter().take(NUMBERS_MAX).map(u64::to_string).collect();
        let more = if self.lines.len() > NUMBERS_MAX { "_and_more" } else { "" };
        format!("lines_{}{more}", numbers.join("_"))
    }

    fn story(&self) -> String {
        let name = self.from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let numbers: Vec<_> = self.lines.iter().map(u64::to_string).collect();
        let masked: Vec<_> = self.masked.iter().map(String::as_str).collect();
        let masked =
            if masked.is_empty() { String::new() } else { format!(", with stand-ins for {}", masked.join(", ")) };
        format!("Lines {} of {name}{masked}.", numbers.join(", "))
    }
}

fn write_case(folder: &Path, files: &[(String, Vec<String>)], story: &str) -> Result<(), CaseError> {
    for name in ["input", "lookup", "expected"] {
        let is_used = name == "expected" || files.iter().any(|(file, _)| file.starts_with(name));
        if is_used {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(unwritable(&path))?;
        }
    }
    for (name, lines) in files {
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        write(&folder.join(name), &text)?;
    }
    write_settings(folder, &CaseSettings { story: Some(story.to_owned()), fuel_max: None })
}

/// The lines with these numbers, without their ends.
fn read_lines(path: &Path, numbers: &BTreeSet<u64>) -> Result<Vec<String>, CaseError> {
    let name = path.display().to_string();
    let unreadable = |source| InputError::Unreadable { name: name.clone(), source };
    let mut reader = BufReader::new(open_file(path)?);
    let mut found = Vec::new();
    let mut bytes = Vec::new();
    let mut number = 0;
    for &wanted in numbers {
        while number < wanted {
            bytes.clear();
            if reader.read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
                return Err(CaseError::NoLine { name, line: wanted });
            }
            number += 1;
        }
        if wanted == 0 {
            return Err(CaseError::NoLine { name, line: wanted });
        }
        found.push(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned());
    }
    Ok(found)
}

type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// The line with stand-ins for the values of `columns`, which stand there with `prefix` before their names. The columns that it
/// has are taken from `missing`. A line that is no object stays as it is.
fn masked(line: &str, prefix: &str, columns: &BTreeSet<String>, missing: &mut BTreeSet<String>) -> String {
    let Ok(members) = serde_json::from_str::<Members<'_>>(line) else { return line.to_owned() };
    let value = |column: &String| {
        let raw = members.get(column.strip_prefix(prefix)?)?.get();
        missing.remove(column);
        Some(raw)
    };
    let mut values: Vec<_> = columns.iter().filter_map(value).collect();
    values.sort_by_key(|raw| raw.as_ptr());
    let mut text = String::with_capacity(line.len());
    let mut copied = 0;
    for raw in values {
        // A raw value is a part of the line that it was read from.
        let start = raw.as_ptr() as usize - line.as_ptr() as usize;
        text += &line[copied..start];
        text += &mask(raw);
        copied = start + raw.len();
    }
    text + &line[copied..]
}

/// The rows of a looked-up table that some line refers to.
fn referenced_rows(path: &Path, lookup: &Lookup, lines: &[String]) -> Result<Vec<String>, CaseError> {
    let reference = |line: &String| {
        let members: Members<'_> = serde_json::from_str(line).ok()?;
        key_of(members.get(lookup.source_column.as_str())?.get())
    };
    let references: BTreeSet<_> = lines.iter().filter_map(reference).collect();
    let name = path.display().to_string();
    let mut rows = Vec::new();
    for line in BufReader::new(open_file(path)?).lines() {
        let line = line.map_err(|source| InputError::Unreadable { name: name.clone(), source })?;
        let members: Members<'_> = serde_json::from_str(&line).unwrap_or_default();
        let key = members.get(lookup.key.as_str()).and_then(|key| key_of(key.get()));
        if key.is_some_and(|key| references.contains(&key)) {
            rows.push(line);
        }
    }
    Ok(rows)
}
