//! A transaction in which all tables are read as they are at one moment.
#![allow(clippy::disallowed_types, reason = "Postgres lives here")]

use super::decode::RowDecoder;
use super::discover::{Catalog, PostgresTable};
use super::plan::{SnapshotPosition, columns_of, horizon_query, plan};
use super::{PostgresSource, literal};
use crate::packet::CursorPosition;
use crate::source::{Cursor, Plan, Request, RowBatch, Snapshot, SourceError, SourceTable, TableOptions};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use futures_util::{FutureExt, StreamExt, pin_mut};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// What is told the name of each snapshot, for others to import while it is open.
pub type SnapshotHook = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// About how many bytes of lines are sent at a time.
const BATCH_BYTES: usize = 512 * 1024;

/// The snapshot, and the database.
const POSITION: &str = "SELECT pg_current_snapshot()::text, oid FROM pg_database WHERE datname = current_database()";

/// When the oldest transaction began that is running, or now; whether one is prepared, of which nobody tells when it began; and
/// whether the user is told of others at all. Who cleans up or sends the log writes no rows.
const HORIZON: &str = "\
    SELECT least(statement_timestamp(), (SELECT min(xact_start) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid() \
          AND backend_type NOT IN ('autovacuum worker', 'walsender')))::text, \
      EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database()), \
      pg_has_role('pg_read_all_stats', 'USAGE') OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)";

/// Not every role may call this.
const SYSTEM: &str = "SELECT system_identifier::text FROM pg_control_system()";

/// What changes when the server is restarted, restored or promoted; and whether it is a replica.
const SERVER: &str = "\
    SELECT pg_postmaster_start_time()::text, pg_is_in_recovery(), \
      CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END";

/// A transaction: REPEATABLE READ, READ ONLY.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    /// The tables that are what they were when they were listed.
    tables: BTreeMap<String, PostgresTable>,
    /// Why others can't be read.
    failed: BTreeMap<String, SourceError>,
    options: BTreeMap<String, TableOptions>,
    now: SnapshotPosition,
    /// Since when all transactions that began before have ended, by the server's clock; `None` if that can't be told.
    settled: Option<String>,
}

