//! Freezing real lines into a case.

use super::error::CaseError;
use super::folder::{CaseFolder, CaseSettings, file_stem, is_case_name, unwritable, write, write_settings};
use super::mask::mask;
use crate::input::{BYTE_ORDER_MARK, InputError, LINE_BYTES_MAX, key_of, open_file, parse_members};
use crate::manifest::{Lookup, Manifest};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
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
        let case = self.case.clone().unwrap_or_else(|| self.default_name());
        if !is_case_name(&case) {
            return Err(CaseError::Name { name: case });
        }
        let folder = cases.join(case);
        if folder.exists() {
            return Err(CaseError::Exists { path: folder });
        }
        let mut masks = Masks { columns: &self.masked, missing: self.masked.clone() };
        let name = self.from.display().to_string();
        let lines = read_lines(&self.from, &self.lines)?;
        let input = masks.mask_all(&name, "", &lines)?;
        let mut files = vec![(format!("input/{}.jsonl", file_stem(&manifest.source_table)), input)];
        for lookup in &manifest.lookups {
            if let Some(column) = masks.key_of(lookup) {
                return Err(CaseError::MaskedKey { column, table: lookup.table.clone() });
            }
            let path = self.lookups.iter().find(|(table, _)| *table == lookup.table).map(|(_, path)| path);
            let path = path.ok_or_else(|| InputError::LookupMissing { tables: vec![lookup.table.clone()] })?;
            let rows = referenced_rows(path, lookup, &lines)?;
            let rows = masks.mask_all(&path.display().to_string(), &format!("{}.", lookup.table), &rows)?;
            files.push((format!("lookup/{}.jsonl", file_stem(&lookup.table)), rows));
        }
        if let Some(column) = masks.missing.pop_first() {
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

fn write_case(folder: &Path, files: &[(String, Vec<Line>)], story: &str) -> Result<(), CaseError> {
    for name in ["input", "lookup", "expected"] {
        let is_used = name == "expected" || files.iter().any(|(file, _)| file.starts_with(name));
        if is_used {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(unwritable(&path))?;
        }
    }
    for (name, lines) in files {
        let text: Vec<u8> = lines.iter().flat_map(|(_, line)| [line, &b"\n"[..]].concat()).collect();
        write(&folder.join(name), &text)?;
    }
    write_settings(folder, &CaseSettings { story: Some(story.to_owned()), fuel_max: None })
}

/// A line's number in its file, from 1, and the line without its end.
type Line = (u64, Vec<u8>);

/// The lines with these numbers.
fn read_lines(path: &Path, numbers: &BTreeSet<u64>) -> Result<Vec<Line>, CaseError> {
    let mut found = Vec::new();
    visit_lines(path, |number, line| {
        if numbers.contains(&number) {
            found.push((number, line.to_vec()));
        }
        numbers.last().is_some_and(|last| number < *last)
    })?;
    let missing = numbers.iter().find(|number| found.iter().all(|(found, _)| found != *number));
    match missing {
        Some(&line) => Err(CaseError::NoLine { name: path.display().to_string(), line }),
        None => Ok(found),
    }
}

/// Hands each line of a file to `visit`, until that has enough.
fn visit_lines(path: &Path, mut visit: impl FnMut(u64, &[u8]) -> bool) -> Result<(), InputError> {
    let name = path.display().to_string();
    let unreadable = |source| InputError::Unreadable { name: name.clone(), source };
    let mut reader = BufReader::new(open_file(path)?);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = (&mut reader).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if bytes.len() > LINE_BYTES_MAX {
            return Err(InputError::LineTooLong { name, line: number, bytes_max: LINE_BYTES_MAX });
        }
        let line = bytes.strip_prefix(BYTE_ORDER_MARK).filter(|_| number == 1).unwrap_or(&bytes);
        if read == 0 || !visit(number, line.strip_suffix(b"\n").unwrap_or(line)) {
            break;
        }
    }
    Ok(())
}

/// The columns to mask, and those of them that no line had so far.
struct Masks<'a> {
    columns: &'a BTreeSet<String>,
    missing: BTreeSet<String>,
}

impl Masks<'_> {
    /// The lines of the file `name` with stand-ins for the values of the columns, which are called with `prefix` before their
    /// names.
    fn mask_all(&mut self, name: &str, prefix: &str, lines: &[Line]) -> Result<Vec<Line>, CaseError> {
        if self.columns.is_empty() {
            return Ok(lines.to_vec());
        }
        let mut masked = Vec::with_capacity(lines.len());
        for (number, line) in lines {
            let unmaskable = |reason| CaseError::Unmaskable { name: name.to_owned(), line: *number, reason };
            let members = parse_members(line).ok_or_else(|| unmaskable("it is no JSON object whose columns differ"))?;
            let mut parts = Vec::with_capacity(members.0.len());
            for (column, value) in &members.0 {
                let full_name = format!("{prefix}{column}");
                let mut value = value.get().to_owned();
                if self.columns.contains(&full_name) {
                    self.missing.remove(&full_name);
                    value = mask(&value).ok_or_else(|| unmaskable("a value to be masked can't be read"))?;
                }
                parts.push(format!("{}:{value}", Value::from(column.as_ref())));
            }
            masked.push((*number, format!("{{{}}}", parts.join(",")).into_bytes()));
        }
        Ok(masked)
    }

    /// The column by which rows are looked up, if it is to be masked.
    fn key_of(&self, lookup: &Lookup) -> Option<String> {
        let key = format!("{}.{}", lookup.table, lookup.key);
        [lookup.source_column.clone(), key].into_iter().find(|column| self.columns.contains(column))
    }
}

/// The rows of a looked-up table that some line refers to.
fn referenced_rows(path: &Path, lookup: &Lookup, lines: &[Line]) -> Result<Vec<Line>, CaseError> {
    let value = |line: &[u8], column: &str| key_of(parse_members(line)?.get(column)?);
    let references: BTreeSet<_> = lines.iter().filter_map(|(_, line)| value(line, &lookup.source_column)).collect();
    let mut rows = Vec::new();
    visit_lines(path, |number, line| {
        if value(line, &lookup.key).is_some_and(|key| references.contains(&key)) {
            rows.push((number, line.to_vec()));
        }
        true
    })?;
    Ok(rows)
}
