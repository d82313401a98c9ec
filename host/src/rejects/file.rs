//! The files of rejects, as a process has written them.

use crate::lake::LakeError;
use crate::star::StarLake;
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Below this lie the files of all star tables.
const FOLDER: &str = "rejects";

/// A rejected record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The packet.
    pub sequence: u64,
    /// The number of its line in the packet, from 1.
    pub line: u64,
    /// Its number among all records of its table, from 1.
    pub record: u64,
    /// The plugin that rejected it.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// A stable word for the reason.
    pub code: String,
    /// The column with the bad value.
    pub column: Option<String>,
    /// What was found, and what was expected.
    pub message: String,
    /// The row, as its line has it.
    pub row: String,
}

/// The rejects of a packet by one plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RejectsFile {
    /// The star table by which the packets of the plugin are named: its first.
    pub(super) table: String,
    pub(super) sequence: u64,
    /// The first digits of the plugin's digest.
    pub(super) digest: String,
    pub(super) key: Path,
}

/// A line of such a file.
#[derive(Deserialize)]
struct RejectLine<'a> {
    plugin: String,
    version: String,
    digest: String,
    input: String,
    line: u64,
    record: u64,
    code: String,
    column: Option<String>,
    message: String,
    #[serde(borrow)]
    row: &'a RawValue,
}

/// The files of all star tables, or of one, by table and packet.
pub(super) fn list_files(star: &StarLake, table: Option<&str>) -> Result<Vec<RejectsFile>, LakeError> {
    let prefix = Path::from_iter([FOLDER].into_iter().chain(table));
    let listed: Vec<_> =
        star.wait(star.store().list(Some(&prefix)).try_collect()).map_err(LakeError::store("list", &prefix))?;
    let mut files: Vec<RejectsFile> =
        listed.into_iter().filter_map(|object| RejectsFile::of_key(object.location)).collect();
    files.sort_unstable();
    Ok(files)
}

/// The numbers of the records that were ever rejected, by packet, by any version of the plugin whose first star table is `table`.
pub(crate) fn rejected_records(star: &StarLake, table: &str) -> Result<BTreeMap<u64, BTreeSet<u64>>, LakeError> {
    let mut records: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for file in list_files(star, Some(table))? {
        let of_packet = records.entry(file.sequence).or_default();
        file.read(star, |_, rejected| {
            of_packet.insert(rejected.record);
        })?;
    }
    Ok(records)
}

/// What was ever said against a record of a packet, by any version of the plugin whose first star table is `table`.
pub(crate) fn rejects_of_record(
    star: &StarLake,
    table: &str,
    sequence: u64,
    record: u64,
) -> Result<Vec<Rejected>, LakeError> {
    let mut found = Vec::new();
    for file in list_files(star, Some(table))?.iter().filter(|file| file.sequence == sequence) {
        file.read(star, |_, rejected| found.extend(Some(rejected).filter(|rejected| rejected.record == record)))?;
    }
    Ok(found)
}

impl RejectsFile {
    fn of_key(key: Path) -> Option<Self> {
        let parts: Vec<String> = key.parts().map(|part| part.as_ref().to_owned()).collect();
        let [folder, table, name] = parts.as_slice() else { return None };
        let (sequence, digest) = name.strip_suffix(".jsonl")?.split_once('-')?;
        let (sequence, digest) = (sequence.parse().ok()?, digest.to_owned());
        (folder == FOLDER).then(|| Self { table: table.clone(), sequence, digest, key })
    }

    /// Hands the name of each record's packet, `sales_order/00000012`, and the record to `take`.
    pub(super) fn read(&self, star: &StarLake, mut take: impl FnMut(&str, Rejected)) -> Result<(), LakeError> {
        let read = star.wait(async { star.store().get(&self.key).await?.bytes().await });
        let bytes = read.map_err(LakeError::store("read", &self.key))?;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            let line: RejectLine<'_> = serde_json::from_slice(line).map_err(|error| LakeError::Format {
                key: self.key.to_string(),
                reason: format!("line {} is no reject: {error}", number + 1),
            })?;
            take(&line.input, line.rejected(self.sequence));
        }
        Ok(())
    }
}

impl RejectLine<'_> {
    fn rejected(&self, sequence: u64) -> Rejected {
        let row = self.row.get();
        Rejected {
            sequence,
            line: self.line,
            record: self.record,
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            digest: self.digest.clone(),
            code: self.code.clone(),
            column: self.column.clone(),
            message: self.message.clone(),
            // A line that is no JSON stands there as a text.
            row: serde_json::from_str(row).unwrap_or_else(|_| row.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_table_packet_and_plugin() {
        let file = RejectsFile::of_key(Path::from("rejects/fact_sales_order/00000012-0a1b2c3d.jsonl")).unwrap();
        assert_eq!(("fact_sales_order", 12, "0a1b2c3d"), (&*file.table, file.sequence, &*file.digest));
        for other in
            ["rejects/x.jsonl", "held/t/00000001-0a.jsonl", "rejects/t/00000001-0a.json", "rejects/t/x-0a.jsonl"]
        {
            assert!(RejectsFile::of_key(Path::from(other)).is_none(), "{other}");
        }
    }
}
