//! A writer: one transaction after the other, each of drawn shape, content and ending.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_postgres::Error;

use super::orders::{self, Deleted, Kind};
use super::plan::{Ending, Plan, Shape, Work};
use super::played::{Tally, Versions};
use super::resolver::Prepared;
use super::session::{Failure, Session};
use super::work::{self, Edited};
use super::{Gate, Shared};
use crate::random::Random;

/// The purpose of a writer's random numbers, beside the tables'.
const PURPOSE: u64 = 64;
/// How long a writer waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(50);
/// The most orders in one statement.
const ORDERS_MAX: u64 = 20;
/// How many deleted orders a writer remembers, to put them back.
const DELETED_MAX: usize = 32;

/// Writes until the simulation is over.
pub(super) async fn write_transactions(shared: Arc<Shared>, number: u64, prepared: mpsc::UnboundedSender<Prepared>) {
    let mut writer = Writer {
        random: Random::of(shared.options.seed, PURPOSE, number),
        number,
        names: 0,
        edited: None,
        is_ending: false,
        deleted: VecDeque::new(),
        prepared,
        shared: Arc::clone(&shared),
    };
    let mut session = None;
    while !shared.is_over() {
        let mut gate = Some(Arc::clone(&shared.gate).read_owned().await);
        if session.is_none() {
            session = Session::connect(&shared.config).await.ok();
        }
        let Some(connected) = &mut session else {
            drop(gate);
            shared.sleep(RECONNECT).await;
            continue;
        };
        if let Err(error) = writer.transaction(connected, &mut gate).await {
            let failure = writer.count_failure(&error);
            if failure == Failure::Lost || connected.client.batch_execute("ROLLBACK").await.is_err() {
                session = None;
            }
            drop(gate);
            if failure == Failure::Unexpected {
                // No busy loop, should nothing be possible.
                shared.sleep(RECONNECT).await;
            }
        }
        shared.sleep(shared.options.rest).await;
    }
}

struct Writer {
    shared: Arc<Shared>,
    number: u64,
    random: Random,
    /// How many prepared transactions were named.
    names: u64,
    /// What was edited last.
    edited: Option<Edited>,
    /// Whether the transaction's last statement was sent: if its answer is lost, nobody knows.
    is_ending: bool,
    /// Orders whose deletion is committed.
    deleted: VecDeque<Deleted>,
    prepared: mpsc::UnboundedSender<Prepared>,
}

/// What a transaction did so far.
#[derive(Debug, Clone, Default)]
struct Open {
    tally: Tally,
    deleted: Vec<Deleted>,
}

impl Open {
    fn add(&mut self, versions: Versions) {
        self.tally.versions.add(versions);
    }
}

impl Writer {
    /// Plays one transaction; takes the gate with it if it stays prepared.
    async fn transaction(&mut self, session: &mut Session, gate: &mut Option<Gate>) -> Result<(), Error> {
        let plan = Plan::draw(&mut self.random);
        self.is_ending = false;
        session.client.batch_execute(plan.begin).await?;
        let mut open = Open::default();
        match plan.shape {
            Shape::Plain(works) => {
                for _ in 0..works {
                    self.work(session, &mut open).await?;
                }
            }
            Shape::Savepoints(count) => self.savepoints(session, &mut open, count, false).await?,
            Shape::ManySavepoints(count) => self.savepoints(session, &mut open, count, true).await?,
        }
        self.end(session, open, plan.ending, gate).await
    }

    /// Works in nested subtransactions, of which some are rolled back, some are released and some stay open.
    async fn savepoints(
        &mut self,
        session: &mut Session,
        open: &mut Open,
        count: u64,
        is_small: bool,
    ) -> Result<(), Error> {
        // What to go back to, for each savepoint that is open.
        let mut outer: Vec<Open> = Vec::new();
        for _ in 0..count {
            session.client.batch_execute(&format!("SAVEPOINT s{}", outer.len())).await?;
            outer.push(open.clone());
            open.tally.savepoints += 1;
            if is_small {
                self.small_work(session, open).await?
            } else {
                self.work(session, open).await?
            }
            match self.random.below(10) {
                0 => self.roll_back_to(session, open, &mut outer).await?,
                1..4 => {
                    outer.pop();
                    session.client.batch_execute(&format!("RELEASE s{}", outer.len())).await?;
                }
                _ => {}
            }
        }
        if self.random.below(4) == 0 && !is_small {
            let level = self.random.below(outer.len() as u64) as usize;
            outer.truncate(level + 1);
            self.roll_back_to(session, open, &mut outer).await?;
        }
        Ok(())
    }

    /// Rolls back to the innermost savepoint and forgets it.
    async fn roll_back_to(&self, session: &Session, open: &mut Open, outer: &mut Vec<Open>) -> Result<(), Error> {
        let Some(before) = outer.pop() else { return Ok(()) };
        let savepoints = open.tally.savepoints;
        *open = before;
        // They were there, whatever became of them.
        open.tally.savepoints = savepoints;
        let level = outer.len();
        session.client.batch_execute(&format!("ROLLBACK TO s{level}; RELEASE s{level}")).await
    }

