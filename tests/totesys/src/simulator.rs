//! Working days at full speed: writers that change a live ToteSys database as its application does, and worse.
//!
//! ```text
//! writer 1 ──► begin ──► work, savepoints ──► commit, late commit, rollback
//! writer 2 ──► ...                        └─► prepare ──► resolver ──► commit or rollback prepared
//! ```
//!
//! In the order in which data flows: `writer` plays one transaction after the other by a `plan`, `work` and `orders` are
//! what it can do, `session` is the connection it does it on, `resolver` ends what was prepared, `played` counts.
//!
//! Each writer's decisions follow from the seed and its number; how the writers' transactions interleave, and so what
//! they find and where they conflict, does not.

mod orders;
mod plan;
mod played;
mod resolver;
mod session;
mod work;
mod writer;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::Config;

use played::Counters;
pub use played::{Played, Transactions, Versions};
use resolver::Prepared;
use session::{Clock, Keys, Session};

/// How a [`Simulator`] plays.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// How many connections write at the same time; one more resolves prepared transactions.
    pub writers: usize,
    /// What the writers' decisions follow from.
    pub seed: u64,
    /// Writers end by themselves when so many row versions are committed; without, only [`Simulator::stop`] ends them.
    pub versions_target: Option<u64>,
    /// How long each writer rests between two transactions.
    pub rest: Duration,
}

impl Default for SimulatorOptions {
    /// Eight writers without rest, until stopped.
    fn default() -> Self {
        Self { writers: 8, seed: 1, versions_target: None, rest: Duration::ZERO }
    }
}

/// Why a simulation did not go as it should.
#[derive(Debug)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The URL is none, the server can't be reached, or the tables are not there.
    Start(tokio_postgres::Error),
    /// Transactions that were prepared may be left, because the server can't be reached any more.
    Resolve(tokio_postgres::Error),
    /// Postgres refused something for another reason than what other writers did.
    Unexpected {
        /// The first refusal.
        message: String,
        /// What was played all the same.
        played: Played,
    },
}

impl fmt::Display for SimulatorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(_) => write!(formatter, "the simulation can't start"),
            Self::Resolve(_) => write!(formatter, "prepared transactions may be left"),
            Self::Unexpected { message, .. } => write!(formatter, "Postgres refused what it should take: {message}"),
        }
    }
}

impl Error for SimulatorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start(source) | Self::Resolve(source) => Some(source),
            Self::Unexpected { .. } => None,
        }
    }
}

/// Writers at work, on the runtime that started them. Dropped without [`Simulator::stop`], they break off where they
/// are, and prepared transactions stay.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    writers: JoinSet<()>,
    resolver: JoinHandle<()>,
    stop: watch::Sender<bool>,
    paused: Mutex<Option<OwnedRwLockWriteGuard<()>>>,
}

/// What a transaction holds until it has ended, so that a pause waits for it.
type Gate = OwnedRwLockReadGuard<()>;

/// What all writers know.
#[derive(Debug)]
struct Shared {
    config: Config,
    options: SimulatorOptions,
    clock: Clock,
    keys: Keys,
    counters: Counters,
    /// Read by every transaction until it has ended, written by a pause.
    gate: Arc<RwLock<()>>,
    stopped: watch::Receiver<bool>,
    /// What the names of prepared transactions begin with, in no other simulation.
    prefix: String,
    /// A place for each transaction that may be prepared at a time.
    prepared: Arc<Semaphore>,
}

impl Simulator {
    /// Connects to a loaded database and lets the writers begin.
    ///
    /// # Errors
    /// If the server can't be reached or the tables are not there. Later, a lost connection is tried again until the stop.
    pub async fn start(url: &str, options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let mut config: Config = url.parse().map_err(SimulatorError::Start)?;
        session::configure(&mut config);
        let (stop, stopped) = watch::channel(false);
        let shared = Shared::read(config, options, stopped).await.map_err(SimulatorError::Start)?;
        let shared = Arc::new(shared);
        let (prepared, received) = mpsc::unbounded_channel::<Prepared>();
        let resolver = tokio::spawn(resolver::resolve_prepared(Arc::clone(&shared), received));
        let mut writers = JoinSet::new();
        for number in 0..shared.options.writers {
            writers.spawn(writer::write_transactions(Arc::clone(&shared), number as u64, prepared.clone()));
        }
        Ok(Self { shared, writers, resolver, stop, paused: Mutex::new(None) })
    }

    /// What was confirmed so far.
    pub fn played(&self) -> Played {
        self.shared.counters.played()
    }

    /// Waits until no transaction is open or prepared, and lets none begin before [`Self::resume`]. While the server is
    /// down, prepared transactions can't end and this waits.
    pub async fn pause(&self) {
        if self.lock_paused().is_none() {
            let guard = Arc::clone(&self.shared.gate).write_owned().await;
            *self.lock_paused() = Some(guard);
        }
    }

    /// Lets transactions begin again.
    pub fn resume(&self) {
        *self.lock_paused() = None;
    }

    /// Waits until the writers have reached the target of versions; for ever if there is none.
    pub async fn finished(&mut self) {
        while self.writers.join_next().await.is_some() {}
    }

    /// Lets the transactions that are open come to their end, resolves those that are prepared, and counts.
    ///
    /// # Errors
    /// If Postgres refused anything that is not the normal fate of concurrent writers, or can't be reached to resolve
    /// what is prepared.
    pub async fn stop(mut self) -> Result<Played, SimulatorError> {
        // Nobody listens any more if all writers have reached the target.
        let _ = self.stop.send(true);
        self.resume();
        self.finished().await;
        // The writers held the senders of its queue, so that it ends after what was left in there.
        let _ = (&mut self.resolver).await;
        resolver::roll_back_leftovers(&self.shared).await.map_err(SimulatorError::Resolve)?;
        let played = self.played();
        match self.shared.counters.first_unexpected() {
            Some(message) => Err(SimulatorError::Unexpected { message, played }),
            None => Ok(played),
        }
    }

    fn lock_paused(&self) -> std::sync::MutexGuard<'_, Option<OwnedRwLockWriteGuard<()>>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.resolver.abort();
    }
}

impl Shared {
    async fn read(
        config: Config,
        options: SimulatorOptions,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self, tokio_postgres::Error> {
        let session = Session::connect(&config).await?;
        let clock = Clock::read(&session).await?;
        let prepared_max: i32 =
            session.client.query_one("SELECT current_setting('max_prepared_transactions')::integer", &[]).await?.get(0);
        Ok(Self {
            keys: Keys::read(&session).await?,
            prefix: format!("totesys-{}-{}-", clock.start_ms(), options.seed),
            // Others may want some too.
            prepared: Arc::new(Semaphore::new((prepared_max / 2) as usize)),
            clock,
            config,
            options,
            counters: Counters::default(),
            gate: Arc::default(),
            stopped,
        })
    }

    fn is_over(&self) -> bool {
        let is_enough = |target| self.counters.played().versions.total() >= target;
        *self.stopped.borrow() || self.options.versions_target.is_some_and(is_enough)
    }

    /// Waits so long, but not beyond the stop.
    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let mut stopped = self.stopped.clone();
        // An error says that the simulator is gone, which is a stop too.
        let _ = tokio::time::timeout(duration, stopped.wait_for(|&is_stopped| is_stopped)).await;
    }
}
