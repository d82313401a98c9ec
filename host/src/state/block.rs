//! Objects of a state: Parquet, one row group a block, with the digest and the range of keys of each block, and the digest of
//! the metadata at the end, in which these stand, and what the object belongs to.
#![allow(clippy::disallowed_types, reason = "the state is kept in Parquet")]

use super::Entries;
use crate::lake::{Lake, LakeError};
use arrow::array::{Array, BinaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::{Buf, Bytes};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

/// How many entries a block has: small enough that a single key is found quickly, large enough that the index is small.
pub(super) const BLOCK_ENTRIES: usize = 8 * 1024;
/// Under this name the index of the blocks stands in the metadata.
const BLOCKS: &str = "blocks";
/// Under this name it stands in the metadata what the object belongs to.
const PLACE: &str = "place";
/// The form of keys in states. Objects with keys of another one are not used.
const FORM: u32 = 1;
/// What stands before the digest of the metadata, in the metadata: that of their bytes with zeros in its place.
const SEAL: &str = "end-sha256:";
const DIGITS: usize = 64;
/// How much of the end of an object is read at first: the metadata of some hundred thousand entries.
const TAIL_BYTES: u64 = 64 * 1024;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Binary, false),
        Field::new("hash", DataType::FixedSizeBinary(16), true),
        Field::new("sequence", DataType::Int64, false),
        Field::new("line", DataType::Int64, false),
        Field::new("offset", DataType::Int64, false),
    ]))
});

/// Where a block is, and what it can hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct BlockIndex {
    offset: u64,
    bytes: u64,
    pub(super) entries: u64,
    #[serde(with = "base64_bytes")]
    pub(super) first: Vec<u8>,
    #[serde(with = "base64_bytes")]
    pub(super) last: Vec<u8>,
    sha256: String,
}

/// What an object belongs to. In the place of another one it would say of keys what is not so.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The form of its keys.
    form: u32,
    /// Its own key, in which table and packets are named.
    key: String,
    /// The chain of the packet that it is made of, or of the last one.
    chain: String,
}

impl Place {
    fn new(key: &Path, chain: &str) -> Self {
        Self { form: FORM, key: key.to_string(), chain: chain.to_owned() }
    }
}

/// Bytes as text in JSON.
mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

/// Writes sorted entries as an object, block by block.
pub(super) struct BlockWriter {
    writer: ArrowWriter<Vec<u8>>,
    place: Place,
    written: u64,
    blocks: Vec<BlockIndex>,
}

impl BlockWriter {
    /// A writer of the object `key` for the packet with this chain, or for several of which it is the last.
    pub(super) fn new(key: &Path, chain: &str) -> Result<Self, ParquetError> {
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_created_by("host".to_owned())
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_max_row_group_row_count(None);
        for column in ["sequence", "line", "offset"] {
            properties = properties.set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
        }
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&SCHEMA), Some(properties.build()))?;
        Ok(Self { writer, place: Place::new(key, chain), written: 0, blocks: Vec::new() })
    }

    /// Adds a block of the entries with the indices `order`, which sorts them. Gives the bytes that are next in the object.
    pub(super) fn write(&mut self, entries: &Entries, order: &[u32]) -> Result<Bytes, ParquetError> {
        let (Some(first), Some(last)) = (order.first(), order.last()) else { return Ok(Bytes::new()) };
        // What stands before the first block belongs to no block.
        self.writer.sync()?;
        let before = self.take();
        self.writer.write(&record_batch(entries, order)?)?;
        self.writer.flush()?;
        self.writer.sync()?;
        let block = self.take();
        self.blocks.push(BlockIndex {
            offset: self.written - block.len() as u64,
            bytes: block.len() as u64,
            entries: order.len() as u64,
            first: entries.keys.get(*first as usize).to_vec(),
            last: entries.keys.get(*last as usize).to_vec(),
            sha256: crate::text::hexadecimal(&Sha256::digest(&block)),
        });
        Ok(if before.is_empty() { block.into() } else { [before, block].concat().into() })
    }

    /// Ends the object. Gives its last bytes.
    pub(super) fn finish(mut self) -> Result<Bytes, ParquetError> {
        let failed = |error: serde_json::Error| ParquetError::External(error.into());
        let (blocks, place) = (serde_json::to_string(&self.blocks), serde_json::to_string(&self.place));
        self.writer.append_key_value_metadata(KeyValue::new(BLOCKS.to_owned(), blocks.map_err(failed)?));
        self.writer.append_key_value_metadata(KeyValue::new(PLACE.to_owned(), place.map_err(failed)?));
        self.writer
            .append_key_value_metadata(KeyValue::new("seal".to_owned(), format!("{SEAL}{}", "0".repeat(DIGITS))));
        self.writer.finish()?;
        let mut bytes = self.take();
        let start = metadata_bytes(&bytes).and_then(|length| bytes.len().checked_sub(length));
        let sealed = start.and_then(|start| Some((start, seal(&bytes[start..])?)));
        let (start, (place, digest)) = sealed.ok_or_else(|| ParquetError::General("no metadata".to_owned()))?;
        bytes[start..][place].copy_from_slice(digest.as_bytes());
        Ok(bytes.into())
    }

    fn take(&mut self) -> Vec<u8> {
        let bytes = std::mem::take(self.writer.inner_mut());
        self.written += bytes.len() as u64;
        bytes
    }
}

