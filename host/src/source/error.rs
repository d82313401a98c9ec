//! What can go wrong with a source.

use crate::error::{Exit, Explain};
use std::path::PathBuf;
use tokio_postgres::error::SqlState;

/// A failure of a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The database can't be reached.
    #[error("can't connect to the database at {target}")]
    Connect {
        /// Host, port and database, without a password.
        target: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database does not let the user in.
    #[error("the database at {target} refuses the user `{user}`: {reason}")]
    Refused {
        /// Host, port and database.
        target: String,
        /// The user.
        user: String,
        /// What the database says.
        reason: String,
    },
    /// The server has no such database.
    #[error("there is no database at {target}")]
    UnknownDatabase {
        /// Host, port and database.
        target: String,
    },
    /// The connection can't be made safe.
    #[error("no safe connection to the database at {target}: {reason}")]
    Tls {
        /// Host, port and database.
        target: String,
        /// Why not.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// The URL of the source is none.
    #[error("can't use the source's URL: {0}")]
    Url(String),
    /// The secret with the credentials can't be read.
    #[error("can't read the credentials of the database")]
    Secret(#[source] super::SecretError),
    /// A statement fails.
    #[error("can't {action} `{table}`")]
    Query {
        /// What was tried.
        action: &'static str,
        /// The table.
        table: String,
        /// What the database says.
        source: tokio_postgres::Error,
    },
    /// The connection ended.
    #[error("the database went away while `{table}` was read")]
    Gone {
        /// The table.
        table: String,
        /// What the connection says.
        source: tokio_postgres::Error,
    },
    /// The user may not read the table.
    #[error("the user has no right to read `{table}`: {reason}")]
    Denied {
        /// The table.
        table: String,
        /// The table as statements name it.
        name: String,
        /// What the database says.
        reason: String,
    },
    /// The database sends what can't be understood.
    #[error("can't decode column `{column}` of `{table}`: {reason}")]
    Decode {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Why not.
        reason: String,
    },
    /// A table without a key.
    #[error("`{table}` has no key by which its rows can be told apart")]
    NoKey {
        /// The table.
        table: String,
        /// What could be done.
        hint: String,
    },
    /// A key that can't be used.
    #[error("the key of `{table}` can't be used: {reason}")]
    BadKey {
        /// The table.
        table: String,
        /// Why not.
        reason: String,
    },
    /// A cursor that the table can't have.
    #[error("`{table}` can't be read with the cursor `{cursor}`: {reason}")]
    BadCursor {
        /// The table.
        table: String,
        /// The cursor.
        cursor: &'static str,
        /// Why not.
        reason: String,
    },
    /// A table that the source does not have.
    #[error("the source has no table `{table}`; it has {known}")]
    UnknownTable {
        /// The table.
        table: String,
        /// The tables that it has.
        known: String,
    },
    /// A replica that has not yet seen what the lake holds.
    #[error("the replica is behind the lake: it has not seen yet what was read of `{table}` before")]
    Behind {
        /// The table.
        table: String,
    },
    /// A table that another session has locked, longer than is waited for it.
    #[error("`{table}` can't be read: another session has locked it")]
    Locked {
        /// The table.
        table: String,
        /// The table as statements name it, as a literal.
        name: String,
    },
    /// A table that is no longer what it was when the tables were listed.
    #[error("`{table}` was altered or dropped before it could be read")]
    Changed {
        /// The table.
        table: String,
    },
    /// A schema that the database does not have.
    #[error("the database has no schema `{schema}`; it has {known}")]
    UnknownSchema {
        /// The schema.
        schema: String,
        /// The schemas that it has.
        known: String,
    },
    /// A schema that the user may not look into.
    #[error("the user has no right to use the schema `{schema}`")]
    ClosedSchema {
        /// The schema.
        schema: String,
        /// The schema as statements name it.
        name: String,
    },
    /// A source without any table.
    #[error("the source has no tables")]
    Empty,
    /// A file can't be read.
    #[error("can't read `{}`", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of column types can't be used.
    #[error("can't use `{}`: {reason}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Rows did not come in the order that was asked for.
    #[error("the rows of `{table}` do not come in the order of their keys")]
    Unordered {
        /// The table.
        table: String,
    },
}

impl SourceError {
    /// The table that can't be read, if it is one.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Query { table, .. }
            | Self::Gone { table, .. }
            | Self::Denied { table, .. }
            | Self::Decode { table, .. }
            | Self::NoKey { table, .. }
            | Self::BadKey { table, .. }
            | Self::BadCursor { table, .. }
            | Self::UnknownTable { table, .. }
            | Self::Behind { table }
            | Self::Locked { table, .. }
            | Self::Changed { table }
            | Self::Unordered { table } => Some(table),
            Self::Unreadable { path, .. } if path.extension().is_some_and(|ending| ending == "jsonl") => {
                path.file_stem().and_then(|table| table.to_str())
            }
            _ => None,
        }
    }
}

