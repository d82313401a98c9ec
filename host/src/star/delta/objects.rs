//! Objects of the star lake whose names are made of their digests, and the tables that there are.

use super::{StarLake, TableError};
use crate::files::Spooled;
use crate::lake::{LakeError, ObjectUpload};
use crate::star::StarError;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

/// An object of this age that is to become part of a table may be about to be removed, as one that belongs to none.
const AGE_HOURS_MAX: i64 = 24;

impl StarLake {
    /// The names of the folders that may be tables, in order. Whether one is a table is known when it is opened.
    ///
    /// # Errors
    /// [`TableError::Store`].
    pub fn tables(&self) -> Result<Vec<String>, TableError> {
        let listed = self.wait(self.store().list_with_delimiter(None));
        let listed = listed.map_err(|source| TableError::Store { action: "list", table: "*".to_owned(), source })?;
        let names = listed.common_prefixes.iter().filter_map(Path::filename);
        let mut names: Vec<String> = names.filter(|name| is_table_name(name)).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Stores bytes under a key that is made of their digest, so that what is already there is the same. What has lain there for
    /// long is written once more, and so is young again: garbage that is collected at the same time does not take it away.
    ///
    /// # Errors
    /// [`LakeError::Store`] and [`StarError::Temporary`].
    pub async fn store_spooled<E>(&self, key: &Path, spooled: Spooled, now: DateTime<Utc>) -> Result<(), E>
    where
        E: From<LakeError> + From<StarError>,
    {
        let lake = self.objects();
        let mut upload = ObjectUpload::new(key.clone());
        for part in spooled.parts().map_err(StarError::Temporary)? {
            upload.add(&lake, part.map_err(StarError::Temporary)?, 0).await?;
        }
        match upload.finish(&lake).await {
            Ok(_) => Ok(()),
            Err(LakeError::Store { source: Error::AlreadyExists { .. }, .. }) => self.renew(key, &spooled, now).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn renew<E>(&self, key: &Path, spooled: &Spooled, now: DateTime<Utc>) -> Result<(), E>
    where
        E: From<LakeError> + From<StarError>,
    {
        match self.store().head(key).await {
            Ok(found) if found.last_modified > now - TimeDelta::hours(AGE_HOURS_MAX) => return Ok(()),
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(LakeError::store("look at", key)(error).into()),
        }
        let parts = spooled.parts().map_err(StarError::Temporary)?;
        let parts: PutPayload = parts.collect::<Result<_, _>>().map_err(StarError::Temporary)?;
        let options = PutOptions { mode: PutMode::Overwrite, ..PutOptions::default() };
        self.store().put_opts(key, parts, options).await.map_err(LakeError::store("write", key))?;
        Ok(())
    }
}

/// Star tables have names of letters, digits and underscores.
fn is_table_name(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