    async fn work(&mut self, session: &mut Session, open: &mut Open) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let versions = match Work::draw(&mut self.random) {
            Work::NewOrders => {
                let count = self.random.between(1, ORDERS_MAX);
                orders::insert(session, &shared, &mut self.random, count).await?
            }
            Work::FlipPayments => work::flip_payments(session, &shared, &mut self.random).await?,
            Work::EditSilently => return self.edit_silently(session, open).await,
            Work::EditVisibly => work::edit_visibly(session, &shared, &mut self.random).await?,
            Work::ChangeKey => work::change_key(session, &shared, &mut self.random).await?,
            Work::Delete => {
                let (versions, deleted) = self.delete(session).await?;
                open.deleted.extend(deleted);
                versions
            }
            Work::DeleteAndPutBack => {
                let (versions, deleted) = self.delete(session).await?;
                open.add(versions);
                match deleted {
                    Some(deleted) => orders::put_back(session, &mut self.random, &deleted).await?,
                    None => Versions::default(),
                }
            }
            Work::PutBack => match self.deleted.pop_front() {
                Some(deleted) => orders::put_back(session, &mut self.random, &deleted).await?,
                None => Versions::default(),
            },
            Work::DeleteFromUnderTransaction => {
                let kind = Kind::pick(&mut self.random);
                let id = shared.keys.pick(kind.table(), &mut self.random);
                orders::delete_from_under_transaction(session, kind, id).await?
            }
        };
        open.add(versions);
        Ok(())
    }

    /// Work that is done in a moment, for a subtransaction among many.
    async fn small_work(&mut self, session: &mut Session, open: &mut Open) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let versions = match self.random.below(4) {
            0 => orders::insert(session, &shared, &mut self.random, 1).await?,
            _ => {
                let edited = Edited::pick(&shared, &mut self.random, 1);
                work::edit_silently(session, &shared, &mut self.random, &edited).await?
            }
        };
        open.add(versions);
        Ok(())
    }

    /// Edits rows once or several times; one time in five, the rows that were edited last.
    async fn edit_silently(&mut self, session: &mut Session, open: &mut Open) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let again = if self.random.below(5) == 0 { self.edited.take() } else { None };
        let edited = again.unwrap_or_else(|| Edited::pick(&shared, &mut self.random, u64::MAX));
        let times = if self.random.below(5) == 0 { self.random.between(2, 3) } else { 1 };
        for _ in 0..times {
            open.add(work::edit_silently(session, &shared, &mut self.random, &edited).await?);
        }
        self.edited = Some(edited);
        Ok(())
    }

    async fn delete(&mut self, session: &mut Session) -> Result<(Versions, Option<Deleted>), Error> {
        let kind = Kind::pick(&mut self.random);
        let id = self.shared.keys.pick(kind.table(), &mut self.random);
        orders::delete(session, kind, id).await
    }

    async fn end(
        &mut self,
        session: &mut Session,
        open: Open,
        ending: Ending,
        gate: &mut Option<Gate>,
    ) -> Result<(), Error> {
        match ending {
            Ending::Rollback => {
                session.client.batch_execute("ROLLBACK").await?;
                self.shared.counters.count(|transactions| transactions.rolled_back += 1);
                Ok(())
            }
            Ending::Prepare { is_commit, stays } => match Arc::clone(&self.shared.prepared).try_acquire_owned() {
                Ok(place) => {
                    let name = self.prepare(session).await?;
                    let (tally, due) = (open.tally, Instant::now() + stays);
                    let prepared = Prepared { name, tally, is_commit, due, _gate: gate.take(), _place: place };
                    // The resolver stays until all writers are gone, unless the simulation is broken off.
                    let _ = self.prepared.send(prepared);
                    Ok(())
                }
                // As many are prepared as may be.
                Err(_) => self.commit(session, open, false).await,
            },
            Ending::Commit => self.commit(session, open, false).await,
            Ending::LateCommit(held) => {
                self.shared.sleep(held).await;
                self.commit(session, open, true).await
            }
        }
    }

    async fn commit(&mut self, session: &mut Session, open: Open, is_late: bool) -> Result<(), Error> {
        self.is_ending = true;
        session.client.batch_execute("COMMIT").await?;
        self.shared.counters.count_committed(open.tally, |transactions| {
            transactions.committed += 1;
            transactions.late += u64::from(is_late);
        });
        self.deleted.extend(open.deleted);
        while self.deleted.len() > DELETED_MAX {
            self.deleted.pop_front();
        }
        Ok(())
    }

    /// Prepares the transaction under a name that no other has.
    async fn prepare(&mut self, session: &mut Session) -> Result<String, Error> {
        let name = format!("{}{}-{}", self.shared.prefix, self.number, self.names);
        self.names += 1;
        self.is_ending = true;
        session.client.batch_execute(&format!("PREPARE TRANSACTION '{name}'")).await?;
        Ok(name)
    }

    fn count_failure(&self, error: &Error) -> Failure {
        let failure = Failure::of(error);
        let counters = &self.shared.counters;
        match failure {
            Failure::Conflict => counters.count(|transactions| transactions.conflicts += 1),
            Failure::Lost if self.is_ending => counters.count(|transactions| transactions.unknown += 1),
            Failure::Lost => counters.count(|transactions| transactions.lost += 1),
            Failure::Unexpected => counters.count_unexpected(|| format!("{error:?}")),
        }
        failure
    }
}
