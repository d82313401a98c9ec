//! The raw lake: packets, and the order in which they came.
//!
//! A packet is committed by creating its manifest, once: of any number of writers that create the same sequence id, one wins.
//! No object is ever overwritten, the small hint `<table>/cursor` aside.

mod checksums;
mod error;
mod gc;
mod packet_writer;
mod parquet;
mod pick;
mod read;
mod upload;

pub use error::LakeError;
pub use gc::{Collected, collect_garbage};
pub use packet_writer::PacketWriter;
pub use pick::{PickedLine, pick_lines};
pub use read::PacketLines;
pub use upload::{DataWriter, ObjectLimits, ObjectUpload};

use crate::packet::{self, CursorPosition, Manifest, SEQUENCE_MAX, StoredObject};
use crate::store::Store;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A raw lake.
#[derive(Clone, Debug)]
pub struct Lake {
    store: Arc<dyn Store>,
}

/// The end of a table's packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last sequence id; 0 if there is no packet.
    pub sequence: u64,
    /// How many sequence ids are missing among those that were looked at.
    pub gaps: u64,
}

/// How an attempt to commit a packet ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The packet is in the lake.
    Done,
    /// Another run has committed a packet with this sequence id.
    Lost,
}

/// Where a run without rows ended. It holds as long as `sequence` is the newest packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CursorHint {
    sequence: u64,
    cursor: CursorPosition,
    #[serde(with = "packet::moment")]
    at: DateTime<Utc>,
}