impl Explain for SourceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "source-connect",
            Self::Refused { .. } => "source-refused",
            Self::UnknownDatabase { .. } => "source-unknown-database",
            Self::Tls { .. } => "source-tls",
            Self::Url(_) => "source-url",
            Self::Secret(error) => error.code(),
            Self::Query { .. } => "source-query",
            Self::Gone { .. } => "source-gone",
            Self::Denied { .. } => "source-denied",
            Self::Decode { .. } => "source-decode",
            Self::NoKey { .. } => "source-no-key",
            Self::BadKey { .. } => "source-bad-key",
            Self::BadCursor { .. } => "source-bad-cursor",
            Self::UnknownTable { .. } => "source-unknown-table",
            Self::Behind { .. } => "source-behind",
            Self::Locked { .. } => "source-locked",
            Self::Changed { .. } => "source-changed",
            Self::UnknownSchema { .. } => "source-unknown-schema",
            Self::ClosedSchema { .. } => "source-denied",
            Self::Empty => "source-empty",
            Self::Unreadable { .. } => "source-unreadable",
            Self::Schema { .. } => "source-schema",
            Self::Unordered { .. } => "source-unordered",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connect { .. } => "is the server running, and are host and port right? Nothing was lost".to_owned(),
            Self::Refused { .. } => {
                "check user and password in `[source] url`, or `PGUSER` and `PGPASSWORD`".to_owned()
            }
            Self::UnknownDatabase { .. } => "check its name at the end of `[source] url`, or `PGDATABASE`".to_owned(),
            Self::Tls { hint, .. } => (*hint).to_owned(),
            Self::Url(_) => {
                "write `postgres://user@host/database`, `secret:<name>` or `dir:<folder>` into `[source] url`"
                    .to_owned()
            }
            Self::Secret(error) => return error.hint(),
            Self::Locked { name, .. } => format!(
                "who has it: SELECT pid, usename, state, query FROM pg_locks JOIN pg_stat_activity USING (pid) \
                 WHERE relation = {name}::regclass; run it again when that is done, or wait longer: \
                 `?options=-c%20lock_timeout%3D10min` in `[source] url`"
            ),
            Self::Changed { .. } => "run it again: it is then read as it is; nothing of it was committed".to_owned(),
            Self::UnknownSchema { .. } => "check `[source] schema`, and the database in `[source] url`".to_owned(),
            Self::ClosedSchema { name, .. } => format!("grant it: GRANT USAGE ON SCHEMA {name} TO <user>"),
            Self::Query { source, .. } if source.code() == Some(&SqlState::QUERY_CANCELED) => {
                "run it again; a longer time: `?options=-c%20statement_timeout%3D24h` in `[source] url`".to_owned()
            }
            Self::Query { .. } | Self::Gone { .. } => {
                "run it again: nothing of this table was committed, nothing is lost".to_owned()
            }
            Self::Denied { name, .. } => {
                format!("grant it: GRANT SELECT ON {name} TO <user>; or leave the table out: `[source] exclude`")
            }
            Self::NoKey { hint, .. } => hint.clone(),
            Self::BadKey { table, .. } => format!(
                "name other columns: `[tables.{}] key = [\"...\"]`; in a table they are to be NOT NULL; or leave it out: `[source] exclude`",
                crate::text::toml_key(table)
            ),
            Self::BadCursor { table, cursor: "last_updated", .. } => {
                format!(
                    "name columns that say when a row changed, `[tables.{0}] last_updated = [\"...\"]`; or read it as a whole, \
                     `[tables.{0}] cursor = \"full\"`, and without `--from` and `--to`",
                    crate::text::toml_key(table)
                )
            }
            Self::BadCursor { table, .. } => {
                format!("choose another: `[tables.{}] cursor = \"full\"`", crate::text::toml_key(table))
            }
            Self::UnknownTable { table, .. } => format!(
                "check the name; is it among those of `[source] exclude`? A view is read when it has a key and a cursor: \
                 `[tables.{}] key = [\"...\"]`, `cursor = \"full\"`",
                crate::text::toml_key(table)
            ),
            Self::Behind { .. } => "run it again when the replica has caught up, or read from the primary".to_owned(),
            Self::Empty => "is `[source] schema`, or the folder, right, and is not everything excluded?".to_owned(),
            Self::Unreadable { .. } => "check that it is there and can be read".to_owned(),
            Self::Schema { .. } => "mend it, or remove it: types are then inferred from the rows".to_owned(),
            Self::Decode { .. } | Self::Unordered { .. } => return None,
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Connect { .. }
            | Self::Behind { .. }
            | Self::Locked { .. }
            | Self::Changed { .. }
            | Self::Query { .. }
            | Self::Gone { .. } => Exit::Environment,
            Self::Secret(error) => error.exit(),
            _ => Exit::BadInput,
        }
    }
}
