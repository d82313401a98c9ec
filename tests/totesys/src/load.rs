//! A made-up database in a real one: rows go from a [`Generator`] through `COPY` to Postgres, in constant memory.
//!
//! ```text
//! thread of the generator ──► some chunks of 64 KiB ──► COPY ... FROM STDIN
//! ```

use std::error::Error;
use std::fmt;
use std::io::{self, Cursor, Write};
use std::pin::pin;

use futures_util::SinkExt;
use tokio::sync::mpsc;
use tokio_postgres::Client;

use crate::ddl;
use crate::generator::Generator;
use crate::line::Style;
use crate::schema::Table;

/// How many chunks may wait for Postgres.
const CHUNKS_MAX: usize = 8;

/// What [`load`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// How many rows each table got, in the order in which they were loaded.
    pub rows: Vec<(Table, u64)>,
}

/// Why a database can't be loaded; nothing of it is left then.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// Postgres refused, for example because there is such a table already.
    Postgres {
        /// The table, if it was about one's rows.
        table: Option<Table>,
        /// What Postgres says.
        source: tokio_postgres::Error,
    },
    /// The rows of a table could not be made.
    Rows {
        /// The table.
        table: Table,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { table: Some(table), .. } => write!(formatter, "Postgres does not take `{}`", table.name()),
            Self::Postgres { table: None, .. } => write!(formatter, "Postgres does not take the schema"),
            Self::Rows { table, .. } => write!(formatter, "the rows of `{}` can't be made", table.name()),
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Postgres { source, .. } => Some(source),
            Self::Rows { source, .. } => Some(source),
        }
    }
}

impl From<tokio_postgres::Error> for LoadError {
    fn from(source: tokio_postgres::Error) -> Self {
        Self::Postgres { table: None, source }
    }
}

/// Makes the schema in an empty database and loads all tables, in one transaction, then analyzes them.
///
/// The next ids that the sequences give follow those of the rows.
///
/// # Errors
/// If Postgres refuses; then the database is as it was.
pub async fn load(client: &Client, generator: &Generator) -> Result<Loaded, LoadError> {
    load_all(client, generator, &Table::ALL, true).await
}

/// Makes and loads only some tables, with their keys but without any foreign keys and without Prisma's table.
///
/// # Errors
/// If Postgres refuses; then the database is as it was.
pub async fn load_tables(client: &Client, generator: &Generator, tables: &[Table]) -> Result<Loaded, LoadError> {
    load_all(client, generator, tables, false).await
}

async fn load_all(
    client: &Client,
    generator: &Generator,
    tables: &[Table],
    is_whole: bool,
) -> Result<Loaded, LoadError> {
    client.batch_execute("BEGIN").await?;
    let loaded = match fill(client, generator, tables, is_whole).await {
        Ok(loaded) => client.batch_execute("COMMIT").await.map(|()| loaded).map_err(LoadError::from),
        Err(error) => Err(error),
    };
    if loaded.is_err() {
        // What failed first is what to tell; a lost connection rolls back by itself.
        let _ = client.batch_execute("ROLLBACK").await;
    }
    let loaded = loaded?;
    for (table, _) in &loaded.rows {
        client.batch_execute(&format!("ANALYZE \"{}\"", table.name())).await?;
    }
    Ok(loaded)
}

async fn fill(client: &Client, generator: &Generator, tables: &[Table], is_whole: bool) -> Result<Loaded, LoadError> {
    client.batch_execute(&ddl::types_sql()).await?;
    client.batch_execute(&ddl::tables_sql(tables)).await?;
    let mut loaded = Loaded { rows: Vec::new() };
    for &table in tables {
        loaded.rows.push((table, copy_table(client, generator, table).await?));
        client.batch_execute(&sequence_sql(table)).await?;
    }
    client.batch_execute(&ddl::keys_sql(tables)).await?;
    if is_whole {
        client.batch_execute(&ddl::foreign_keys_sql(tables)).await?;
        client.batch_execute(&ddl::migrations_sql()).await?;
    }
    Ok(loaded)
}

async fn copy_table(client: &Client, generator: &Generator, table: Table) -> Result<u64, LoadError> {
    let refused = |source| LoadError::Postgres { table: Some(table), source };
    let (chunks, mut received) = mpsc::channel::<Vec<u8>>(CHUNKS_MAX);
    let generator = generator.with_style(Style::Copy);
    let making = tokio::task::spawn_blocking(move || generator.write_table(table, ChunkSender(chunks)));
    let sink = client.copy_in(&format!("COPY \"{}\" FROM STDIN", table.name())).await.map_err(refused)?;
    let mut sink = pin!(sink);
    while let Some(chunk) = received.recv().await {
        sink.feed(Cursor::new(chunk)).await.map_err(refused)?;
    }
    // Before the copy ends: half a table must not count as a whole one.
    let made = making.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    made.map_err(|source| LoadError::Rows { table, source })?;
    sink.finish().await.map_err(refused)
}

/// Hands the generator's writes on to another thread.
struct ChunkSender(mpsc::Sender<Vec<u8>>);

impl Write for ChunkSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets a table's sequence go on behind the largest key, or start at 1 in an empty table.
fn sequence_sql(table: Table) -> String {
    let (name, key) = (table.name(), table.columns()[0].name);
    format!(
        "SELECT setval('{name}_{key}_seq', coalesce(max(\"{key}\"), 1), max(\"{key}\") IS NOT NULL) FROM \"{name}\""
    )
}
