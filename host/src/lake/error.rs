//! What can go wrong between the host and the lake.

use crate::error::{Exit, Explain};
use crate::packet::ManifestError;
use crate::store::S3Error;
use object_store::path::Path;

/// A failure of the raw lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The storage fails.
    #[error("{}", store_text(action, key, source))]
    Store {
        /// What was tried.
        action: &'static str,
        /// On which object.
        key: String,
        /// Why not.
        source: object_store::Error,
    },
    /// An object that a manifest names is not there.
    #[error("the lake has no object `{key}`, which the manifest of `{table}` {sequence} names")]
    Missing {
        /// The table.
        table: String,
        /// The packet.
        sequence: u64,
        /// The object.
        key: String,
    },
    /// An object holds other bytes than its manifest says.
    #[error("`{key}` is damaged: its {what} is {found}, and its manifest says {expected}")]
    Damaged {
        /// The object.
        key: String,
        /// What differs: its size, its digest, ...
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What was read.
        found: String,
    },
    /// A manifest that can't be used.
    #[error("can't use `{key}`")]
    Manifest {
        /// Its key.
        key: String,
        /// Why not.
        source: ManifestError,
    },
    /// The checkpoint knows of packets that the lake does not have.
    #[error("the checkpoint of `{table}` names packet {checkpoint}, which the lake does not have: its last is {lake}")]
    CheckpointAhead {
        /// The table.
        table: String,
        /// The sequence of the checkpoint.
        checkpoint: u64,
        /// The last sequence in the lake.
        lake: u64,
    },
    /// No further packet can be numbered.
    #[error("`{table}` has {} packets, and can't have more", crate::packet::SEQUENCE_MAX)]
    Full {
        /// The table.
        table: String,
    },
    /// A part of the state can't be read.
    #[error("can't read the state `{key}`: {reason}")]
    State {
        /// The object.
        key: String,
        /// Why not.
        reason: String,
    },
    /// What was reading a packet has ended before its time.
    #[error("the reading of a packet was broken off")]
    Interrupted,
    /// Rows can't be turned into Parquet, or back.
    #[error("can't turn `{key}` into lines: {reason}")]
    Format {
        /// The object.
        key: String,
        /// Why not.
        reason: String,
    },
}

impl LakeError {
    pub(crate) fn store(action: &'static str, key: &Path) -> impl FnOnce(object_store::Error) -> Self {
        let key = key.to_string();
        move |source| Self::Store { action, key, source }
    }
}

impl Explain for LakeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store { source, .. } => S3Error::find(source).map_or("lake-store", Explain::code),
            Self::Missing { .. } => "lake-object-missing",
            Self::Damaged { .. } => "lake-object-damaged",
            Self::Manifest { .. } => "lake-manifest",
            Self::CheckpointAhead { .. } => "checkpoint-ahead",
            Self::Full { .. } => "lake-full",
            Self::State { .. } => "lake-state",
            Self::Interrupted => "lake-interrupted",
            Self::Format { .. } => "lake-format",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store { source, .. } => return store_hint(source),
            Self::Missing { .. } | Self::Damaged { .. } => {
                "bring the object back from a backup or an older version of the bucket; nothing was written".to_owned()
            }
            Self::Manifest { .. } => "was it written by hand, or by a newer host? Nothing was written".to_owned(),
            Self::CheckpointAhead { .. } => {
                "does `[lake] raw` name the right lake? If packets were lost and the rest shall go on, remove the table's \
                 checkpoint: it is made again from the lake"
                    .to_owned()
            }
            Self::Full { .. } => "begin a new lake".to_owned(),
            Self::State { .. } => {
                "remove the object: the state is made again from the packets".to_owned()
            }
            Self::Interrupted => "this is a mistake of the host: please report it; nothing was written".to_owned(),
            Self::Format { .. } => return None,
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Store { source, .. } => S3Error::find(source).map_or(Exit::Environment, Explain::exit),
            _ => Exit::BadInput,
        }
    }
}

/// What failed. An error of S3 says by itself what was tried, and on which object.
fn store_text(action: &str, key: &str, error: &object_store::Error) -> String {
    match S3Error::find(error) {
        Some(error) => error.to_string(),
        None if key.is_empty() => format!("can't {action} the lake"),
        None => format!("can't {action} `{key}` in the lake"),
    }
}

fn store_hint(error: &object_store::Error) -> Option<String> {
    if let Some(hint) = S3Error::find(error).and_then(Explain::hint) {
        return Some(hint);
    }
    let text = crate::error::with_causes(error);
    let hint = if text.contains("No space left") || text.contains("quota exceeded") {
        "the disk is full; make room and run it again: nothing is lost"
    } else if text.contains("File too large") {
        "files may not grow so large here (`ulimit -f`); raise the limit and run it again: nothing is lost"
    } else if text.contains("Permission denied") || text.contains("Read-only file system") {
        "let this user write there, and run it again: nothing is lost"
    } else {
        "run it again when the storage works: nothing is lost"
    };
    Some(hint.to_owned())
}