impl Session {
    /// Takes a snapshot for the tables that were `listed`.
    pub(super) async fn open(
        source: &PostgresSource,
        listed: BTreeMap<String, PostgresTable>,
    ) -> Result<Self, SourceError> {
        let (address, options) = (&source.address, source.options.clone());
        let client = address.connect(&source.schema).await?;
        let failed = |source| SourceError::Query { action: "take a snapshot of", table: address.to_string(), source };
        // A failure within the transaction would end it, so this comes before.
        let system = match client.query_one(SYSTEM, &[]).await {
            Ok(row) => row.get::<_, String>(0),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let server = client.query_one(SERVER, &[]).await.map_err(failed)?;
        let (started, is_replica, timeline): (String, bool, String) = (server.get(0), server.get(1), server.get(2));
        // Before the snapshot: who has ended by then is seen by the snapshot, and who has not is told here.
        let horizon = client.query_one(HORIZON, &[]).await.map_err(failed)?;
        let (began, is_prepared, is_told_all): (String, bool, bool) = (horizon.get(0), horizon.get(1), horizon.get(2));
        // A replica knows neither who writes on its primary nor how far it is behind.
        let settled = (!is_prepared && !is_replica).then_some(began);
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await.map_err(failed)?;
        let mut failures = lock(&client, listed.values()).await.map_err(failed)?;
        let position = client.query_one(POSITION, &[]).await.map_err(failed)?;
        let (text, database): (String, u32) = (position.get(0), position.get(1));
        let is_moment_needed =
            options.values().any(|options| matches!(options.cursor, Some(Cursor::LastUpdated { .. })));
        if !is_told_all && is_moment_needed {
            tracing::warn!(
                "the user is no member of `pg_read_all_stats`: a cursor by `last_updated` can't see how long others have been \
                 writing, and loses what they commit late"
            );
        }
        let system = format!("{system} {timeline} {started} {database}");
        let now = SnapshotPosition::parse(&text, system, is_replica);
        let now = now.ok_or_else(|| SourceError::Decode {
            table: address.to_string(),
            column: "pg_current_snapshot".to_owned(),
            reason: format!("`{text}` is no snapshot"),
        })?;
        let catalog = Catalog::read(&client, &source.schema).await?;
        let mut found: BTreeMap<String, _> = catalog.tables(source).collect();
        let mut tables = BTreeMap::new();
        for (name, listed) in listed {
            if failures.contains_key(&name) {
                continue;
            }
            if let Some(Ok(table)) = found.remove(&name)
                && table == listed
            {
                tables.insert(name, table);
            } else {
                failures.insert(name.clone(), SourceError::Changed { table: name });
            }
        }
        Ok(Self { client, tables, failed: failures, options, now, settled })
    }

    /// Tells the name of the snapshot, and waits until it was used.
    pub(super) async fn export(&self, hook: &super::SnapshotHook) -> Result<(), SourceError> {
        let exported = self.client.query_one("SELECT pg_export_snapshot()", &[]).await;
        let exported = exported.map_err(|source| SourceError::Query {
            action: "export the snapshot of",
            table: self.now.text.clone(),
            source,
        })?;
        hook(exported.get(0)).await;
        Ok(())
    }

    fn table(&self, table: &SourceTable) -> Result<&PostgresTable, SourceError> {
        self.tables.get(&table.name).ok_or_else(|| SourceError::UnknownTable {
            table: table.name.clone(),
            known: crate::text::listed(self.tables.keys(), "none"),
        })
    }
}

#[async_trait]
impl Snapshot for Session {
    async fn plan(
        &mut self,
        table: &SourceTable,
        request: &Request,
        position: &CursorPosition,
        is_sorted: bool,
    ) -> Result<Plan, SourceError> {
        if let Some(error) = self.failed.remove(&table.name) {
            return Err(error);
        }
        let known = self.table(table)?;
        if (&known.table.columns, &known.table.key) != (&table.columns, &table.key) {
            return Err(SourceError::Changed { table: table.name.clone() });
        }
        let cursor = self.options.get(&table.name).and_then(|options| options.cursor.clone()).unwrap_or_default();
        if cursor == Cursor::Snapshot && !known.has_xmin {
            let reason = "its rows do not tell which transaction wrote them".to_owned();
            return Err(SourceError::BadCursor { table: table.name.clone(), cursor: "snapshot", reason });
        }
        let mut now = self.now.clone();
        if !known.can_lock {
            self.alone(known, self.hold(known)).await?;
        }
        if let (Cursor::LastUpdated { columns, .. }, Some(settled), Request::Changes | Request::Whole) =
            (&cursor, &self.settled, request)
        {
            let query = horizon_query(known, columns, &literal(settled))?;
            now.horizon = self.alone(known, self.moment(known, &query)).await?;
        }
        plan(known, &cursor, request, position, is_sorted, &now)
    }

    async fn read(&mut self, table: &SourceTable, plan: &Plan, rows: Sender<RowBatch>) -> Result<(), SourceError> {
        let known = self.table(table)?;
        self.alone(known, self.copy(known, plan, rows)).await
    }
}

impl Session {
    /// Does what belongs to one table: if it fails, it must not end the transaction of all.
    async fn alone<T>(
        &self,
        table: &PostgresTable,
        work: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let failed = |error| query_failed(table, error);
        self.client.batch_execute("SAVEPOINT one_table").await.map_err(failed)?;
        let done = work.await;
        let after = if done.is_ok() { "RELEASE one_table" } else { "ROLLBACK TO one_table" };
        let ended = self.client.batch_execute(after).await.map_err(failed);
        done.and_then(|done| ended.map(|()| done))
    }

