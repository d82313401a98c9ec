//! Rows of other tables, joined into the lines before a plugin sees them.
//!
//! The looked-up row becomes the last member of the line's object, under the lookup's name; where its table has no such key
//! the member is `null`. A line that is no JSON object stays as it is, for the plugin to reject.

use super::{ChunkLimits, InputError, LineChunks, check_columns, open_file};
use crate::manifest::{Lookup, Manifest, SourceColumn};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The rows of each table that a plugin looks up.
#[derive(Debug, Default)]
pub struct Lookups {
    tables: Vec<LookupTable>,
}

/// The rows of a table, by the key under which they are looked up.
#[derive(Debug)]
pub struct LookupTable {
    lookup: Lookup,
    /// The row of each key: the columns that the plugin reads, as the line says them.
    rows: HashMap<String, Box<str>>,
}

/// The files that rows of other tables are in.
#[derive(Clone, Debug, Default)]
pub struct LookupsBuilder {
    files: Vec<(String, PathBuf)>,
}

impl LookupsBuilder {
    /// Takes the rows of `table` from the file `path`.
    #[must_use]
    pub fn file(mut self, table: String, path: PathBuf) -> Self {
        self.files.push((table, path));
        self
    }

    /// Reads the rows that the plugin of `manifest` looks up.
    ///
    /// # Errors
    /// Tables that are missing or not looked up, and rows that are none.
    pub fn read(&self, manifest: &Manifest) -> Result<Lookups, InputError> {
        let unknown = self.files.iter().map(|(table, _)| table);
        let unknown: Vec<_> =
            unknown.filter(|table| manifest.lookups.iter().all(|lookup| lookup.table != **table)).cloned().collect();
        if !unknown.is_empty() {
            return Err(InputError::LookupUnknown { tables: unknown });
        }
        let path =
            |lookup: &Lookup| self.files.iter().rev().find(|(table, _)| *table == lookup.table).map(|(_, path)| path);
        let missing: Vec<_> = manifest
            .lookups
            .iter()
            .filter(|lookup| path(lookup).is_none())
            .map(|lookup| lookup.table.clone())
            .collect();
        if !missing.is_empty() {
            return Err(InputError::LookupMissing { tables: missing });
        }
        let files = manifest.lookups.iter().filter_map(|lookup| Some((lookup, path(lookup)?)));
        let tables = files.map(|(lookup, path)| LookupTable::read(lookup, path)).collect::<Result<_, _>>()?;
        Ok(Lookups { tables })
    }
}

impl FromIterator<(String, PathBuf)> for LookupsBuilder {
    fn from_iter<T: IntoIterator<Item = (String, PathBuf)>>(files: T) -> Self {
        Self { files: files.into_iter().collect() }
    }
}

impl FromIterator<LookupTable> for Lookups {
    fn from_iter<T: IntoIterator<Item = LookupTable>>(tables: T) -> Self {
        Self { tables: tables.into_iter().collect() }
    }
}

impl LookupTable {
    /// A table without rows.
    #[must_use]
    pub fn new(lookup: &Lookup) -> Self {
        Self { lookup: lookup.clone(), rows: HashMap::new() }
    }

    /// Takes the row of a line; one with the same key goes.
    ///
    /// # Errors
    /// What is wrong with the row, in words.
    pub fn put(&mut self, line: &[u8]) -> Result<(), String> {
        let (key, row) = read_row(line, &self.lookup)?;
        self.rows.insert(key, row);
        Ok(())
    }

    /// Reads a file; of rows with the same key the last one counts.
    fn read(lookup: &Lookup, path: &Path) -> Result<Self, InputError> {
        let name = path.display().to_string();
        /// What is looked at to tell whether the rows have the columns.
        const SAMPLE_BYTES: usize = 64 * 1024;
        let mut rows = HashMap::new();
        let mut sample = Vec::new();
        let mut chunks = LineChunks::new(name.clone(), Box::new(open_file(path)?), ChunkLimits::default(), None);
        while let Some(chunk) = chunks.next_chunk(Vec::new())? {
            for (index, line) in chunk.bytes.split(|&byte| byte == b'\n').take(chunk.lines as usize).enumerate() {
                let (key, row) = read_row(line, lookup).map_err(|reason| InputError::LookupRow {
                    name: name.clone(),
                    line: chunk.line_number(index as u64),
                    reason,
                })?;
                rows.insert(key, row);
                if sample.len() < SAMPLE_BYTES {
                    sample.extend_from_slice(line);
                    sample.push(b'\n');
                }
            }
        }
        let (problems, found) = check_columns(&lookup.columns, &sample);
        if problems.is_empty() {
            Ok(Self { lookup: lookup.clone(), rows })
        } else {
            Err(InputError::Columns { name, problems, found })
        }
    }
}

