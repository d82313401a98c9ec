//! As many calls at a time as the engine has room for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many more calls may run.
pub(super) struct Turns {
    free: Mutex<u32>,
    freed: Condvar,
}

/// The right to run a call, given back when dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(calls: u32) -> Self {
        Self { free: Mutex::new(calls), freed: Condvar::new() }
    }

    /// Waits until a call may run.
    pub(super) fn take(&self) -> Turn<'_> {
        let free = self.freed.wait_while(self.lock(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }

    fn lock(&self) -> MutexGuard<'_, u32> {
        // The number is right at any time, whatever became of a thread that held it.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.freed.notify_one();
    }
}
