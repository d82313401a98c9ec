//! Workers that read, transform and encode, each whatever is next.
//!
//! There is no thread for one stage: a worker that finds a column to encode encodes it, or else reads and transforms a chunk.
//! So the work of both kinds spreads over all threads, and what is in memory is bounded: each worker has one chunk, and only
//! a few may wait for their turn.

use super::collect::{Collector, EncodeTask, Outcome};
use super::days::CalendarColumns;
use crate::input::{Chunk, InputError, LineChunks, Lookups};
use crate::sandbox::{Call, Isolated, Plugin, STACK_BYTES_MAX, TooManyFaults};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many chunks a thread may be ahead of the one whose turn it is.
const CHUNKS_AHEAD_PER_THREAD: u64 = 1;

/// How many bytes of lines with looked-up rows a plugin gets at a time, about: a long text that many rows look up is in each of
/// their lines.
const JOINED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the workers share.
pub(super) struct Pipeline<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) lookups: &'a Lookups,
    /// Which columns refer to the calendar, and its limits.
    pub(super) calendar: Option<&'a CalendarColumns>,
    pub(super) sequence: u64,
    pub(super) first_record: u64,
    pub(super) threads: usize,
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

/// Where chunks come from: read by one worker at a time.
struct Reader {
    chunks: LineChunks,
    next_index: u64,
    at_end: bool,
    buffers: Vec<Vec<u8>>,
}

impl Pipeline<'_> {
    /// Reads all chunks, transforms them, and hands them to `collector` in order.
    pub(super) fn run<'c>(&self, chunks: LineChunks, collector: Collector<'c>) -> Collector<'c> {
        let reader = Mutex::new(Reader { chunks, next_index: 0, at_end: false, buffers: Vec::new() });
        let collector = Mutex::new(State { collector, flushed: false, aborted: false });
        let changed = Condvar::new();
        thread::scope(|scope| {
            for _ in 1..self.threads {
                let worker = thread::Builder::new().stack_size(4 * STACK_BYTES_MAX);
                let spawned = worker.spawn_scoped(scope, || self.work(&reader, &collector, &changed));
                if let Err(error) = spawned {
                    tracing::warn!(%error, "can't start a thread; going on with fewer");
                }
            }
            self.work(&reader, &collector, &changed);
        });
        collector.into_inner().unwrap_or_else(PoisonError::into_inner).collector
    }

    fn work(&self, reader: &Mutex<Reader>, state: &Mutex<State<'_>>, changed: &Condvar) {
        let _guard = PanicGuard { state, changed };
        loop {
            match next_work(reader, state, changed, self.threads as u64) {
                Work::Done => {
                    changed.notify_all();
                    return;
                }
                Work::Encode(task) => {
                    let encoded = task.run();
                    lock(state).collector.take_encoded(encoded);
                }
                Work::Transform(index, chunk) => {
                    let outcome = self.transform(chunk);
                    (self.progress)(outcome.chunk.input_end);
                    let buffers = lock(state).collector.take(index, outcome);
                    lock(reader).buffers.extend(buffers);
                }
                Work::Ended => {}
                Work::Failed(error) => lock(state).collector.fail(error.into()),
            }
            changed.notify_all();
        }
    }

    fn transform(&self, chunk: Chunk) -> Outcome {
        let mut result = transform(self.plugin, self.lookups, self.sequence, self.first_record, &chunk);
        let days = match (self.calendar, &mut result) {
            (Some(calendar), Ok(isolated)) => calendar.check(isolated),
            _ => None,
        };
        Outcome { chunk, result, days }
    }
}

/// Joins the looked-up rows into the lines of a chunk, and hands it to the plugin; `first_record` is the number of the packet's
/// first record.
pub(crate) fn transform(
    plugin: &Plugin,
    lookups: &Lookups,
    sequence: u64,
    first_record: u64,
    chunk: &Chunk,
) -> Result<Isolated, TooManyFaults> {
    let mut isolated = Isolated::default();
    let (mut rest, mut done) = (chunk.bytes.as_slice(), 0);
    loop {
        let joined = (!lookups.is_empty()).then(|| lookups.join_some(rest, JOINED_BYTES_MAX));
        let call = Call {
            sequence,
            first_record: first_record + chunk.records_before + done,
            first_line: chunk.records_before + done,
            lines: joined.as_ref().map_or(chunk.lines, |joined| joined.lines),
            json_lines: joined.as_ref().map_or(rest, |joined| &joined.bytes),
        };
        isolated.append(done, plugin.call_isolating(&call).map_err(|faults| faults.after(done))?);
        done += u64::from(call.lines);
        rest = &rest[joined.map_or(rest.len(), |joined| joined.end)..];
        if rest.is_empty() {
            return Ok(isolated);
        }
    }
}

struct State<'a> {
    collector: Collector<'a>,
    /// Whether the last, partly filled groups were begun.
    flushed: bool,
    /// Whether a worker panicked: a fault of the host, and the others must not wait for it.
    aborted: bool,
}

/// Lets the other workers end when one panics; the panic itself ends the scope of all.
struct PanicGuard<'g, 'c> {
    state: &'g Mutex<State<'c>>,
    changed: &'g Condvar,
}

impl Drop for PanicGuard<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(self.state).aborted = true;
            self.changed.notify_all();
        }
    }
}

enum Work {
    Encode(Box<EncodeTask>),
    Transform(u64, Chunk),
    /// The input has no more chunks.
    Ended,
    Failed(InputError),
    Done,
}

/// Waits for something to do.
fn next_work(reader: &Mutex<Reader>, state: &Mutex<State<'_>>, changed: &Condvar, threads: u64) -> Work {
    let mut guard = lock(state);
    loop {
        if guard.aborted {
            return Work::Done;
        }
        if let Some(task) = guard.collector.tasks.pop_front() {
            return Work::Encode(Box::new(task));
        }
        let next_chunk = guard.collector.next_chunk;
        let failed = guard.collector.failed();
        drop(guard);
        let mut reading = lock(reader);
        let all_taken = reading.at_end && next_chunk == reading.next_index;
        let may_read =
            !reading.at_end && !failed && reading.next_index < next_chunk + 1 + CHUNKS_AHEAD_PER_THREAD * threads;
        if may_read {
            return reading.next();
        }
        drop(reading);
        guard = lock(state);
        if failed || all_taken {
            if failed || (guard.flushed && guard.collector.tasks_open == 0) {
                return Work::Done;
            }
            if !guard.flushed {
                guard.flushed = true;
                guard.collector.flush();
                continue;
            }
        }
        let unchanged = guard.collector.tasks.is_empty()
            && guard.collector.next_chunk == next_chunk
            && !guard.collector.failed()
            && !guard.aborted;
        if unchanged {
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Reader {
    fn next(&mut self) -> Work {
        match self.chunks.next_chunk(self.buffers.pop().unwrap_or_default()) {
            Ok(Some(chunk)) => {
                self.next_index += 1;
                Work::Transform(self.next_index - 1, chunk)
            }
            Ok(None) => {
                self.at_end = true;
                // Nothing to do for this worker, but the end is news to all.
                Work::Ended
            }
            Err(error) => {
                self.at_end = true;
                Work::Failed(error)
            }
        }
    }
}

/// Takes a lock. A worker that panicked leaves nothing half done that matters: its panic ends the scope anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
