//! What a transaction is to be: drawn by weight, before anything is done.

use std::time::Duration;

use crate::random::Random;

/// How long a late commit lets wait, mostly and one time in [`VERY_LATE_ONE_IN`].
const LATE_MS: (u64, u64) = (50, 2_000);
const VERY_LATE_MS: (u64, u64) = (2_000, 5_000);
const VERY_LATE_ONE_IN: u64 = 20;
/// How long a prepared transaction stays.
const PREPARED_MS: (u64, u64) = (10, 500);
/// A transaction without savepoints does so much work.
const WORKS_MAX: u64 = 3;
const FEW_SAVEPOINTS: (u64, u64) = (1, 8);
/// More savepoints than Postgres keeps in a snapshot.
const MANY_SAVEPOINTS: (u64, u64) = (66, 90);

/// How a transaction begins, what it is made of and how it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// The statement that begins it.
    pub(super) begin: &'static str,
    pub(super) shape: Shape,
    pub(super) ending: Ending,
}

/// How a transaction is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// So many pieces of work.
    Plain(u64),
    /// So many savepoints, each with a piece of work behind it.
    Savepoints(u64),
    /// The same, with work that takes a moment only.
    ManySavepoints(u64),
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    Commit,
    /// After so long without doing anything.
    LateCommit(Duration),
    Rollback,
    /// Prepared, and committed or rolled back after so long.
    Prepare {
        is_commit: bool,
        stays: Duration,
    },
}

/// A piece of work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    NewOrders,
    FlipPayments,
    EditSilently,
    EditVisibly,
    Delete,
    DeleteAndPutBack,
    PutBack,
    DeleteFromUnderTransaction,
    ChangeKey,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self { begin: draw_begin(random), shape: Shape::draw(random), ending: Ending::draw(random) }
    }
}

fn draw_begin(random: &mut Random) -> &'static str {
    match random.below(100) {
        0..85 => "BEGIN",
        85..97 => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        _ => "BEGIN ISOLATION LEVEL SERIALIZABLE",
    }
}

impl Shape {
    fn draw(random: &mut Random) -> Self {
        match random.below(100) {
            0..85 => Self::Plain(random.between(1, WORKS_MAX)),
            85..98 => Self::Savepoints(random.between(FEW_SAVEPOINTS.0, FEW_SAVEPOINTS.1)),
            _ => Self::ManySavepoints(random.between(MANY_SAVEPOINTS.0, MANY_SAVEPOINTS.1)),
        }
    }
}

impl Ending {
    fn draw(random: &mut Random) -> Self {
        // A late commit takes a hundred times as long as another, so that few of them are much of a writer's time.
        match random.below(1_000) {
            0..860 => Self::Commit,
            860..875 if random.below(VERY_LATE_ONE_IN) == 0 => Self::LateCommit(draw_ms(random, VERY_LATE_MS)),
            860..875 => Self::LateCommit(draw_ms(random, LATE_MS)),
            875..955 => Self::Rollback,
            number => Self::Prepare { is_commit: number < 985, stays: draw_ms(random, PREPARED_MS) },
        }
    }
}

impl Work {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(100) {
            0..35 => Self::NewOrders,
            35..47 => Self::FlipPayments,
            47..77 => Self::EditSilently,
            77..84 => Self::EditVisibly,
            84..90 => Self::Delete,
            90..93 => Self::DeleteAndPutBack,
            93..96 => Self::PutBack,
            96..98 => Self::DeleteFromUnderTransaction,
            _ => Self::ChangeKey,
        }
    }
}

fn draw_ms(random: &mut Random, (low, high): (u64, u64)) -> Duration {
    Duration::from_millis(random.between(low, high))
}
