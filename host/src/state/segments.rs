//! The run that a packet adds, written while the packet is.

use super::Entries;
use super::block::{BLOCK_ENTRIES, BlockWriter};
use crate::lake::{Lake, LakeError};
use crate::packet::StateObject;
use bytes::Bytes;
use object_store::path::Path;
use parquet::errors::ParquetError;
use tokio::task::JoinHandle;

/// How many entries are sorted at a time, and stored as one object: some megabytes of memory.
const SEGMENT_ENTRIES: usize = 16 * BLOCK_ENTRIES;

/// The same for keys that are long.
const KEY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Collects entries in any order, and stores them in sorted objects.
pub struct SegmentWriter<F> {
    lake: Lake,
    /// The chain of the packet.
    chain: String,
    /// The key of the object `part`, counted from 1.
    key: F,
    entries: Entries,
    parts: u32,
    /// The object that is being written, while the next entries come.
    writing: Option<JoinHandle<Result<StateObject, LakeError>>>,
    done: Vec<StateObject>,
}

impl<F: FnMut(u32) -> Path> SegmentWriter<F> {
    /// A writer of objects of the packet with this chain, with the keys that `key` gives for the parts 1, 2, 3, ...
    pub fn new(lake: &Lake, chain: String, key: F) -> Self {
        Self { lake: lake.clone(), chain, key, entries: Entries::default(), parts: 0, writing: None, done: Vec::new() }
    }

    /// The entries that are to be stored next, to add to.
    pub fn entries(&mut self) -> &mut Entries {
        &mut self.entries
    }

    /// Stores entries if there are enough of them.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn store_full(&mut self) -> Result<(), LakeError> {
        if self.entries.len() >= SEGMENT_ENTRIES || self.entries.keys.bytes() >= KEY_BYTES_MAX {
            self.store().await
        } else {
            Ok(())
        }
    }

    /// Stores what is left, and tells all objects.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn finish(mut self) -> Result<Vec<StateObject>, LakeError> {
        if !self.entries.is_empty() {
            self.store().await?;
        }
        self.wait().await?;
        Ok(self.done)
    }

    async fn store(&mut self) -> Result<(), LakeError> {
        self.wait().await?;
        self.parts += 1;
        let (lake, key, chain) = (self.lake.clone(), (self.key)(self.parts), self.chain.clone());
        let entries = std::mem::take(&mut self.entries);
        self.writing = Some(tokio::spawn(async move {
            let count = entries.len() as u64;
            let place = key.clone();
            let written = tokio::task::spawn_blocking(move || write_sorted(&entries, &place, &chain)).await;
            let failed = |reason: String| LakeError::State { key: key.to_string(), reason };
            let parts =
                written.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
            let bytes = parts.iter().map(|part| part.len() as u64).sum();
            let created = lake.create(&key, parts.into_iter().collect()).await;
            created.map_err(|source| LakeError::Store { action: "create", key: key.to_string(), source })?;
            Ok(StateObject { key: key.to_string(), bytes, entries: count })
        }));
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), LakeError> {
        if let Some(writing) = self.writing.take() {
            let failed =
                |error: tokio::task::JoinError| LakeError::State { key: "?".to_owned(), reason: error.to_string() };
            self.done.push(writing.await.map_err(failed)??);
        }
        Ok(())
    }
}

fn write_sorted(entries: &Entries, key: &Path, chain: &str) -> Result<Vec<Bytes>, ParquetError> {
    let order = entries.keys.sorted();
    let mut writer = BlockWriter::new(key, chain)?;
    let mut parts = Vec::new();
    for block in order.chunks(BLOCK_ENTRIES) {
        parts.push(writer.write(entries, block)?);
    }
    parts.push(writer.finish()?);
    Ok(parts)
}
