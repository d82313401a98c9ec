//! Objects on their way into the star lake.

use super::{Parts, ProcessError, keys};
use crate::files::Spooled;
use crate::lake::LakeError;
use crate::star::{NewTableFile, SpooledFile, TableFile};
use futures_util::{StreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// How many files are on their way at once: each waits for the store most of the time.
const UPLOADS_AT_ONCE: usize = 8;

/// A file of a star table that is to be stored.
pub(super) struct StarUpload {
    /// The table's index among those of the plugin.
    pub(super) table: usize,
    /// The file's name in the folder of its table.
    pub(super) name: String,
    pub(super) file: SpooledFile,
}

impl Parts {
    /// Stores files of `tables`; their names are made of their digests, so that one that is already there is the same.
    pub(super) fn store_files(
        &self,
        tables: &[&str],
        uploads: Vec<StarUpload>,
    ) -> Result<Vec<(usize, NewTableFile)>, ProcessError> {
        self.store_or_mend(tables, uploads, false)
    }

    /// Stores files of `tables`. With `mends` those that are already there are read, and replaced where they are damaged.
    pub(super) fn store_or_mend(
        &self,
        tables: &[&str],
        uploads: Vec<StarUpload>,
        mends: bool,
    ) -> Result<Vec<(usize, NewTableFile)>, ProcessError> {
        let stored = uploads.into_iter().map(async |StarUpload { table, name, file }| {
            let SpooledFile { spooled, rows, stats } = file;
            let bytes = spooled.bytes;
            let key = keys::table_file(tables[table], &name);
            if mends {
                self.remove_damaged(&key, &spooled.sha256).await?;
            }
            self.store_spooled(&key, spooled).await?;
            Ok::<_, ProcessError>((table, NewTableFile { file: TableFile { path: name, bytes, rows }, stats }))
        });
        self.star.wait(async {
            let mut stored = stream::iter(stored).buffered(UPLOADS_AT_ONCE);
            let mut files = Vec::new();
            while let Some(file) = stored.next().await {
                files.push(file?);
            }
            Ok(files)
        })
    }

    /// Removes an object whose bytes have another digest.
    async fn remove_damaged(&self, key: &Path, sha256: &str) -> Result<(), ProcessError> {
        let store = self.star.store();
        let found = match store.get(key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(LakeError::store("read", key)(error).into()),
        };
        let (mut chunks, mut digest) = (found.into_stream(), Sha256::new());
        while let Some(chunk) = chunks.next().await {
            digest.update(&chunk.map_err(LakeError::store("read", key))?);
        }
        if crate::text::hexadecimal(&digest.finalize()) != sha256 {
            tracing::warn!(%key, "the file is damaged, and is made again");
            store.delete(key).await.map_err(LakeError::store("remove", key))?;
        }
        Ok(())
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, key: &Path) -> Result<(), ProcessError> {
        match self.star.wait(self.star.store().delete(key)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(LakeError::store("remove", key)(error).into()),
        }
    }

    /// Stores bytes under a key that says what they are.
    pub(super) async fn store_spooled(&self, key: &Path, spooled: Spooled) -> Result<(), ProcessError> {
        self.star.store_spooled(key, spooled, (self.clock)()).await
    }

    /// Stores a document; what was there before goes.
    pub(super) fn store_document(&self, key: &Path, document: &impl Serialize) -> Result<(), ProcessError> {
        let json = serde_json::to_vec_pretty(document).map_err(|error| LakeError::Store {
            action: "write",
            key: key.to_string(),
            source: Error::Generic { store: "JSON", source: error.into() },
        })?;
        let options = PutOptions { mode: PutMode::Overwrite, ..PutOptions::default() };
        self.star
            .wait(self.star.store().put_opts(key, json.into(), options))
            .map_err(LakeError::store("write", key))?;
        Ok(())
    }

    /// A document; `None` if there is none that can be read.
    pub(crate) fn document<T: DeserializeOwned>(&self, key: &Path) -> Result<Option<T>, ProcessError> {
        let read = self.star.wait(async {
            match self.star.store().get(key).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let json = read.map_err(LakeError::store("read", key))?;
        Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
    }
}
