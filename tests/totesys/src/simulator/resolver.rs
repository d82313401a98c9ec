//! The end of prepared transactions, on another connection than the one that prepared them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::played::Tally;
use super::session::{Failure, Session};
use super::{Gate, Shared};

/// How long it waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(50);
/// How often the leftovers are tried to be resolved, once a [`RECONNECT`]: enough for a server that restarts.
const LEFTOVER_TRIES: usize = 200;

/// A transaction that was prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) name: String,
    pub(super) tally: Tally,
    pub(super) is_commit: bool,
    pub(super) due: Instant,
    /// Held until it is resolved: a pause waits for that.
    pub(super) _gate: Option<Gate>,
    /// Its place among those that may be prepared at a time.
    pub(super) _place: OwnedSemaphorePermit,
}

/// Ends each transaction when it is due, and all at once when the writers are gone.
pub(super) async fn resolve_prepared(shared: Arc<Shared>, mut received: mpsc::UnboundedReceiver<Prepared>) {
    let mut waiting: Vec<Prepared> = Vec::new();
    let mut session = None;
    let mut is_closing = false;
    while !(is_closing && waiting.is_empty()) {
        let next = waiting.iter().map(|prepared| prepared.due).min();
        tokio::select! {
            prepared = received.recv(), if !is_closing => match prepared {
                Some(prepared) => {
                    waiting.push(prepared);
                    continue;
                }
                None => is_closing = true,
            },
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
        }
        let now = Instant::now();
        let (due, later) = waiting.into_iter().partition(|prepared| is_closing || prepared.due <= now);
        waiting = later;
        let mut due: Vec<Prepared> = due;
        while let Some(prepared) = due.pop() {
            match resolve(&shared, &mut session, &prepared).await {
                Ok(()) => {}
                // What is left then is rolled back after the writers' end, if the server comes back.
                Err(_) if is_closing => return,
                Err(_) => {
                    session = None;
                    shared.sleep(RECONNECT).await;
                    waiting.push(prepared);
                    waiting.append(&mut due);
                }
            }
        }
    }
}

/// Ends one transaction and counts it.
///
/// # Errors
/// If the server can't be reached; it can be tried again then.
async fn resolve(shared: &Shared, session: &mut Option<Session>, prepared: &Prepared) -> Result<(), Error> {
    let connected = match session.take() {
        Some(session) => session,
        None => Session::connect(&shared.config).await?,
    };
    let verb = if prepared.is_commit { "COMMIT" } else { "ROLLBACK" };
    let sql = format!("{verb} PREPARED '{}'", prepared.name);
    match connected.client.batch_execute(&sql).await {
        // Nobody else resolves it: if it is gone, then an earlier try did it and lost its answer.
        Err(error) if error.code() != Some(&SqlState::UNDEFINED_OBJECT) => {
            if Failure::of(&error) != Failure::Unexpected {
                return Err(error);
            }
            shared.counters.count_unexpected(|| format!("`{sql}`: {error:?}"));
        }
        _ if prepared.is_commit => {
            shared.counters.count_committed(prepared.tally, |transactions| transactions.prepared_committed += 1);
        }
        _ => shared.counters.count(|transactions| transactions.prepared_rolled_back += 1),
    }
    *session = Some(connected);
    Ok(())
}

/// Rolls back what the simulation has prepared and not resolved, because a connection broke off in between.
///
/// # Errors
/// If the server can't be reached for some seconds.
pub(super) async fn roll_back_leftovers(shared: &Shared) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match try_roll_back_leftovers(shared).await {
            Err(error) if tries < LEFTOVER_TRIES && Failure::of(&error) != Failure::Unexpected => {
                tries += 1;
                tokio::time::sleep(RECONNECT).await;
            }
            outcome => return outcome,
        }
    }
}

async fn try_roll_back_leftovers(shared: &Shared) -> Result<(), Error> {
    let session = Session::connect(&shared.config).await?;
    let names = "SELECT gid FROM pg_prepared_xacts WHERE starts_with(gid, $1) AND database = current_database()";
    for row in session.client.query(names, &[&shared.prefix]).await? {
        let name: &str = row.get(0);
        session.client.batch_execute(&format!("ROLLBACK PREPARED '{name}'")).await?;
        shared.counters.count(|transactions| transactions.prepared_rolled_back += 1);
    }
    Ok(())
}