/// How many bytes the metadata take that end here.
fn metadata_bytes(end: &[u8]) -> Option<usize> {
    let [length @ .., b'P', b'A', b'R', b'1'] = end.last_chunk::<8>()? else { return None };
    usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_add(8)
}

/// Where the digest of metadata stands in them, and what it should be.
fn seal(metadata: &[u8]) -> Option<(Range<usize>, String)> {
    let start = memchr::memmem::find(metadata, SEAL.as_bytes())? + SEAL.len();
    let place = start..start + DIGITS;
    let mut blank = metadata.to_vec();
    blank.get_mut(place.clone())?.fill(b'0');
    Some((place, crate::text::hexadecimal(&Sha256::digest(&blank))))
}

fn record_batch(entries: &Entries, order: &[u32]) -> Result<RecordBatch, ArrowError> {
    let indices = || order.iter().map(|index| *index as usize);
    let (mut keys, mut ends) = (Vec::new(), Vec::with_capacity(order.len() + 1));
    ends.push(0_i32);
    for index in indices() {
        keys.extend_from_slice(entries.keys.get(index));
        ends.push(i32::try_from(keys.len()).map_err(|_| ArrowError::OffsetOverflowError(keys.len()))?);
    }
    let keys = BinaryArray::try_new(OffsetBuffer::new(ends.into()), Buffer::from_vec(keys), None)?;
    let mut hashes = Vec::with_capacity(order.len() * 16);
    indices().for_each(|index| hashes.extend_from_slice(&entries.hash(index).unwrap_or(0).to_be_bytes()));
    let live: NullBuffer = indices().map(|index| entries.hash(index).is_some()).collect();
    let live = Some(live).filter(|live| live.null_count() > 0);
    let hashes = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(hashes), live)?;
    let numbers = |values: &[u64]| {
        let values: Vec<i64> = indices().map(|index| values[index].cast_signed()).collect();
        Arc::new(Int64Array::new(ScalarBuffer::from(values), None))
    };
    let (sequences, lines, offsets) = (numbers(&entries.sequences), numbers(&entries.lines), numbers(&entries.offsets));
    RecordBatch::try_new(Arc::clone(&SCHEMA), vec![Arc::new(keys), Arc::new(hashes), sequences, lines, offsets])
}

/// An object of a state, opened.
#[derive(Debug)]
pub(super) struct StateFile {
    key: Path,
    metadata: ArrowReaderMetadata,
    pub(super) blocks: Vec<BlockIndex>,
}

/// The entries of a block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) keys: BinaryArray,
    hashes: FixedSizeBinaryArray,
    sequences: Int64Array,
    lines: Int64Array,
    offsets: Int64Array,
}

