//! The lines of a packet, read ahead while others are transformed.

use crate::input::LinePieces;
use crate::lake::{Lake, LakeError, PacketLines};
use crate::packet::Manifest;
use bytes::{Buf, Bytes};
use std::io::{Error, Read};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, channel};

/// How many parts, of as many bytes as a plugin gets at a time, wait to be read.
const PARTS_AHEAD: usize = 2;

/// The lines of a packet. Reading it blocks its thread.
pub(super) struct PacketReader {
    /// `None` is the end; without it something is missing.
    parts: Receiver<Result<Option<Bytes>, LakeError>>,
    at_end: bool,
    current: Bytes,
    failure: Failure,
}

/// What went wrong with a packet while it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<Mutex<Option<LakeError>>>);

impl Failure {
    /// What went wrong, if anything did.
    pub(super) fn take(&self) -> Option<LakeError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl PacketReader {
    /// Begins to read the rows of a packet.
    pub(super) fn rows(runtime: &Handle, lake: &Lake, manifest: &Manifest) -> Self {
        Self::new(runtime, PacketLines::rows(lake, manifest))
    }

    /// Begins to read the keys of the rows that are gone with a packet.
    pub(super) fn deletes(runtime: &Handle, lake: &Lake, manifest: &Manifest) -> Self {
        Self::new(runtime, PacketLines::deletes(lake, manifest))
    }

    fn new(runtime: &Handle, mut lines: PacketLines) -> Self {
        let (sender, parts) = channel(PARTS_AHEAD);
        runtime.spawn(async move {
            loop {
                let part = lines.next().await;
                let is_last = !matches!(part, Ok(Some(_)));
                if sender.send(part).await.is_err() || is_last {
                    return;
                }
            }
        });
        Self { parts, at_end: false, current: Bytes::new(), failure: Failure::default() }
    }

    /// Where it will stand what went wrong.
    pub(super) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    fn next(&mut self) -> Result<Option<Bytes>, LakeError> {
        if self.at_end {
            return Ok(None);
        }
        // A task that ended without a word has failed.
        let part = self.parts.blocking_recv().unwrap_or(Err(LakeError::Interrupted))?;
        self.at_end = part.is_none();
        Ok(part)
    }

    /// Hands each line, without its line feed, to `take`.
    pub(super) fn for_each_line(mut self, mut take: impl FnMut(&[u8])) -> Result<(), LakeError> {
        while let Some(part) = self.next()? {
            // A part is whole lines.
            part.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(&mut take);
        }
        Ok(())
    }

    /// Reads the next part, if all before it is used up; `false` at the end.
    fn advance(&mut self) -> std::io::Result<bool> {
        while self.current.is_empty() {
            match self.next() {
                Ok(Some(part)) => self.current = part,
                Ok(None) => return Ok(false),
                Err(error) => {
                    let text = crate::error::with_causes(&error);
                    *self.failure.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return Err(Error::other(text));
                }
            }
        }
        Ok(true)
    }
}

impl Read for PacketReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.advance()? {
            return Ok(0);
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl LinePieces for PacketReader {
    fn next_piece(&mut self, bytes_max: usize) -> std::io::Result<Option<Vec<u8>>> {
        let is_whole = self.current.is_empty();
        let fits = self.advance()? && is_whole && self.current.len() <= bytes_max;
        // The memory is this part's alone, so nothing is copied.
        Ok(fits.then(|| std::mem::take(&mut self.current).into()))
    }
}
