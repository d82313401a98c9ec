//! What was found.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// How many packets were read.
    pub packets: u64,
    /// How many rows they have.
    pub records: u64,
    /// How many star tables were looked at.
    pub star_tables: u64,
    /// How many files they have.
    pub files: u64,
    /// How many references from facts to dimensions were followed.
    pub references: u64,
    /// How long it took.
    pub took: Duration,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: Kind,
    /// The table.
    pub table: String,
    /// What was found, in words.
    pub what: String,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A sequence id without a packet.
    SequenceGap,
    /// A manifest that can't be read.
    BadManifest,
    /// An object that a manifest names and that is not there.
    MissingObject,
    /// An object whose bytes are not what its manifest says.
    DamagedObject,
    /// Record numbers that do not follow those of the packet before.
    RecordNumbers,
    /// A checkpoint that names a packet that the lake does not have, or none that can be read.
    CheckpointAhead,
    /// A star table that was there, and is not.
    MissingTable,
    /// A log of a star table that can't be read.
    DamagedLog,
    /// A star table that holds other packets than the lake has.
    OtherPackets,
    /// A file that a star table's log names and that is not there.
    MissingFile,
    /// A file of a star table whose bytes are not what its name says.
    DamagedFile,
    /// A number of rows that the log says and the file does not.
    WrongCount,
    /// A range of a column's values that the log says and the file does not: readers that go by it pass rows over.
    WrongRange,
    /// A record that is in its fact more than once.
    DoubledRecord,
    /// A record that is neither in its fact nor among its rejects.
    MissingRecord,
    /// A star table that does not hold all packets.
    Unprocessed,
    /// A dimension that is not what its packets fold to.
    StaleDimension,
    /// A dimension that was made with older rows of a table that it looks up.
    StaleLookup,
    /// A reference to a key that the dimension does not have.
    DanglingReference,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SequenceGap => "sequence-gap",
            Self::BadManifest => "bad-manifest",
            Self::MissingObject => "missing-object",
            Self::DamagedObject => "damaged-object",
            Self::RecordNumbers => "record-numbers",
            Self::CheckpointAhead => "checkpoint-ahead",
            Self::MissingTable => "missing-table",
            Self::DamagedLog => "damaged-log",
            Self::OtherPackets => "other-packets",
            Self::MissingFile => "missing-file",
            Self::DamagedFile => "damaged-file",
            Self::WrongCount => "wrong-count",
            Self::WrongRange => "wrong-range",
            Self::DoubledRecord => "doubled-record",
            Self::MissingRecord => "missing-record",
            Self::Unprocessed => "unprocessed",
            Self::StaleDimension => "stale-dimension",
            Self::StaleLookup => "stale-lookup",
            Self::DanglingReference => "dangling-reference",
        })
    }
}

impl Kind {
    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::SequenceGap | Self::BadManifest | Self::MissingObject | Self::DamagedObject | Self::RecordNumbers => {
                "bring the object back from a backup, or from an older version of the bucket"
            }
            Self::CheckpointAhead => {
                "if the packets are lost for good, remove the checkpoint: it is made again from the lake"
            }
            Self::MissingFile | Self::DamagedFile | Self::WrongCount | Self::DoubledRecord | Self::MissingRecord => {
                "`host replay --table <star table>` makes the table's files again from the packets"
            }
            Self::OtherPackets => {
                "does `[lake] raw` name the right lake? If it was begun anew, `host replay --table <star table>` makes the table \
                 again from the packets that there are now"
            }
            Self::MissingTable => "`host process` makes it anew from the packets",
            Self::DamagedLog | Self::WrongRange => {
                "bring the log back from a backup or an older version of the bucket; or remove the folder of the table, and \
                 `host process` makes it anew from the packets"
            }
            Self::StaleDimension => {
                "`host process` brings it up to date; if not, `host replay --table <star table>` makes it again"
            }
            Self::StaleLookup | Self::Unprocessed => "`host process` brings it up to date, or says what holds it",
            Self::DanglingReference => {
                "`host rejects` tells whether the dimension's row was rejected; `host reconcile` brings rows that are missing; \
                 `host replay --table <dimension>` makes the dimension again"
            }
        }
    }
}
