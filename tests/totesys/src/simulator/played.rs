//! What was played: counted when Postgres has confirmed it, not before.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Row versions that were committed. What foreign keys changed in other rows is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Versions {
    /// New rows, those that were put back included.
    pub inserted: u64,
    /// Rows that changed together with their `last_updated`, or that got another key.
    pub updated: u64,
    /// Rows that changed while their `last_updated` stayed.
    pub silently_edited: u64,
    /// Payments that turned paid, many in one statement and millisecond.
    pub flipped: u64,
    /// Rows that are gone.
    pub deleted: u64,
    /// Of the inserted: rows that came back under the key of a deleted one.
    pub reinserted: u64,
    /// Of the updated: rows whose primary key changed.
    pub keys_changed: u64,
}

impl Versions {
    /// All of them, deletions included.
    pub fn total(&self) -> u64 {
        self.inserted + self.updated + self.silently_edited + self.flipped + self.deleted
    }

    pub(super) fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.silently_edited += other.silently_edited;
        self.flipped += other.flipped;
        self.deleted += other.deleted;
        self.reinserted += other.reinserted;
        self.keys_changed += other.keys_changed;
    }
}

/// Transactions by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transactions {
    /// Committed in one go.
    pub committed: u64,
    /// Of the committed: held open for 50 ms to 5 s after their last write.
    pub late: u64,
    /// Of the committed and the prepared that were committed: with savepoints.
    pub with_savepoints: u64,
    /// Of those with savepoints: with more than 64, which is more than Postgres keeps in a snapshot.
    pub with_many_savepoints: u64,
    /// Rolled back on purpose.
    pub rolled_back: u64,
    /// Prepared, and committed on another connection.
    pub prepared_committed: u64,
    /// Prepared, and rolled back on another connection.
    pub prepared_rolled_back: u64,
    /// Rolled back because of what another writer did: a lock, a deadlock, a key, a serialization.
    pub conflicts: u64,
    /// Broken off with their connection, before the commit.
    pub lost: u64,
    /// Broken off in the commit: committed or not, and not counted elsewhere.
    pub unknown: u64,
    /// Refused by Postgres for any other reason.
    pub unexpected: u64,
}

/// What a simulation has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Played {
    /// Row versions that were committed.
    pub versions: Versions,
    /// Transactions by how they ended.
    pub transactions: Transactions,
}

/// What one transaction will have done once it is committed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) versions: Versions,
    pub(super) savepoints: u64,
}

/// From so many subtransactions on, a snapshot does not hold them all.
const MANY_SAVEPOINTS: u64 = 65;

/// Counts of all writers.
#[derive(Debug, Default)]
pub(super) struct Counters {
    played: Mutex<Played>,
    first_unexpected: Mutex<Option<String>>,
}

impl Counters {
    pub(super) fn played(&self) -> Played {
        *self.lock()
    }

    /// Counts a transaction that has no versions.
    pub(super) fn count(&self, count: impl FnOnce(&mut Transactions)) {
        count(&mut self.lock().transactions);
    }

    /// Counts a transaction that was committed, by what `count` says and with its versions.
    pub(super) fn count_committed(&self, tally: Tally, count: impl FnOnce(&mut Transactions)) {
        let mut played = self.lock();
        count(&mut played.transactions);
        played.transactions.with_savepoints += u64::from(tally.savepoints > 0);
        played.transactions.with_many_savepoints += u64::from(tally.savepoints >= MANY_SAVEPOINTS);
        played.versions.add(tally.versions);
    }

    pub(super) fn count_unexpected(&self, message: impl FnOnce() -> String) {
        self.count(|transactions| transactions.unexpected += 1);
        self.first_unexpected.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(message);
    }

    pub(super) fn first_unexpected(&self) -> Option<String> {
        self.first_unexpected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
