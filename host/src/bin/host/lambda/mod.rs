//! The functions: the same program under the Lambda runtime, which hands it one event after the other.
//!
//! | handler | event | what is done |
//! |---|---|---|
//! | `ingest` | `{}`, `{"tables_to_query": [...], "from": ..., "to": ...}` | what `host ingest` does |
//! | | `{"action": "reconcile"}` | what `host reconcile` does |
//! | | `{"action": "maintain"}` | garbage of the raw lake goes |
//! | | `{"action": "plan", "of": {...}}`, `{"action": "summary", "of": [...]}` | the ends of a backfill |
//! | `process` | messages of a queue, or the event of a bucket itself: manifests of packets | what `host process` does for their tables |
//! | | `{"table": ...}`, `{"action": "process"}` | the same for one table, for all |
//! | | `{"action": "maintain"}` | small files are joined, garbage of the star tables goes |
//!
//! What fails says whether to try again may help: `Retryable`, or `Final`. With `"scheduled": true` in it an event says that nobody
//! waits for its answer: what is final is then no error, as it would be tried again.

mod event;
mod failed;
mod ingest;
mod log;
mod metrics;
mod process;

use crate::commands::{Failure, boxed, environment, environment_failure, now, runtime};
use failed::Failed;
use host::config::{Config, METRICS_VARIABLE};
use lambda_runtime::{LambdaEvent, service_fn};
use metrics::Metrics;
use serde_json::Value;
use serde_json::value::RawValue;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinError;

/// Whether it is the Lambda runtime that started this program.
pub(crate) fn is_function() -> bool {
    variable("AWS_LAMBDA_RUNTIME_API").is_some()
}

fn variable(name: &str) -> Option<String> {
    environment().find_map(|(found, value)| (found == name).then_some(value))
}

/// Serves events until the runtime ends.
pub(crate) fn run() -> ExitCode {
    log::start();
    let served = runtime().and_then(|runtime| runtime.block_on(serve()));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Failed::from(error).log();
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Failure> {
    let slot = Slot::default();
    // What every event needs is made before the first one: the runtime gives more of a processor until then. What fails here, or
    // hangs, is tried again, and told, with the first event.
    let started = within(START_TIMEOUT, &slot, |function| start(&mut lock(function)).err().map(Failed::from)).await;
    if let Some(Ok(Some(failed))) = started {
        failed.log();
    }
    let service = service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let slot = slot.clone();
        async move {
            let patience = patience(event.context.deadline);
            let failed = match within(patience, &slot, move |function| handle(function, event)).await {
                Some(Ok(handled)) => return handled,
                Some(Err(panic)) => Failed::mistake(&panic),
                None => Failed::out_of_time(),
            };
            failed.log();
            Err(failed)
        }
    });
    let mut terminate = signal(SignalKind::terminate()).map_err(environment_failure)?;
    tokio::select! {
        served = lambda_runtime::run(service) => served.map_err(|error| environment_failure(std::io::Error::other(error))),
        // Between two events nothing is half done, and during one nothing that counts.
        _ = terminate.recv() => {
            tracing::info!("the function stops");
            Ok(())
        }
    }
}

/// A function that is ready for events.
enum Function {
    Ingest(ingest::Ingest),
    Process(Box<process::Process>),
}

/// How long to wait before the first event: the runtime itself waits for ten seconds.
const START_TIMEOUT: Duration = Duration::from_secs(8);

/// Where the function is that the next event goes to.
type Slot = Arc<Mutex<Arc<Mutex<Option<Function>>>>>;

/// What comes of work with the function; `None` if it takes longer than `patience`. What hangs goes on to hang then, and holds its
/// function: the next event has another one.
async fn within<T: Send + 'static>(
    patience: Duration,
    slot: &Slot,
    work: impl FnOnce(&Mutex<Option<Function>>) -> T + Send + 'static,
) -> Option<Result<T, JoinError>> {
    let function = lock(slot).clone();
    let working = tokio::task::spawn_blocking(move || work(&function));
    let done = tokio::time::timeout(patience, working).await.ok();
    if done.is_none() {
        *lock(slot) = Arc::default();
    }
    done
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the function ready, unless it is.
fn start(function: &mut Option<Function>) -> Result<&mut Function, Failure> {
    if let Some(function) = function {
        return Ok(function);
    }
    let began = Instant::now();
    let name = variable("_HANDLER").unwrap_or_default();
    let config = Config::read(None, environment()).map_err(boxed)?;
    // It lives as long as the program.
    let config: &'static Config = Box::leak(Box::new(config));
    let ready = match name.as_str() {
        "ingest" => Function::Ingest(ingest::Ingest::new(config)),
        "process" => Function::Process(Box::new(process::Process::new(config)?)),
        _ => return Err(boxed(failed::UnknownHandler { name })),
    };
    tracing::info!(
        handler = name,
        version = env!("CARGO_PKG_VERSION"),
        seconds = seconds(began),
        "the function starts"
    );
    Ok(function.insert(ready))
}

fn handle(function: &Mutex<Option<Function>>, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Failed> {
    let LambdaEvent { payload, context } = event;
    log::begin_request(&context.request_id);
    let mut payload: Result<Value, _> = serde_json::from_str(payload.get());
    let is_scheduled = payload.as_mut().is_ok_and(event::take_scheduled);
    let began = Instant::now();
    let deadline = deadline(context.deadline);
    tracing::info!(time_left_seconds = deadline.saturating_duration_since(began).as_secs(), "the event begins");
    let mut metrics = Metrics::new(variable(METRICS_VARIABLE));
    let mut function = lock(function);
    let handled = payload.map_err(Failed::event).and_then(|payload| match start(&mut function)? {
        Function::Ingest(ingest) => ingest.handle(payload, deadline, &mut metrics),
        Function::Process(process) => process.handle(payload, deadline, &mut metrics),
    });
    if let Err(failed) = &handled {
        failed.tell(&mut metrics);
    }
    metrics.write(now());
    tracing::info!(seconds = seconds(began), "the event ends");
    match handled {
        // An error would be tried again. That it failed is said by the log and by the metrics, for which there is an alarm.
        Err(failed) if is_scheduled && failed.is_final() => Ok(failed.told()),
        handled => handled,
    }
}

/// When the work for an event has to be over, whose time ends at `end`, in milliseconds since 1970: what is begun before may take
/// a minute more, or a quarter of the time where that is less.
fn deadline(end: u64) -> Instant {
    const RESERVE_MAX: Duration = Duration::from_secs(60);
    let left = left(end);
    Instant::now() + (left - RESERVE_MAX.min(left / 4))
}

/// How long to wait for what is handled, in case a service neither answers nor fails: until shortly before `end`.
fn patience(end: u64) -> Duration {
    const PATIENCE_MIN: Duration = Duration::from_secs(5);
    let left = left(end);
    (left - Duration::from_secs(2).min(left / 10)).max(PATIENCE_MIN)
}

/// How long it is until `end`, in milliseconds since 1970.
fn left(end: u64) -> Duration {
    let now_millis = u64::try_from(now().timestamp_millis()).unwrap_or(0);
    Duration::from_millis(end.saturating_sub(now_millis))
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