impl Lake {
    /// A lake in a store, whose multipart uploads create objects and never overwrite.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The tables that have anything in the lake, by name.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn tables(&self) -> Result<Vec<String>, LakeError> {
        let listed = self.store.list_with_delimiter(None).await.map_err(LakeError::store("list", &Path::default()))?;
        let name = |prefix: &Path| prefix.parts().next().map(|part| packet::decode_segment(part.as_ref()));
        let mut tables: Vec<String> = listed.common_prefixes.iter().filter_map(name).collect();
        tables.sort_unstable();
        Ok(tables)
    }

    /// The last packet of a table, given that the checkpoint knows of packet `known`, or of none: 0.
    ///
    /// # Errors
    /// [`LakeError::Store`]; [`LakeError::CheckpointAhead`] if `known` is not there.
    pub async fn head(&self, table: &str, known: u64) -> Result<Head, LakeError> {
        let mut head = Head { sequence: known.saturating_sub(1), gaps: 0 };
        let mut sequences = self.sequences_after(table, head.sequence).await?;
        sequences.sort_unstable();
        if known > 0 && sequences.first() != Some(&known) {
            let lake = match sequences.last() {
                Some(last) => *last,
                None => self.sequences_after(table, 0).await?.into_iter().max().unwrap_or(0),
            };
            return Err(LakeError::CheckpointAhead { table: table.to_owned(), checkpoint: known, lake });
        }
        for sequence in sequences {
            head.gaps += sequence - head.sequence - 1;
            head.sequence = sequence;
        }
        Ok(head)
    }

    /// The sequence ids of a table's packets that are larger than `after`, in no order.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn sequences_after(&self, table: &str, after: u64) -> Result<Vec<u64>, LakeError> {
        let prefix = packet::manifests_prefix(table);
        let listed = match after {
            0 => self.store.list(Some(&prefix)),
            _ => self.store.list_with_offset(Some(&prefix), &packet::manifest_key(table, after)),
        };
        let sequences = listed.try_filter_map(async |object| Ok(packet::sequence_of(&object.location)));
        sequences.try_collect().await.map_err(LakeError::store("list", &prefix))
    }

    /// The manifest of a packet.
    ///
    /// # Errors
    /// [`LakeError::Store`], with [`object_store::Error::NotFound`] if there is none; [`LakeError::Manifest`].
    pub async fn manifest(&self, table: &str, sequence: u64) -> Result<Manifest, LakeError> {
        let key = packet::manifest_key(table, sequence);
        let json = self.get(&key).await?;
        Manifest::from_json(table, sequence, &json)
            .map_err(|source| LakeError::Manifest { key: key.to_string(), source })
    }

    /// Commits a packet whose data objects are in the lake.
    ///
    /// # Errors
    /// [`LakeError::Store`] if the storage fails, whether the manifest was stored or not: the next run sees; and
    /// [`LakeError::Full`].
    pub async fn commit(&self, manifest: &Manifest) -> Result<Commit, LakeError> {
        if manifest.sequence > SEQUENCE_MAX {
            return Err(LakeError::Full { table: manifest.table.clone() });
        }
        let key = packet::manifest_key(&manifest.table, manifest.sequence);
        let Err(error) = self.create(&key, manifest.to_json().into()).await else { return Ok(Commit::Done) };
        // A reply that was lost looks like a failure, and on a second attempt like somebody else's packet.
        match self.manifest(&manifest.table, manifest.sequence).await {
            Ok(stored) if stored == *manifest => Ok(Commit::Done),
            Ok(_) => Ok(Commit::Lost),
            Err(LakeError::Store { .. }) => Err(LakeError::store("create", &key)(error)),
            Err(other) => Err(other),
        }
    }

    /// Where the cursor stands of a table whose newest packet is `newest`: there, or further where runs found no rows since.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn cursor(&self, newest: &Manifest) -> Result<CursorPosition, LakeError> {
        let hint = self.cursor_hint(&newest.table).await?.map(|(hint, _)| hint);
        let holds = hint.filter(|hint| hint.sequence == newest.sequence);
        Ok(holds.map_or_else(|| newest.cursor.clone(), |hint| hint.cursor))
    }

    /// Remembers that a run found no rows after packet `sequence`. Of several runs that do so at once one wins, which does no
    /// harm: what any of them says is true.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn move_cursor(
        &self,
        table: &str,
        sequence: u64,
        cursor: &CursorPosition,
        now: DateTime<Utc>,
    ) -> Result<(), LakeError> {
        let key = packet::cursor_key(table);
        let found = self.cursor_hint(table).await?;
        let mode = match found {
            Some((hint, _)) if hint.sequence == sequence && hint.cursor == *cursor => return Ok(()),
            Some((_, version)) => PutMode::Update(version),
            None => PutMode::Create,
        };
        let hint = CursorHint { sequence, cursor: cursor.clone(), at: now };
        let json = serde_json::to_vec(&hint).expect("a hint has no maps with keys that are no text");
        match self.store.put_opts(&key, json.into(), PutOptions { mode, ..PutOptions::default() }).await {
            Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
            Err(error) => Err(LakeError::store("replace", &key)(error)),
        }
    }

    /// A hint that can't be read is none: it only saves work.
    async fn cursor_hint(&self, table: &str) -> Result<Option<(CursorHint, UpdateVersion)>, LakeError> {
        let key = packet::cursor_key(table);
        let found = match self.store.get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(LakeError::store("read", &key)(error)),
        };
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let json = found.bytes().await.map_err(LakeError::store("read", &key))?;
        let hint = serde_json::from_slice(&json).unwrap_or_else(|error| {
            tracing::warn!(%key, %error, "the hint can't be read, and is not used");
            CursorHint { sequence: 0, cursor: CursorPosition::None, at: DateTime::UNIX_EPOCH }
        });
        Ok(Some((hint, version)))
    }

    /// Looks whether an object of a packet is there, in its size.
    ///
    /// # Errors
    /// [`LakeError::Missing`], [`LakeError::Damaged`] and [`LakeError::Store`].
    pub async fn check(&self, manifest: &Manifest, object: &StoredObject) -> Result<(), LakeError> {
        let key = Path::parse(&object.key).unwrap_or_default();
        match self.store.head(&key).await {
            Ok(found) if found.size == object.bytes => Ok(()),
            Ok(found) => Err(LakeError::Damaged {
                key: object.key.clone(),
                what: "size",
                expected: object.bytes.to_string(),
                found: found.size.to_string(),
            }),
            Err(Error::NotFound { .. }) => {
                let (table, sequence) = (manifest.table.clone(), manifest.sequence);
                Err(LakeError::Missing { table, sequence, key: object.key.clone() })
            }
            Err(error) => Err(LakeError::store("look at", &key)(error)),
        }
    }

    /// Creates an object.
    pub(crate) async fn create(&self, key: &Path, payload: PutPayload) -> object_store::Result<()> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.store.put_opts(key, payload, options).await.map(|_| ())
    }

    async fn get(&self, key: &Path) -> Result<Bytes, LakeError> {
        let failed = LakeError::store("read", key);
        match self.store.get(key).await {
            Ok(found) => found.bytes().await.map_err(failed),
            Err(error) => Err(failed(error)),
        }
    }
}