    /// Keeps what can't be locked as it is: whoever has prepared a statement over it holds it until the transaction ends. It may
    /// have been made anew since the catalog was read, and is looked at once more.
    async fn hold(&self, table: &PostgresTable) -> Result<(), SourceError> {
        let query = format!("SELECT {} FROM {}", columns_of(table), table.from);
        let prepared = self.client.prepare(&query).await.map_err(|error| lock_failed(table, error))?;
        let sent = prepared.columns().iter().map(|column| column.type_().oid());
        match sent.eq(table.columns.iter().map(|column| column.sent)) {
            true => Ok(()),
            false => Err(SourceError::Changed { table: table.table.name.clone() }),
        }
    }

    async fn moment(&self, table: &PostgresTable, query: &str) -> Result<Option<NaiveDateTime>, SourceError> {
        let row = self.client.query_one(query, &[]).await.map_err(|error| query_failed(table, error))?;
        let moment: Option<std::time::SystemTime> = row.get(0);
        Ok(moment.map(|moment| DateTime::<Utc>::from(moment).naive_utc()))
    }

    async fn copy(&self, table: &PostgresTable, plan: &Plan, rows: Sender<RowBatch>) -> Result<(), SourceError> {
        let failed = |error| query_failed(table, error);
        let stream = self.client.copy_out(plan.query.as_str()).await.map_err(failed)?;
        pin_mut!(stream);
        let mut decoder = RowDecoder::new(table, plan.is_ordered);
        let mut batch = RowBatch::default();
        loop {
            // Rows that are there are taken without a detour.
            let message = match stream.next().now_or_never() {
                Some(message) => message,
                None => stream.next().await,
            };
            let Some(message) = message else { break };
            decoder.decode(&message.map_err(failed)?, &mut batch)?;
            if batch.lines.len() >= BATCH_BYTES {
                let room = Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 8);
                let next = RowBatch { lines: room, ..RowBatch::default() };
                if rows.send(std::mem::replace(&mut batch, next)).await.is_err() {
                    return Ok(());
                }
            }
        }
        decoder.end()?;
        if !batch.is_empty() {
            let _ = rows.send(batch).await;
        }
        Ok(())
    }
}

/// Keeps others from rewriting tables while they are read: a table that is truncated, or altered so that it is written anew, looks
/// empty to an older snapshot. This comes before the snapshot, and needs none itself. Tells those that can't be locked, and why:
/// they are not to be read.
async fn lock(
    client: &Client,
    tables: impl Iterator<Item = &PostgresTable>,
) -> Result<BTreeMap<String, SourceError>, tokio_postgres::Error> {
    let mut failures = BTreeMap::new();
    for table in tables.filter(|table| table.can_lock) {
        let statement = format!("SAVEPOINT one_lock; LOCK TABLE {} IN ACCESS SHARE MODE; RELEASE one_lock", table.from);
        if let Err(error) = client.batch_execute(&statement).await {
            client.batch_execute("ROLLBACK TO one_lock").await?;
            failures.insert(table.table.name.clone(), lock_failed(table, error));
        }
    }
    Ok(failures)
}

fn lock_failed(known: &PostgresTable, error: tokio_postgres::Error) -> SourceError {
    const OTHERS: [SqlState; 4] = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INVALID_SCHEMA_NAME,
        SqlState::WRONG_OBJECT_TYPE,
    ];
    match error.code() {
        // It was dropped, or something else has its name now.
        Some(code) if OTHERS.contains(code) => SourceError::Changed { table: known.table.name.clone() },
        _ => query_failed(known, error),
    }
}

fn query_failed(known: &PostgresTable, error: tokio_postgres::Error) -> SourceError {
    let table = known.table.name.clone();
    let name = || known.from.trim_start_matches("ONLY ").to_owned();
    match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            let reason = error.as_db_error().map_or_else(String::new, |error| error.message().to_owned());
            SourceError::Denied { table, name: name(), reason }
        }
        Some(&SqlState::LOCK_NOT_AVAILABLE) => SourceError::Locked { table, name: literal(&name()) },
        Some(&SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN) | None => {
            SourceError::Gone { table, source: error }
        }
        Some(_) => SourceError::Query { action: "read", table, source: error },
    }
}
