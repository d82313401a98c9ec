//! Rows on their way into data objects: streamed, so that memory stays bounded whatever the size.

use super::checksums::Checksums;
use super::{Lake, LakeError};
use crate::packet::StoredObject;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::task::JoinSet;

/// The size of a part of a multipart upload: the least that S3 takes, and less than it has room for with 10,000 parts.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// How many parts are on their way at once; each takes memory.
const PARTS_IN_FLIGHT_MAX: usize = 2;

/// When a data object is full, and the next is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectLimits {
    /// Bytes after which an object is full; a batch of rows can take it a little further.
    pub bytes_max: u64,
    /// The most lines of an object.
    pub lines_max: u64,
}

impl Default for ObjectLimits {
    /// 512 MiB: large enough that few objects are to be opened, small enough to be read again after a failure.
    fn default() -> Self {
        Self { bytes_max: 512 * 1024 * 1024, lines_max: u64::MAX }
    }
}

/// Writes lines into one data object after the other.
#[derive(Debug)]
pub struct DataWriter<F> {
    lake: Lake,
    limits: ObjectLimits,
    /// The key of the object `part`, counted from 1.
    key: F,
    current: Option<ObjectUpload>,
    done: Vec<StoredObject>,
}

/// One object that is written bit by bit.
#[derive(Debug)]
pub struct ObjectUpload {
    key: Path,
    checksums: Checksums,
    bytes: u64,
    lines: u64,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    multipart: Box<dyn MultipartUpload>,
    in_flight: JoinSet<object_store::Result<()>>,
}

impl<F: FnMut(u32) -> Path> DataWriter<F> {
    /// A writer of objects with the keys that `key` gives for the parts 1, 2, 3, ...
    pub fn new(lake: &Lake, limits: ObjectLimits, key: F) -> Self {
        Self { lake: lake.clone(), limits, key, current: None, done: Vec::new() }
    }

    /// Adds lines; `ends` says where each of them ends, its line feed included.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn write(&mut self, lines: Bytes, ends: &[u32]) -> Result<(), LakeError> {
        let (mut first, mut start) = (0, 0);
        while first < ends.len() {
            if self.current.is_none() {
                let part = u32::try_from(self.done.len()).unwrap_or(u32::MAX).saturating_add(1);
                self.current = Some(ObjectUpload::new((self.key)(part)));
            }
            let Some(object) = &mut self.current else { continue };
            let room = usize::try_from(self.limits.lines_max.max(1) - object.lines).unwrap_or(usize::MAX);
            let count = room.min(ends.len() - first);
            let end = ends[first + count - 1] as usize;
            object.add(&self.lake, lines.slice(start..end), count as u64).await?;
            (first, start) = (first + count, end);
            if object.lines >= self.limits.lines_max || object.bytes >= self.limits.bytes_max {
                self.close().await?;
            }
        }
        Ok(())
    }

    /// Ends the last object: all are stored.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn finish(mut self) -> Result<Vec<StoredObject>, LakeError> {
        self.close().await?;
        Ok(self.done)
    }

    async fn close(&mut self) -> Result<(), LakeError> {
        if let Some(object) = self.current.take() {
            self.done.push(object.finish(&self.lake).await?);
            crate::crash::point("object-stored");
        }
        Ok(())
    }
}

impl ObjectUpload {
    /// An object that is to be created under a key.
    #[must_use]
    pub fn new(key: Path) -> Self {
        let (checksums, pending) = (Checksums::new(), Vec::new());
        Self { key, checksums, bytes: 0, lines: 0, pending, pending_bytes: 0, upload: None }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// How many bytes it has so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many lines it has so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Adds bytes, which hold `count` lines.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn add(&mut self, lake: &Lake, lines: Bytes, count: u64) -> Result<(), LakeError> {
        self.checksums.update(&lines);
        self.bytes += lines.len() as u64;
        self.lines += count;
        self.pending_bytes += lines.len();
        self.pending.push(lines);
        if self.pending_bytes < PART_BYTES {
            return Ok(());
        }
        let sent = self.send(lake).await;
        if sent.is_err() {
            self.abandon().await;
        }
        sent
    }

    /// Gives back at once what the parts take that are stored: whoever comes next may need the room.
    async fn abandon(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        while upload.in_flight.join_next().await.is_some() {}
        if let Err(error) = upload.multipart.abort().await {
            tracing::debug!(key = %self.key, %error, "an upload can't be ended, and is removed as waste later");
        }
    }

    /// Sends what is pending as a part, when few enough are on their way.
    async fn send(&mut self, lake: &Lake) -> Result<(), LakeError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let multipart = lake.store().put_multipart(&self.key).await;
                let multipart = multipart.map_err(LakeError::store("create", &self.key))?;
                self.upload.insert(Upload { multipart, in_flight: JoinSet::new() })
            }
        };
        while upload.in_flight.len() >= PARTS_IN_FLIGHT_MAX {
            upload.wait_for_one(&self.key).await?;
        }
        let payload: PutPayload = std::mem::take(&mut self.pending).into_iter().collect();
        self.pending_bytes = 0;
        upload.in_flight.spawn(upload.multipart.put_part(payload));
        crate::crash::point("part-sent");
        Ok(())
    }

    /// Creates it, with all bytes that were added.
    ///
    /// # Errors
    /// [`LakeError::Store`], with [`object_store::Error::AlreadyExists`] if there is one.
    pub async fn finish(mut self, lake: &Lake) -> Result<StoredObject, LakeError> {
        if let Err(error) = self.complete(lake).await {
            self.abandon().await;
            return Err(error);
        }
        let (key, bytes, lines) = (self.key.to_string(), self.bytes, self.lines);
        let crc64nvme = self.checksums.crc64nvme();
        Ok(StoredObject { key, bytes, lines, crc64nvme, sha256: self.checksums.sha256().unwrap_or_default() })
    }

    async fn complete(&mut self, lake: &Lake) -> Result<(), LakeError> {
        if self.upload.is_some() && self.pending_bytes > 0 {
            self.send(lake).await?;
        }
        let Some(upload) = &mut self.upload else {
            let payload: PutPayload = std::mem::take(&mut self.pending).into_iter().collect();
            return lake.create(&self.key, payload).await.map_err(LakeError::store("create", &self.key));
        };
        while !upload.in_flight.is_empty() {
            upload.wait_for_one(&self.key).await?;
        }
        upload.multipart.complete().await.map_err(LakeError::store("create", &self.key))?;
        self.upload = None;
        Ok(())
    }
}

impl Upload {
    async fn wait_for_one(&mut self, key: &Path) -> Result<(), LakeError> {
        match self.in_flight.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(LakeError::store("create", key)(error)),
            Some(Err(error)) => Err(LakeError::store("create", key)(object_store::Error::JoinError { source: error })),
        }
    }
}
