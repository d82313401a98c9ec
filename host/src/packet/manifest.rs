//! What a packet is made of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The form of manifest that this host writes and reads.
const FORMAT: u32 = 1;

/// A packet's contents, its source and its place among the packets of its table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of this document.
    pub format: u32,
    /// The table.
    pub table: String,
    /// One more than that of the packet before; the first is 1.
    pub sequence: u64,
    /// What brought the packet.
    pub kind: PacketKind,
    /// How the data objects hold their rows.
    pub data_format: DataFormat,
    /// The rows, in this order.
    pub data: Vec<StoredObject>,
    /// The keys of rows that are gone, as JSON Lines.
    pub deletes: Vec<StoredObject>,
    /// What the packet adds to the state of its table: a part of `data` and `deletes`, sorted by key.
    pub state: Vec<StateObject>,
    /// How many rows there are.
    pub lines: u64,
    /// The number of the first row among all rows of the table, counted from 1.
    pub first_record: u64,
    /// The columns that together tell rows apart.
    pub key: Vec<String>,
    /// The columns of the source, in its order.
    pub columns: Vec<SourceColumn>,
    /// Where the change cursor stands after this packet.
    pub cursor: CursorPosition,
    /// From where the rows were read: a bound of the cursor, in words.
    pub window: String,
    /// The newest `last_updated` of all rows of the table so far, as ISO 8601, where there is such a column.
    pub newest_last_updated: Option<String>,
    /// A digest of the runs that wrote this packet and all before it: no other packets have the same.
    pub chain: String,
    /// The run that wrote it.
    pub run: String,
    /// The version of the host.
    pub host: String,
    /// When the run began.
    #[serde(with = "super::moment")]
    pub started_at: DateTime<Utc>,
    /// When the packet was committed.
    #[serde(with = "super::moment")]
    pub committed_at: DateTime<Utc>,
}

/// What brings a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketKind {
    /// The change cursor.
    Changes,
    /// A range of `last_updated` that somebody asked for.
    Range,
    /// A sweep over the whole table, deletes included.
    Sweep,
}

/// How data objects hold rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFormat {
    /// JSON Lines.
    #[default]
    Jsonl,
    /// Parquet, from which the same lines can be made.
    Parquet,
}

/// An object with rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredObject {
    /// Its key in the lake.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// How many rows it holds.
    pub lines: u64,
    /// The CRC-64/NVME of its bytes, as S3 writes it; compared whenever it is read. Packets of older hosts lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<String>,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// An object with a part of a table's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateObject {
    /// Its key in the lake.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// How many keys of rows it holds.
    pub entries: u64,
}

/// A column of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceColumn {
    /// Its name, as in the lines.
    pub name: String,
    /// Its type, as Postgres writes it: `integer`, `numeric(10,2)`, `timestamp(3) without time zone`, `"PaymentTypeName"`; of a
    /// domain the type that it is made of.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it can be null.
    pub nullable: bool,
}

/// Where a change cursor stands: everything that was visible there is in the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CursorPosition {
    /// Nowhere: the next run reads the whole table.
    None,
    /// A snapshot of Postgres.
    Snapshot {
        /// `pg_current_snapshot()`, as `xmin:xmax:...`.
        snapshot: String,
        /// Every change of a transaction below this one was visible.
        xmin: u64,
        /// The first transaction that had not begun.
        xmax: u64,
        /// What `xmin` belongs to: server, timeline, database, table, columns, partitions. With another one it means nothing.
        fingerprint: String,
    },
    /// A moment: rows with an earlier `last_updated` are in the lake.
    LastUpdated {
        /// The moment, as ISO 8601 without time zone.
        to: String,
        /// The columns that were compared with it.
        columns: Vec<String>,
        /// As with a snapshot.
        fingerprint: String,
    },
    /// Everything is read each time.
    Full,
}

/// A document that is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It can't be read as one.
    #[error("it is no manifest")]
    Syntax(#[source] serde_json::Error),
    /// It says something else than its key.
    #[error("it is the manifest of `{table}` {sequence}")]
    Misplaced {
        /// The table that it names.
        table: String,
        /// The sequence id that it names.
        sequence: u64,
    },
    /// Another form.
    #[error("it has format {0}, and this host reads {FORMAT}")]
    Format(u32),
    /// Numbers that can't be.
    #[error("it contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl Manifest {
    /// The form that this host writes.
    pub const FORMAT: u32 = FORMAT;

    /// The manifest as it is stored.
    ///
    /// # Panics
    /// Never: all parts of a manifest can be written as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest has no maps with keys that are no text");
        json.push(b'\n');
        json
    }

    /// Reads the manifest of `sequence` of `table`.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn from_json(table: &str, sequence: u64, json: &[u8]) -> Result<Self, ManifestError> {
        /// Read first, so that another form is told from a broken document.
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(json).map_err(ManifestError::Syntax)?;
        if form.format != FORMAT {
            return Err(ManifestError::Format(form.format));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(ManifestError::Syntax)?;
        if manifest.table != table || manifest.sequence != sequence {
            return Err(ManifestError::Misplaced { table: manifest.table, sequence: manifest.sequence });
        }
        let lines = manifest.data.iter().try_fold(0_u64, |sum, object| sum.checked_add(object.lines));
        if lines != Some(manifest.lines) {
            return Err(ManifestError::Contradiction("the lines of its objects are not its lines"));
        }
        if manifest.first_record == 0 || manifest.next_record().is_none() {
            return Err(ManifestError::Contradiction("records are numbered from 1 to 2^63 - 1"));
        }
        Ok(manifest)
    }

    /// The chain of a packet that a run adds after `newest`, or as the first one.
    #[must_use]
    pub fn chain_after(newest: Option<&Self>, run: &str, sequence: u64) -> String {
        let before = newest.map_or("", |newest| &newest.chain);
        crate::text::sha256(format!("{before}\n{run}\n{sequence}").as_bytes())
    }

    /// The number of the first row of the next packet.
    #[must_use]
    pub fn next_record(&self) -> Option<u64> {
        self.first_record.checked_add(self.lines).filter(|record| *record <= i64::MAX as u64)
    }
}
