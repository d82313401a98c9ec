//! Named steps at which a test can stop the process, as `kill -9` would.
//!
//! Only built with the feature `crash-points`; otherwise [`point`] is nothing.

/// The steps of an ingest, in the order in which they are passed.
pub const INGEST_POINTS: [&str; 14] = [
    "heads-read",
    "snapshot-taken",
    "rows-read",
    "part-sent",
    "object-stored",
    "data-stored",
    "deletes-stored",
    "state-stored",
    "manifest-stored",
    "checkpoint-stored",
    "state-merging",
    "state-merged",
    "cursor-moved",
    "run-done",
];

/// The steps of a process, and those of joining its small files.
pub const PROCESS_POINTS: [&str; 9] = [
    "packet-transformed",
    "files-stored",
    "calendar-committed",
    "facts-committed",
    "buckets-stored",
    "dimension-committed",
    "plugin-done",
    "deletions-committed",
    "star-checkpoints-stored",
];

/// The steps of a compaction.
pub const COMPACT_POINTS: [&str; 2] = ["joined-stored", "joined-committed"];
/// The steps of publishing rows that were rejected at first; `calendar-committed` comes between them.
pub const REJECTS_POINTS: [&str; 2] = ["late-rows-stored", "late-rows-committed"];

/// Stops the process if `HOST_CRASH_AT` names this step, or this step and how often it is to be passed before: `part-sent:3`.
#[cfg(feature = "crash-points")]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests, in no build that ships")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let steps = [&INGEST_POINTS[..], &PROCESS_POINTS, &COMPACT_POINTS, &REJECTS_POINTS];
    debug_assert!(steps.iter().any(|steps| steps.contains(&name)), "`{name}` is a step");
    let Ok(at) = std::env::var("HOST_CRASH_AT") else { return };
    let (step, times) = at.split_once(':').unwrap_or((&at, "0"));
    if step == name && PASSED.fetch_add(1, Ordering::SeqCst) >= times.parse().unwrap_or(0) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way.
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

/// Nothing: the steps are not built in.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &str) {}
