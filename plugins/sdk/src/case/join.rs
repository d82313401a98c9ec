//! The lines that a plugin sees: those of the case, with the looked-up rows that the host joins in.

use super::json_lines;
use crate::bindings::star::transform::types::{Lookup, Manifest};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// One file of the input: a packet.
pub(super) struct Packet {
    /// The name of the file.
    pub(super) name: String,
    /// The lines, each with its line feed but perhaps the last, and with a member for each lookup.
    pub(super) lines: Vec<Vec<u8>>,
}

/// The files of `input`, in the order of their names.
pub(super) fn packets(manifest: &Manifest, folder: &Path) -> Result<Vec<Packet>, String> {
    let files = json_lines(&folder.join("input")).map_err(|error| format!("can't list `input`: {error}"))?;
    if files.is_empty() {
        return Err("there is no file `*.jsonl` in `input`".to_owned());
    }
    let mut packets = Vec::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = read(folder, &format!("input/{name}"))?;
        packets
            .push(Packet { name, lines: bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect() });
    }
    for lookup in &manifest.lookups {
        let name = format!("lookup/{}.jsonl", lookup.table);
        let rows = read(folder, &name)?;
        let rows = rows_by_key(&rows, &lookup.key).map_err(|problem| format!("`{name}`: {problem}"))?;
        for line in packets.iter_mut().flat_map(|packet| &mut packet.lines) {
            *line = joined(line, lookup, &rows);
        }
    }
    Ok(packets)
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    fs::read(folder.join(name)).map_err(|error| format!("can't read `{name}`: {error}"))
}

/// The members of an object, by key; each value as it is written.
type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// The rows of a looked-up table, by their key as it is written; of two rows with one key the later one.
fn rows_by_key<'a>(rows: &'a [u8], key: &str) -> Result<HashMap<&'a str, &'a str>, String> {
    let mut by_key = HashMap::new();
    let rows = rows.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
    for (row, line) in rows.zip(1..) {
        let row: &RawValue = serde_json::from_slice(row).map_err(|error| format!("row {line}: {error}"))?;
        let members: Members<'_> = serde_json::from_str(row.get()).map_err(|error| format!("row {line}: {error}"))?;
        let value = members.get(key).ok_or_else(|| format!("row {line} has no `{key}`"))?;
        by_key.insert(value.get(), row.get());
    }
    Ok(by_key)
}

/// The line with the looked-up row as its last member, null where there is none. A line that is no JSON object stays as it is.
fn joined(line: &[u8], lookup: &Lookup, rows: &HashMap<&str, &str>) -> Vec<u8> {
    let Ok(members) = serde_json::from_slice::<Members<'_>>(line) else { return line.to_vec() };
    let Some(brace) = line.iter().rposition(|byte| *byte == b'}') else { return line.to_vec() };
    let key = members.get(lookup.source_column.as_str()).map(|value| value.get());
    let row = key.and_then(|key| rows.get(key)).copied().unwrap_or("null");
    let comma = if members.is_empty() { "" } else { "," };
    let member = format!("{comma}\"{}\":{row}", lookup.table);
    [&line[..brace], member.as_bytes(), &line[brace..]].concat()
}