impl StateFile {
    /// Reads the end of the object `key` of the packet with this chain, where its index is. `None` if there is no such object, or
    /// what is there belongs elsewhere: it is then to be made again, and nobody is misled.
    pub(super) async fn open(lake: &Lake, key: &Path, chain: &str) -> Result<Option<Self>, LakeError> {
        let failed = |reason: String| LakeError::State { key: key.to_string(), reason };
        let (mut size, mut wanted) = (u64::MAX, TAIL_BYTES);
        let end = loop {
            let options = GetOptions { range: Some(GetRange::Suffix(wanted)), ..GetOptions::default() };
            let found = match lake.store().get_opts(key, options).await {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(LakeError::store("read", key)(error)),
            };
            size = size.min(found.meta.size);
            let tail = found.bytes().await.map_err(LakeError::store("read", key))?;
            match metadata_bytes(&tail) {
                Some(length) if length <= tail.len() => break tail.slice(tail.len() - length..),
                Some(length) if length as u64 > wanted && length as u64 <= size => wanted = length as u64,
                _ => return Err(failed("it does not end as Parquet".to_owned())),
            }
        };
        // Compared before they are read: what they say is believed.
        if seal(&end).is_none_or(|(place, digest)| end[place] != *digest.as_bytes()) {
            return Err(failed("the SHA-256 of its metadata is not the one in them".to_owned()));
        }
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
        reader.try_parse_sized(&end, size).map_err(|error| failed(error.to_string()))?;
        let metadata = reader.finish().map_err(|error| failed(error.to_string()))?;
        let pairs = metadata.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
        let value = |name: &str| pairs.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.as_deref());
        let place: Option<Place> = value(PLACE).and_then(|place| serde_json::from_str(place).ok());
        if place.as_ref() != Some(&Place::new(key, chain)) {
            // Older hosts did not say it; who needs the object then says that it is made again.
            if let Some(Place { key: other, .. }) = place {
                tracing::warn!(%key, other, "a part of a state lies where another belongs, and is not used; remove it");
            }
            return Ok(None);
        }
        let blocks = value(BLOCKS).ok_or_else(|| failed("it has no index".to_owned()))?;
        let blocks: Vec<BlockIndex> = serde_json::from_str(blocks).map_err(|error| failed(error.to_string()))?;
        let end = |block: &BlockIndex| block.offset.checked_add(block.bytes);
        let fits = blocks.iter().all(|block| end(block).is_some_and(|end| end <= size));
        if blocks.len() != metadata.num_row_groups() || !fits {
            return Err(failed("its index does not fit it".to_owned()));
        }
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new());
        let metadata = metadata.map_err(|error| failed(error.to_string()))?;
        if metadata.schema().fields() != SCHEMA.fields() {
            return Err(failed("its columns are not those of a state".to_owned()));
        }
        let key = key.clone();
        Ok(Some(Self { key, metadata, blocks }))
    }

    /// Reads a block, and compares its digest.
    pub(super) async fn read(&self, lake: &Lake, index: usize) -> Result<Block, LakeError> {
        let block = &self.blocks[index];
        let failed = |reason: String| LakeError::State { key: self.key.to_string(), reason };
        let range = block.offset..block.offset + block.bytes;
        let bytes = lake.store().get_range(&self.key, range).await.map_err(LakeError::store("read", &self.key))?;
        if crate::text::hexadecimal(&Sha256::digest(&bytes)) != block.sha256 {
            return Err(failed(format!("the SHA-256 of block {index} is not the one in its index")));
        }
        let window = Window { offset: block.offset, bytes };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(window, self.metadata.clone());
        let entries = usize::try_from(block.entries).unwrap_or(usize::MAX).min(BLOCK_ENTRIES);
        let reader = builder.with_row_groups(vec![index]).with_batch_size(entries).build();
        let batch = reader.map_err(|error| failed(error.to_string()))?.next();
        let batch = batch.ok_or_else(|| failed("a block is empty".to_owned()))?;
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        Block::new(&batch)
            .filter(|read| read.keys.len() as u64 == block.entries)
            .ok_or_else(|| failed(format!("block {index} does not hold what its index says")))
    }
}

