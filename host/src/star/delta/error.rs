//! What can go wrong with a star table in a store.

use super::SchemaChange;
use crate::error::{Exit, Explain};
use crate::store::S3Error;
use delta_kernel::KernelError;

/// What can go wrong with a star table in a store.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The store fails.
    #[error("can't {action} the star table `{table}`")]
    Store {
        /// What was tried.
        action: &'static str,
        /// The table.
        table: String,
        /// Why not.
        source: object_store::Error,
    },
    /// The log can't be read or written.
    #[error("can't {action} the star table `{table}`: its log is at fault")]
    Log {
        /// What was tried.
        action: &'static str,
        /// The table.
        table: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The plugin makes other columns than the table has.
    #[error("the star table `{table}` is not what the plugin makes: {}", change.problems.join("; "))]
    Schema {
        /// The table.
        table: String,
        /// What differs.
        change: Box<SchemaChange>,
    },
    /// A file can't be read.
    #[error("can't read `{key}`: {reason}")]
    File {
        /// The file.
        key: String,
        /// Why not.
        reason: String,
    },
}

impl TableError {
    pub(super) fn new(table: &str, action: &'static str, error: KernelError) -> Self {
        let table = table.to_owned();
        match error {
            KernelError::ObjectStore(source) => Self::Store { action, table, source },
            KernelError::Backtraced { source, .. } => Self::new(&table, action, *source),
            other => Self::Log { action, table, source: Box::new(other) },
        }
    }
}

impl Explain for TableError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store { .. } => "star-store",
            Self::Log { .. } => "star-log",
            Self::Schema { .. } => "star-schema",
            Self::File { .. } => "star-file",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store { source, .. } => S3Error::find(source)
                .and_then(Explain::hint)
                .unwrap_or_else(|| "nothing is lost: run it again when the store can be reached".to_owned()),
            Self::Log { table, .. } => {
                format!(
                    "look at `{table}/_delta_log`; `host replay --table {table} --into <place>` makes the table anew"
                )
            }
            Self::Schema { change, .. } => format!(
                "the table has {}; the plugin makes {}; give the new table another name, or keep the old columns",
                change.found, change.expected
            ),
            Self::File { .. } => "`host verify` tells which files are damaged or gone".to_owned(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Store { source, .. } => S3Error::find(source).map_or(Exit::Environment, Explain::exit),
            Self::Schema { .. } => Exit::PluginAtFault,
            Self::Log { .. } | Self::File { .. } => Exit::BadInput,
        }
    }
}