/// The key of a row, and of the row what the plugin reads: a side table with long texts does not fill the memory.
fn read_row(line: &[u8], lookup: &Lookup) -> Result<(String, Box<str>), String> {
    let members: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(line).map_err(|error| format!("the row is no JSON object: {error}"))?;
    let key = &lookup.key;
    let value = members.get(key.as_str());
    let value = value.ok_or_else(|| format!("the row has no column `{key}`, which is the lookup's key"))?;
    let found = key_of(value.get());
    let found = found.ok_or_else(|| format!("the key `{key}` is `{}`, which can't be referred to", value.get()))?;
    let column = |column: &SourceColumn| {
        let value = members.get(column.name.as_str())?;
        Some(format!("{}:{}", serde_json::Value::from(column.name.as_str()), value.get()))
    };
    let columns: Vec<_> = lookup.columns.iter().filter_map(column).collect();
    Ok((found, format!("{{{}}}", columns.join(",")).into()))
}

/// The form in which keys are compared: texts without their quotes, other values as they are written. Nulls, objects and
/// arrays are no keys.
pub(crate) fn key_of(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw).ok().map(|text| format!("\"{text}")),
        b'n' | b'{' | b'[' => None,
        _ => Some(raw.to_owned()),
    }
}

impl Lookups {
    /// Whether there is nothing to join.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The lines with the looked-up rows joined in.
    #[must_use]
    pub fn join(&self, lines: &[u8]) -> Vec<u8> {
        self.join_some(lines, usize::MAX).bytes
    }

    /// The first of the lines with the looked-up rows joined in: at least one of them, and no more when `bytes_max` are reached.
    #[must_use]
    pub fn join_some(&self, lines: &[u8], bytes_max: usize) -> Joined {
        let mut joined =
            Joined { bytes: Vec::with_capacity(lines.len().saturating_mul(2).min(bytes_max)), lines: 0, end: 0 };
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if joined.bytes.len() >= bytes_max {
                break;
            }
            if self.join_line(line, &mut joined.bytes).is_none() {
                joined.bytes.extend_from_slice(line);
            }
            joined.lines += 1;
            joined.end += line.len();
        }
        joined
    }

    fn join_line(&self, line: &[u8], joined: &mut Vec<u8>) -> Option<()> {
        let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(line).ok()?;
        let end = memchr::memrchr(b'}', line)?;
        joined.extend_from_slice(&line[..end]);
        let mut comma = if members.is_empty() { "" } else { "," };
        for LookupTable { lookup, rows } in &self.tables {
            let key = members.get(lookup.source_column.as_str()).and_then(|value| key_of(value.get()));
            let row = key.and_then(|key| rows.get(&key)).map_or("null", |row| row);
            let name = serde_json::Value::from(lookup.table.as_str());
            joined.extend_from_slice(format!("{comma}{name}:{row}").as_bytes());
            comma = ",";
        }
        joined.extend_from_slice(&line[end..]);
        Some(())
    }
}

/// Lines with the looked-up rows joined in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The lines.
    pub bytes: Vec<u8>,
    /// How many.
    pub lines: u32,
    /// Where they end among the lines that they are made of.
    pub end: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookups(rows: &[(&str, &str)]) -> Lookups {
        let lookup = Lookup {
            table: "department".to_owned(),
            source_column: "department_id".to_owned(),
            key: "department_id".to_owned(),
            columns: Vec::new(),
        };
        let rows = rows.iter().map(|(key, row)| ((*key).to_owned(), Box::from(*row))).collect();
        Lookups { tables: vec![LookupTable { lookup, rows }] }
    }

    fn join(line: &str) -> String {
        let joined = lookups(&[("1", "{\"n\":\"Sales\"}"), ("\"x\"y", "{}")]).join(line.as_bytes());
        String::from_utf8(joined).unwrap()
    }

    #[test]
    fn a_row_joins_as_the_last_member() {
        assert_eq!(
            join("{\"department_id\": 1 } \r\n"),
            "{\"department_id\": 1 ,\"department\":{\"n\":\"Sales\"}} \r\n"
        );
        assert_eq!(
            join("{\"department_id\":\"\\u0078\\\"y\"}"),
            "{\"department_id\":\"\\u0078\\\"y\",\"department\":{}}"
        );
    }

    #[test]
    fn a_key_that_is_missing_or_unknown_joins_a_null() {
        assert_eq!(join("{}\n"), "{\"department\":null}\n");
        assert_eq!(join("{\"department_id\":null}\n"), "{\"department_id\":null,\"department\":null}\n");
        assert_eq!(join("{\"department_id\":7}"), "{\"department_id\":7,\"department\":null}");
    }

    #[test]
    fn a_line_that_is_no_object_stays_as_it_is() {
        assert_eq!(join("[1]\n{\"a\":\n"), "[1]\n{\"a\":\n");
    }

    #[test]
    fn lines_are_joined_as_far_as_there_is_room_and_one_at_least() {
        let lookups = lookups(&[("1", "{\"department_id\":1}")]);
        let lines = b"{\"department_id\":1}\n{\"department_id\":2}\n{\"department_id\":1}";
        let whole = lookups.join(lines);
        for bytes_max in [1, 30, 60, 100, 1_000] {
            let (mut rest, mut joined, mut count) = (&lines[..], Vec::new(), 0);
            while !rest.is_empty() {
                let some = lookups.join_some(rest, bytes_max);
                assert!(some.lines > 0);
                joined.extend(some.bytes);
                (rest, count) = (&rest[some.end..], count + some.lines);
            }
            assert_eq!((&whole, 3), (&joined, count), "{bytes_max}");
        }
        assert_eq!(1, lookups.join_some(lines, 1).lines);
    }
}
