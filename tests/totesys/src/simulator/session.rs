//! A connection of a writer, and what writers know of time and keys.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};

use crate::random::Random;
use crate::schema::Table;

/// How long a writer waits for another's lock, far shorter than the longest transaction: so that a few slow ones do not
/// hold up everyone.
const OPTIONS: &str = "-c lock_timeout=200ms";
const CONNECT_SECONDS_MAX: u64 = 5;

/// Adds what connections of a simulation have in common.
pub(super) fn configure(config: &mut Config) {
    config.application_name("totesys simulator");
    config.options(OPTIONS);
    config.connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX));
}

/// A connection and what it has prepared.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Session {
    pub(super) async fn connect(config: &Config) -> Result<Self, Error> {
        let (client, connection) = config.connect(NoTls).await?;
        // It ends with the client, and the client tells what went wrong.
        tokio::spawn(connection);
        Ok(Self { client, statements: HashMap::new() })
    }

    /// Runs a statement, prepared at its first use, and gives its rows.
    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, parameters).await
    }

    /// Runs a statement, prepared at its first use, and tells how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let statement = self.statement(sql).await?;
        self.client.execute(&statement, parameters).await
    }

    async fn statement(&mut self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// What an error means to a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Other writers were in the way: roll back and go on.
    Conflict,
    /// The connection is gone, or the server takes none: connect again.
    Lost,
    /// Anything else.
    Unexpected,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let Some(code) = error.code() else {
            let is_io = error.source().is_some_and(|source| source.is::<std::io::Error>());
            return if error.is_closed() || is_io { Self::Lost } else { Self::Unexpected };
        };
        match code.code() {
            // A foreign or unique key, a lock that was not to be had, and all that makes a transaction roll back.
            "23503" | "23505" | "55P03" => Self::Conflict,
            code if code.starts_with("40") => Self::Conflict,
            // Too many connections, shutdowns, starts.
            "53300" => Self::Lost,
            code if code.starts_with("57P") || code.starts_with("08") => Self::Lost,
            _ => Self::Unexpected,
        }
    }
}

/// The application's clock: the server's at the start, then on its own, in milliseconds.
#[derive(Debug)]
pub(super) struct Clock {
    at_start: SystemTime,
    start: Instant,
}

impl Clock {
    pub(super) async fn read(session: &Session) -> Result<Self, Error> {
        let row = session.client.query_one("SELECT clock_timestamp() AT TIME ZONE 'UTC'", &[]).await?;
        Ok(Self { at_start: row.get(0), start: Instant::now() })
    }

    pub(super) fn now(&self) -> SystemTime {
        let since_epoch = self.at_start.duration_since(UNIX_EPOCH).unwrap_or_default() + self.start.elapsed();
        UNIX_EPOCH + Duration::from_millis(since_epoch.as_millis() as u64)
    }

    /// The start in milliseconds since 1970.
    pub(super) fn start_ms(&self) -> u128 {
        self.at_start.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
    }
}

/// The largest key of each table that was ever heard of. Smaller ones may be missing.
#[derive(Debug)]
pub(super) struct Keys([AtomicI32; Table::ALL.len()]);

impl Keys {
    pub(super) async fn read(session: &Session) -> Result<Self, Error> {
        let keys = Self(Default::default());
        for table in Table::ALL {
            let sql = format!("SELECT max(\"{}\") FROM \"{}\"", table.columns()[0].name, table.name());
            keys.heard_of(table, session.client.query_one(&sql, &[]).await?.get(0));
        }
        Ok(keys)
    }

    pub(super) fn heard_of(&self, table: Table, key: Option<i32>) {
        self.0[table as usize].fetch_max(key.unwrap_or_default(), Ordering::Relaxed);
    }

    pub(super) fn max(&self, table: Table) -> i32 {
        self.0[table as usize].load(Ordering::Relaxed)
    }

    /// Any key, or 0 in an empty table.
    pub(super) fn pick(&self, table: Table, random: &mut Random) -> i32 {
        match self.max(table) {
            0 => 0,
            max => 1 + random.below(max as u64) as i32,
        }
    }
}