impl Block {
    fn new(batch: &RecordBatch) -> Option<Self> {
        let numbers = |column: usize| batch.column(column).as_any().downcast_ref::<Int64Array>().cloned();
        Some(Self {
            keys: batch.column(0).as_any().downcast_ref::<BinaryArray>()?.clone(),
            hashes: batch.column(1).as_any().downcast_ref::<FixedSizeBinaryArray>()?.clone(),
            sequences: numbers(2)?,
            lines: numbers(3)?,
            offsets: numbers(4)?,
        })
    }

    /// The hash of a row; `None` if it is gone.
    pub(super) fn hash(&self, row: usize) -> Option<u128> {
        let bytes = self.hashes.is_valid(row).then(|| self.hashes.value(row))?;
        bytes.try_into().ok().map(u128::from_be_bytes)
    }

    /// Adds the entry of a row to others.
    pub(super) fn push_to(&self, row: usize, entries: &mut Entries) {
        let number = |values: &Int64Array| values.value(row).cast_unsigned();
        let (sequence, line, offset) = (number(&self.sequences), number(&self.lines), number(&self.offsets));
        entries.push(self.keys.value(row), self.hash(row), sequence, line, offset);
    }
}

/// A part of an object, read as if the rest were there.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) offset: u64,
    pub(crate) bytes: Bytes,
}

impl Window {
    /// A part of this part, in places of the object; `None` if it is not within it.
    pub(crate) fn part(&self, range: &Range<u64>) -> Option<Bytes> {
        let at = |place: u64| usize::try_from(place.checked_sub(self.offset)?).ok();
        let (from, to) = (at(range.start)?, at(range.end)?);
        (from <= to && to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl ChunkReader for Window {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.get_bytes(start, usize::try_from(self.len().saturating_sub(start)).unwrap_or(usize::MAX))?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let part = self.part(&(start..start.saturating_add(length as u64)));
        part.ok_or_else(|| ParquetError::EOF("a page lies outside its block".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    /// An object with one entry, and one that says nothing of where it belongs, as older hosts wrote them.
    fn objects(key: &Path) -> [Vec<u8>; 2] {
        let mut entries = Entries::default();
        entries.push(b"key", Some(7), 1, 0, 0);
        let mut writer = BlockWriter::new(key, "chain").unwrap();
        let object = [writer.write(&entries, &[0]).unwrap(), writer.finish().unwrap()].concat();
        let mut older = object.clone();
        let name = memchr::memmem::find(&older, PLACE.as_bytes()).unwrap();
        older[name..name + PLACE.len()].copy_from_slice(b"other");
        let start = older.len() - metadata_bytes(&older).unwrap();
        let (place, digest) = seal(&older[start..]).unwrap();
        older[start..][place].copy_from_slice(digest.as_bytes());
        [object, older]
    }

    #[tokio::test]
    async fn an_object_is_used_where_it_belongs_and_nowhere_else() {
        let store = MemoryStore::new();
        let lake = Lake::new(Arc::new(store.clone()));
        let (key, other) = (Path::from("t/state/1.parquet"), Path::from("u/state/1.parquet"));
        let [object, older] = objects(&key);
        for key in [&key, &other] {
            store.put(key, object.clone().into()).await.unwrap();
        }
        let found = StateFile::open(&lake, &key, "chain").await.unwrap().unwrap();
        assert_eq!(found.read(&lake, 0).await.unwrap().keys.value(0), b"key");
        assert!(StateFile::open(&lake, &key, "another").await.unwrap().is_none());
        assert!(StateFile::open(&lake, &other, "chain").await.unwrap().is_none());
        assert!(StateFile::open(&lake, &Path::from("t/state/2.parquet"), "chain").await.unwrap().is_none());
        store.put(&key, older.into()).await.unwrap();
        assert!(StateFile::open(&lake, &key, "chain").await.unwrap().is_none());
    }
}
