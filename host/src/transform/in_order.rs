//! Chunks, worked on by all threads and taken in their order.

use super::pipeline::lock;
use crate::input::{Chunk, LineChunks};
use crate::sandbox::STACK_BYTES_MAX;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// How many chunks a thread may be ahead of the one whose turn it is.
const CHUNKS_AHEAD_PER_THREAD: u64 = 2;

struct Reader {
    chunks: LineChunks,
    next_index: u64,
    at_end: bool,
}

struct Taker<T, E, F> {
    take: F,
    /// Results that came before their turn.
    early: BTreeMap<u64, Result<T, E>>,
    next_index: u64,
    error: Option<E>,
    /// Whether a worker panicked: a fault of the host, and the others must not wait for its result.
    aborted: bool,
}

/// Lets the other workers end when one panics; the panic itself ends the scope of all.
struct PanicGuard<'a, T, E, F>(&'a Mutex<Taker<T, E, F>>, &'a Condvar);

impl<T, E, F> Drop for PanicGuard<'_, T, E, F> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(self.0).aborted = true;
            self.1.notify_all();
        }
    }
}

/// Works on each chunk on one of `threads` threads, and hands the results to `take` in the order of the chunks. What is in
/// memory is bounded: only a few results wait for their turn.
///
/// # Errors
/// The first error in the order of the chunks: of reading, of `work` or of `take`.
pub(crate) fn in_order<T, E>(
    chunks: LineChunks,
    threads: usize,
    work: impl Fn(Chunk) -> Result<T, E> + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E>
where
    T: Send,
    E: Send + From<crate::input::InputError>,
{
    let reader = Mutex::new(Reader { chunks, next_index: 0, at_end: false });
    let taker = Mutex::new(Taker { take, early: BTreeMap::new(), next_index: 0, error: None, aborted: false });
    let changed = Condvar::new();
    let ahead_max = CHUNKS_AHEAD_PER_THREAD * threads.max(1) as u64;
    let worker = || {
        let _guard = PanicGuard(&taker, &changed);
        loop {
            let (index, chunk) = {
                let mut reader = lock(&reader);
                if reader.at_end {
                    return;
                }
                let chunk = reader.chunks.next_chunk(Vec::new());
                reader.at_end = !matches!(chunk, Ok(Some(_)));
                reader.next_index += 1;
                (reader.next_index - 1, chunk)
            };
            let result = match chunk {
                Ok(Some(chunk)) => work(chunk),
                Ok(None) => return,
                Err(error) => Err(error.into()),
            };
            let mut taker = lock(&taker);
            // The one whose turn it is never waits here.
            while index >= taker.next_index + ahead_max && taker.error.is_none() && !taker.aborted {
                taker = changed.wait(taker).unwrap_or_else(PoisonError::into_inner);
            }
            taker.put(index, result);
            let failed = taker.error.is_some() || taker.aborted;
            drop(taker);
            changed.notify_all();
            if failed {
                lock(&reader).at_end = true;
            }
        }
    };
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(4 * STACK_BYTES_MAX).spawn_scoped(scope, worker);
        for spawned in (1..threads).map(spawn) {
            if let Err(error) = spawned {
                tracing::warn!(%error, "can't start a thread; going on with fewer");
            }
        }
        worker();
    });
    let error = taker.into_inner().unwrap_or_else(PoisonError::into_inner).error;
    error.map_or(Ok(()), Err)
}

impl<T, E, F: FnMut(T) -> Result<(), E>> Taker<T, E, F> {
    /// Takes a result, and those that waited for it.
    fn put(&mut self, index: u64, result: Result<T, E>) {
        self.early.insert(index, result);
        while let Some(result) = self.early.remove(&self.next_index) {
            self.next_index += 1;
            if self.error.is_none() {
                self.error = result.and_then(&mut self.take).err();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{ChunkLimits, InputError};
    use std::io::Cursor;

    fn chunks(lines: usize) -> LineChunks {
        let text = "{}\n".repeat(lines);
        let limits = ChunkLimits { lines_max: 1, ..ChunkLimits::default() };
        LineChunks::new("test".to_owned(), Box::new(Cursor::new(text.into_bytes())), limits, None)
    }

    #[test]
    fn results_come_in_order_whatever_the_threads_do() {
        for threads in [1, 2, 7] {
            let mut taken = Vec::new();
            let work = |chunk: Chunk| {
                // Every third one is slow.
                let pause = if chunk.records_before.is_multiple_of(3) { 200 } else { 0 };
                thread::sleep(std::time::Duration::from_micros(pause));
                Ok::<_, InputError>(chunk.records_before)
            };
            let result = in_order(chunks(200), threads, work, |index| {
                taken.push(index);
                Ok(())
            });
            assert!(result.is_ok());
            assert_eq!(taken, (0..200).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_in_order_ends_it() {
        let error = |name: u64| InputError::LookupMissing { tables: vec![name.to_string()] };
        let work = |chunk: Chunk| match chunk.records_before {
            index @ (70 | 71 | 90) => Err(error(index)),
            index => Ok(index),
        };
        let result = in_order(chunks(10_000), 3, work, |_| Ok(()));
        assert!(matches!(result, Err(InputError::LookupMissing { tables }) if tables == ["70"]));
    }
}
