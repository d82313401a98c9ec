//! The lines of a packet, as they were written: every object's digest is compared.

use super::parquet::ParquetLines;
use super::{Lake, LakeError};
use crate::packet::{DataFormat, Manifest, StoredObject};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// How many bytes of lines are handed out at a time, about.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The lines of a packet, or the keys that it deletes, chunk by chunk.
///
/// What an object holds is known to be right when the chunk after its last line, or the end, has come without an error.
pub struct PacketLines<'a> {
    lake: &'a Lake,
    manifest: &'a Manifest,
    objects: VecDeque<&'a StoredObject>,
    format: DataFormat,
    current: Option<Current<'a>>,
    parquet: Option<ParquetLines>,
}

struct Current<'a> {
    object: &'a StoredObject,
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    digest: Sha256,
    bytes: u64,
    lines: u64,
    rest: BytesMut,
}

impl<'a> PacketLines<'a> {
    /// The rows of a packet.
    #[must_use]
    pub fn rows(lake: &'a Lake, manifest: &'a Manifest) -> Self {
        let objects = manifest.data.iter().collect();
        Self { lake, manifest, objects, format: manifest.data_format, current: None, parquet: None }
    }

    /// The keys of the rows that are gone with a packet.
    #[must_use]
    pub fn deletes(lake: &'a Lake, manifest: &'a Manifest) -> Self {
        let objects = manifest.deletes.iter().collect();
        Self { lake, manifest, objects, format: DataFormat::Jsonl, current: None, parquet: None }
    }

    /// The next whole lines, at least one; `None` at the end.
    ///
    /// # Errors
    /// [`LakeError::Missing`], [`LakeError::Damaged`] and [`LakeError::Store`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, LakeError> {
        loop {
            if let Some(current) = &mut self.current {
                match current.next().await? {
                    Some(lines) => return Ok(Some(lines)),
                    None => self.current = None,
                }
            }
            if let Some(parquet) = &mut self.parquet {
                match parquet.next()? {
                    Some(lines) => return Ok(Some(lines)),
                    None => self.parquet = None,
                }
            }
            let Some(object) = self.objects.pop_front() else { return Ok(None) };
            match self.format {
                DataFormat::Jsonl => self.current = Some(Self::open(self.lake, self.manifest, object).await?),
                DataFormat::Parquet => {
                    let bytes = Self::whole(self.lake, self.manifest, object).await?;
                    self.parquet = Some(ParquetLines::open(object, &self.manifest.columns, bytes)?);
                }
            }
        }
    }

    /// An object that is no larger than what is written at a time, whole and compared.
    async fn whole(lake: &Lake, manifest: &Manifest, object: &'a StoredObject) -> Result<Bytes, LakeError> {
        let mut current = Self::open(lake, manifest, object).await?;
        let mut whole = BytesMut::with_capacity(usize::try_from(object.bytes).unwrap_or(0));
        while let Some(chunk) = current.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        current.compare()?;
        Ok(whole.freeze())
    }

    async fn open(lake: &Lake, manifest: &Manifest, object: &'a StoredObject) -> Result<Current<'a>, LakeError> {
        let key = Path::parse(&object.key).unwrap_or_default();
        let found = match lake.store().get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => {
                let (table, sequence) = (manifest.table.clone(), manifest.sequence);
                return Err(LakeError::Missing { table, sequence, key: object.key.clone() });
            }
            Err(error) => return Err(LakeError::store("read", &key)(error)),
        };
        let (chunks, digest) = (found.into_stream(), Sha256::new());
        Ok(Current { object, chunks, digest, bytes: 0, lines: 0, rest: BytesMut::new() })
    }
}

impl Current<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, LakeError> {
        let mut seen = 0;
        loop {
            if self.rest.len() >= CHUNK_BYTES
                && let Some(end) = memchr::memrchr(b'\n', &self.rest[seen..])
            {
                return Ok(Some(self.cut(seen + end + 1)));
            }
            seen = self.rest.len();
            match self.chunk().await? {
                Some(chunk) => self.rest.extend_from_slice(&chunk),
                None if self.rest.is_empty() => {
                    self.compare()?;
                    return Ok(None);
                }
                None => return Ok(Some(self.cut(self.rest.len()))),
            }
        }
    }

    fn cut(&mut self, end: usize) -> Bytes {
        let lines = self.rest.split_to(end).freeze();
        self.lines += memchr::memchr_iter(b'\n', &lines).count() as u64;
        lines
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, LakeError> {
        let Some(chunk) = self.chunks.next().await else { return Ok(None) };
        let chunk =
            chunk.map_err(|source| LakeError::Store { action: "read", key: self.object.key.clone(), source })?;
        self.digest.update(&chunk);
        self.bytes += chunk.len() as u64;
        Ok(Some(chunk))
    }

    fn compare(&mut self) -> Result<(), LakeError> {
        let object = self.object;
        let damaged = |what, expected: &dyn ToString, found: &dyn ToString| LakeError::Damaged {
            key: object.key.clone(),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        };
        if self.bytes != object.bytes {
            return Err(damaged("size", &object.bytes, &self.bytes));
        }
        let digest = crate::text::hexadecimal(&self.digest.finalize_reset());
        if digest != object.sha256 {
            return Err(damaged("SHA-256", &object.sha256, &digest));
        }
        if self.lines != 0 && self.lines != object.lines {
            return Err(damaged("number of lines", &object.lines, &self.lines));
        }
        Ok(())
    }
}
