//! The transaction counter of a server, moved by hand.
//!
//! PostgreSQL compares transaction ids in 32 bits, modulo 2^32: what lies more than 2^31 behind would count as the
//! future. So the counter goes in hops, and all rows are frozen between them.

use std::fs::File;

use super::programs;
use super::{Server, ServerError};

/// The ids that PostgreSQL keeps for itself.
const RESERVED_IDS: u64 = 3;
/// From one half of all ids PostgreSQL counts as the future; it refuses to write some millions before.
const HOP_MAX: u64 = 1_500_000_000;
/// A hop after which nothing has to be frozen: autovacuum leaves rows alone up to 200,000,000.
const LAST_HOP_MAX: u64 = 50_000_000;
/// Where the hop before the last lands before the goal: more than freezing uses up.
const BEFORE_GOAL: u64 = 100_000;
/// `pg_xact` holds two bits a transaction, in files of 32 pages of 8 KiB.
const FILE_BYTES: u64 = 32 * 8_192;
const FILE_IDS: u64 = FILE_BYTES * 4;

/// Stops the server and starts it with `next` as the id of the next transaction that writes.
pub(super) fn reset(server: &mut Server, next: u64) -> Result<(), ServerError> {
    let refused = |reason: &str| ServerError::TransactionIds { next, reason: reason.to_owned() };
    if next < RESERVED_IDS {
        return Err(refused("the first ids are PostgreSQL's own"));
    }
    if next > u64::from(u32::MAX) << 32 {
        return Err(refused("the counter has 64 bits, and some room has to be left"));
    }
    // The first ids of each 2^32 are skipped by PostgreSQL too.
    let next = next.max(next >> 32 << 32 | RESERVED_IDS);
    if server.execute("postgres", "SELECT count(*) FROM pg_prepared_xacts")? != "0" {
        return Err(refused("there are prepared transactions"));
    }
    loop {
        let ahead = ids_ahead(read_number(server, "SELECT pg_snapshot_xmax(pg_current_snapshot())")?, next);
        if ahead <= LAST_HOP_MAX {
            break;
        }
        let hop = (ahead - BEFORE_GOAL).min(HOP_MAX);
        // The epoch is the goal's from the first hop on, but for those that lie before its start.
        hop_to(server, next - (ahead - hop).min(next - RESERVED_IDS))?;
        server.start_with(&[("autovacuum", "off")])?;
        freeze(server)?;
    }
    hop_to(server, next)?;
    server.start_again()?;
    let got = read_number(server, "SELECT pg_current_xact_id()")?;
    // Autovacuum may have been quicker, by a few.
    if (next..next + BEFORE_GOAL).contains(&got) { Ok(()) } else { Err(refused(&format!("the server gave `{got}`"))) }
}

/// How far `next` lies ahead of `current` in 32 bits.
fn ids_ahead(current: u64, next: u64) -> u64 {
    u64::from((next as u32).wrapping_sub(current as u32))
}

/// Stops the server and moves its counter.
fn hop_to(server: &mut Server, next: u64) -> Result<(), ServerError> {
    server.stop()?;
    let (epoch, id) = (next >> 32, (next & u64::from(u32::MAX)).max(RESERVED_IDS));
    // The server looks up the page of its next transaction when it starts, and makes pages only when it gets to them.
    let path = server.data().join("pg_xact").join(format!("{:04X}", id / FILE_IDS));
    let files = |source| ServerError::Files { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(files)?;
    if file.metadata().map_err(files)?.len() < FILE_BYTES {
        file.set_len(FILE_BYTES).map_err(files)?;
    }
    server.programs.give(&path)?;
    let mut resetwal = server.programs.server("pg_resetwal");
    resetwal
        .arg(format!("--next-transaction-id={id}"))
        .arg(format!("--epoch={epoch}"))
        .arg("--pgdata")
        .arg(server.data());
    programs::run(resetwal).map(drop)
}

/// Freezes the rows of all databases, also of the one that nobody can connect to.
fn freeze(server: &Server) -> Result<(), ServerError> {
    let databases = server.execute("postgres", "SELECT datname FROM pg_database WHERE datallowconn")?;
    let allow = |is_allowed: bool| {
        server.execute("postgres", &format!("ALTER DATABASE template0 ALLOW_CONNECTIONS {is_allowed}"))
    };
    allow(true)?;
    for database in databases.lines().chain(["template0"]) {
        server.execute(database, "VACUUM (FREEZE)")?;
    }
    allow(false).map(drop)
}

fn read_number(server: &Server, sql: &str) -> Result<u64, ServerError> {
    let number = server.execute("postgres", sql)?;
    number.parse().map_err(|_| ServerError::Failed { program: "psql".to_owned(), output: number })
}
