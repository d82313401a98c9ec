//! The lines of a packet, as they were written: every object's digest is compared.

use super::parquet::ParquetLines;
use super::{Lake, LakeError};
use crate::packet::{DataFormat, Manifest, SourceColumn, StoredObject};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{Error, GetResult, GetResultPayload, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;

/// How many bytes of lines are handed out at a time, about.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The lines of a packet, or the keys that it deletes, chunk by chunk.
///
/// What an object holds is known to be right when the chunk after its last line, or the end, has come without an error.
pub struct PacketLines {
    source: PacketSource,
    columns: Vec<SourceColumn>,
    objects: VecDeque<StoredObject>,
    format: DataFormat,
    current: Option<Current>,
    parquet: Option<ParquetLines>,
}

/// Where the objects of a packet are.
struct PacketSource {
    lake: Lake,
    table: String,
    sequence: u64,
}

struct Current {
    object: StoredObject,
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    digest: Sha256,
    bytes: u64,
    lines: u64,
    rest: BytesMut,
}

impl PacketLines {
    /// The rows of a packet.
    #[must_use]
    pub fn rows(lake: &Lake, manifest: &Manifest) -> Self {
        Self::new(lake, manifest, &manifest.data, manifest.data_format)
    }

    /// The keys of the rows that are gone with a packet.
    #[must_use]
    pub fn deletes(lake: &Lake, manifest: &Manifest) -> Self {
        Self::new(lake, manifest, &manifest.deletes, DataFormat::Jsonl)
    }

    fn new(lake: &Lake, manifest: &Manifest, objects: &[StoredObject], format: DataFormat) -> Self {
        Self {
            source: PacketSource { lake: lake.clone(), table: manifest.table.clone(), sequence: manifest.sequence },
            columns: manifest.columns.clone(),
            objects: objects.iter().cloned().collect(),
            format,
            current: None,
            parquet: None,
        }
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
                DataFormat::Jsonl => self.current = Some(self.source.open(object).await?),
                DataFormat::Parquet => {
                    let bytes = self.source.whole(object.clone()).await?;
                    self.parquet = Some(ParquetLines::open(&object, &self.columns, bytes)?);
                }
            }
        }
    }
}

impl PacketSource {
    /// An object that is no larger than what is written at a time, whole and compared.
    async fn whole(&self, object: StoredObject) -> Result<Bytes, LakeError> {
        let mut whole = BytesMut::with_capacity(usize::try_from(object.bytes).unwrap_or(0));
        let mut current = self.open(object).await?;
        while let Some(chunk) = current.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        current.compare()?;
        Ok(whole.freeze())
    }

    async fn open(&self, object: StoredObject) -> Result<Current, LakeError> {
        let key = Path::parse(&object.key).unwrap_or_default();
        let found = match self.lake.store().get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => {
                let (table, sequence) = (self.table.clone(), self.sequence);
                return Err(LakeError::Missing { table, sequence, key: object.key.clone() });
            }
            Err(error) => return Err(LakeError::store("read", &key)(error)),
        };
        let (chunks, digest) = (chunks_of(found), Sha256::new());
        Ok(Current { object, chunks, digest, bytes: 0, lines: 0, rest: BytesMut::new() })
    }
}

/// How many bytes of a file are read at a time: each read is handed to another thread, which should be worth it.
const FILE_BYTES: usize = 1024 * 1024;

/// The bytes of an object, chunk by chunk.
fn chunks_of(found: GetResult) -> BoxStream<'static, object_store::Result<Bytes>> {
    let path = found.meta.location.to_string();
    match found.payload {
        GetResultPayload::File(file, _) => {
            let read = move |file: File| {
                let path = path.clone();
                async move {
                    let read = tokio::task::spawn_blocking(move || read_some(file)).await;
                    read.map_err(std::io::Error::other).and_then(|read| read).map_err(|source| Error::Generic {
                        store: "file",
                        source: format!("can't read `{path}`: {source}").into(),
                    })
                }
            };
            stream::try_unfold(file, read).boxed()
        }
        GetResultPayload::Stream(chunks) => chunks,
    }
}

/// The next bytes of a file; `None` at its end.
fn read_some(mut file: File) -> std::io::Result<Option<(Bytes, File)>> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    file.by_ref().take(FILE_BYTES as u64).read_to_end(&mut bytes)?;
    Ok((!bytes.is_empty()).then(|| (bytes.into(), file)))
}

impl Current {
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
        let object = &self.object;
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
