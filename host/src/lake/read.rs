//! The lines of a packet, as they were written: every object's checksum is compared.

use super::checksums::Checksums;
use super::parquet::ParquetLines;
use super::{Lake, LakeError};
use crate::packet::{DataFormat, Manifest, SourceColumn, StoredObject};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{Error, GetResultPayload, ObjectStoreExt};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;

/// How many bytes of lines are handed out at a time: as many as a plugin gets at a time.
const PIECE_BYTES: usize = crate::input::CHUNK_BYTES;

/// How many bytes of a file are read at a time: they are still in the processor's cache when they are hashed.
const READ_BYTES: usize = 256 * 1024;

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
    is_thorough: bool,
}

/// An object that is being read.
struct Current {
    object: StoredObject,
    /// `None` where reading failed.
    reader: Option<ObjectReader>,
}

struct ObjectReader {
    payload: Payload,
    checksums: Checksums,
    bytes: u64,
    /// How many lines were handed out, if the bytes are lines.
    lines: Option<u64>,
    /// The beginning of a line whose end is to come.
    begun: Vec<u8>,
}

enum Payload {
    File(File),
    Stream(BoxStream<'static, object_store::Result<Bytes>>),
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

    /// Compares all checksums of each object, and not only the one that is quick to compute.
    #[must_use]
    pub fn thorough(mut self) -> Self {
        self.source.is_thorough = true;
        self
    }

    fn new(lake: &Lake, manifest: &Manifest, objects: &[StoredObject], format: DataFormat) -> Self {
        Self {
            source: PacketSource {
                lake: lake.clone(),
                table: manifest.table.clone(),
                sequence: manifest.sequence,
                is_thorough: false,
            },
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
                DataFormat::Jsonl => self.current = Some(self.source.open(object, DataFormat::Jsonl).await?),
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
        let mut whole = Vec::with_capacity(usize::try_from(object.bytes).unwrap_or(0));
        let mut current = self.open(object, DataFormat::Parquet).await?;
        while let Some(piece) = current.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }

    async fn open(&self, object: StoredObject, format: DataFormat) -> Result<Current, LakeError> {
        let key = Path::parse(&object.key).unwrap_or_default();
        let found = match self.lake.store().get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => {
                let (table, sequence) = (self.table.clone(), self.sequence);
                return Err(LakeError::Missing { table, sequence, key: object.key.clone() });
            }
            Err(error) => return Err(LakeError::store("read", &key)(error)),
        };
        let payload = match found.payload {
            GetResultPayload::File(file, _) => Payload::File(file),
            GetResultPayload::Stream(chunks) => Payload::Stream(chunks),
        };
        let checksums = if self.is_thorough { Checksums::new() } else { Checksums::quick(&object) };
        let lines = (format == DataFormat::Jsonl).then_some(0);
        let reader = ObjectReader { payload, checksums, bytes: 0, lines, begun: Vec::new() };
        Ok(Current { object, reader: Some(reader) })
    }
}

impl Current {
    /// The next piece, which ends where a line ends; `None` at the end, where all is as the manifest says.
    async fn next(&mut self) -> Result<Option<Bytes>, LakeError> {
        let failed = |source| LakeError::Store { action: "read", key: self.object.key.clone(), source };
        let reader = self.reader.take().ok_or(LakeError::Interrupted)?;
        let (piece, reader) = reader.next().await.map_err(failed)?;
        if piece.is_empty() {
            self.compare(reader)?;
            return Ok(None);
        }
        self.reader = Some(reader);
        Ok(Some(piece.into()))
    }

    fn compare(&self, reader: ObjectReader) -> Result<(), LakeError> {
        let object = &self.object;
        let damaged = |what, expected: &dyn ToString, found: &dyn ToString| LakeError::Damaged {
            key: object.key.clone(),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        };
        if reader.bytes != object.bytes {
            return Err(damaged("size", &object.bytes, &reader.bytes));
        }
        if let Some((what, expected, found)) = reader.checksums.difference(object) {
            return Err(damaged(what, &expected, &found));
        }
        match reader.lines {
            Some(lines) if lines != object.lines => Err(damaged("number of lines", &object.lines, &lines)),
            _ => Ok(()),
        }
    }
}

impl ObjectReader {
    /// The next piece: empty at the end.
    async fn next(mut self) -> object_store::Result<(Vec<u8>, Self)> {
        if let Payload::Stream(chunks) = &mut self.payload {
            let mut piece = std::mem::take(&mut self.begun);
            loop {
                match chunks.next().await.transpose()? {
                    None => return Ok((self.counted(piece), self)),
                    Some(chunk) => {
                        self.checksums.update(&chunk);
                        self.bytes += chunk.len() as u64;
                        piece.extend_from_slice(&chunk);
                    }
                }
                if piece.len() >= PIECE_BYTES
                    && let Some(end) = memchr::memrchr(b'\n', &piece)
                {
                    self.begun = piece.split_off(end + 1);
                    return Ok((self.counted(piece), self));
                }
            }
        }
        let read = tokio::task::spawn_blocking(move || self.read_file().map(|piece| (piece, self))).await;
        let read = read.map_err(std::io::Error::other).and_then(|read| read);
        read.map_err(|error| Error::Generic { store: "file", source: error.into() })
    }

    /// The next piece of a file.
    fn read_file(&mut self) -> std::io::Result<Vec<u8>> {
        let Payload::File(file) = &mut self.payload else { return Ok(Vec::new()) };
        let mut piece = Vec::with_capacity(PIECE_BYTES.max(self.begun.len() + READ_BYTES));
        piece.append(&mut self.begun);
        loop {
            let start = piece.len();
            let room = PIECE_BYTES.saturating_sub(start);
            let wanted = if room == 0 { READ_BYTES } else { room.min(READ_BYTES) };
            let read = file.by_ref().take(wanted as u64).read_to_end(&mut piece)?;
            self.checksums.update(&piece[start..]);
            self.bytes += read as u64;
            if read < wanted {
                return Ok(self.counted(piece));
            }
            if piece.len() >= PIECE_BYTES
                && let Some(end) = memchr::memrchr(b'\n', &piece)
            {
                self.begun = piece.split_off(end + 1);
                return Ok(self.counted(piece));
            }
        }
    }

    fn counted(&mut self, piece: Vec<u8>) -> Vec<u8> {
        if let Some(lines) = &mut self.lines {
            *lines += memchr::memchr_iter(b'\n', &piece).count() as u64;
        }
        piece
    }
}
