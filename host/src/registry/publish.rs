//! Publishing, fetching and taking back.

use super::error::RegistryError;
use super::lock::{Action, HistoryEntry, PluginsLock, PublishedPlugin};
use crate::text::sha256;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use std::sync::Arc;

/// The name of the lock.
const LOCK: &str = "plugins.lock";

/// What stands above the entries of the lock.
const LOCK_HEADER: &str = "# Written by `host plugin publish` and `host plugin rollback`.\n\n";

/// The published plugins of a store.
#[derive(Clone, Debug)]
pub struct Registry {
    store: Arc<dyn ObjectStore>,
    name: String,
}

/// The lock as it was read: what a change of it is based on.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What it said.
    pub lock: PluginsLock,
    /// `None`: there was none.
    version: Option<UpdateVersion>,
}

/// A component to publish.
#[derive(Clone, Debug)]
pub struct Component {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of what was looked at.
    pub digest: String,
    /// The component.
    pub wasm: Vec<u8>,
}

impl Component {
    /// A component of these bytes.
    #[must_use]
    pub fn new(name: &str, version: &str, wasm: Vec<u8>) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), digest: sha256(&wasm), wasm }
    }
}

/// What came into force.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Published {
    /// The plugin's name.
    pub plugin: String,
    /// The digest before.
    pub digest_before: Option<String>,
    /// The entry.
    #[serde(flatten)]
    pub entry: HistoryEntry,
}

impl Registry {
    /// The plugins of `store`, called `name` in messages.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, name: String) -> Self {
        Self { store, name }
    }

    /// Reads the lock.
    ///
    /// # Errors
    /// [`RegistryError::Store`] and [`RegistryError::Lock`].
    pub async fn read(&self) -> Result<Snapshot, RegistryError> {
        let found = match self.store.get(&Path::from(LOCK)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(Snapshot::default()),
            Err(error) => return Err(self.error(error)),
        };
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let bytes = found.bytes().await.map_err(|error| self.error(error))?;
        let mistake = |reason: String| RegistryError::Lock { store: self.name.clone(), reason };
        let text = std::str::from_utf8(&bytes).map_err(|error| mistake(error.to_string()))?;
        if text.trim().is_empty() {
            return Err(mistake("it is empty".to_owned()));
        }
        let lock: PluginsLock = toml::from_str(text).map_err(|error| mistake(error.to_string()))?;
        lock.check().map_err(mistake)?;
        Ok(Snapshot { lock, version: Some(version) })
    }

    /// The entry of a plugin.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub fn published<'a>(&self, snapshot: &'a Snapshot, name: &str) -> Result<&'a PublishedPlugin, RegistryError> {
        snapshot.lock.plugins.get(name).ok_or_else(|| {
            let known: Vec<_> = snapshot.lock.plugins.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            RegistryError::Unknown { name: crate::text::shown(name, 80), store: self.name.clone(), known }
        })
    }

    /// The component of `name` with `digest`.
    ///
    /// # Errors
    /// [`RegistryError::Store`] and [`RegistryError::Damaged`].
    pub async fn fetch(&self, name: &str, digest: &str) -> Result<Vec<u8>, RegistryError> {
        let damaged =
            |found: String| RegistryError::Damaged { name: name.to_owned(), found, expected: digest.to_owned() };
        let found = match self.store.get(&component_path(name, digest)).await {
            Err(Error::NotFound { .. }) => return Err(damaged("none, as it is gone".to_owned())),
            found => found.map_err(|error| self.error(error))?,
        };
        let bytes = found.bytes().await.map_err(|error| self.error(error))?;
        let found = sha256(&bytes);
        if found != digest {
            return Err(damaged(found));
        }
        Ok(bytes.to_vec())
    }

    /// Puts a component in force, if the lock is still what `snapshot` says.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] where it is not; then nothing has changed, but that the component is kept.
    pub async fn publish(
        &self,
        snapshot: Snapshot,
        component: Component,
        at: String,
        note: Option<String>,
    ) -> Result<Published, RegistryError> {
        self.keep(&component).await?;
        let Component { name, version, digest, .. } = component;
        self.enter(snapshot, &name, HistoryEntry { at, action: Action::Publish, digest, version, note }).await
    }

    /// Keeps a component under its digest, without putting it in force; mends a damaged one.
    ///
    /// # Errors
    /// [`RegistryError::Changed`] and [`RegistryError::Store`].
    pub async fn keep(&self, component: &Component) -> Result<(), RegistryError> {
        let Component { name, digest, wasm, .. } = component;
        if sha256(wasm) != *digest {
            return Err(RegistryError::Changed { name: name.clone() });
        }
        let path = component_path(name, digest);
        let created = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(wasm.clone());
        match self.store.put_opts(&path, payload.clone(), created).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. }) => match self.fetch(name, digest).await {
                // Under its digest there can be no other: whoever else mends it writes the same.
                Err(RegistryError::Damaged { .. }) => {
                    self.store.put(&path, payload).await.map(|_| ()).map_err(|error| self.error(error))
                }
                fetched => fetched.map(|_| ()),
            },
            Err(error) => Err(self.error(error)),
        }
    }

    /// Puts an earlier component in force: the one before, or the last whose digest begins with `to`.
    ///
    /// # Errors
    /// [`RegistryError`]; then nothing has changed.
    pub async fn roll_back(
        &self,
        snapshot: Snapshot,
        name: &str,
        to: Option<&str>,
        at: String,
        note: Option<String>,
    ) -> Result<Published, RegistryError> {
        let published = self.published(&snapshot, name)?;
        let target = match to {
            Some(prefix) => {
                let digest = crate::text::shown(prefix, 80);
                let found = published.find(prefix);
                let found = found.ok_or(RegistryError::NoSuchDigest { name: name.to_owned(), digest })?;
                if found.digest == published.digest {
                    return Err(RegistryError::InForce { name: name.to_owned(), digest: found.digest.clone() });
                }
                found
            }
            None => published.before().ok_or_else(|| RegistryError::NothingBefore {
                name: name.to_owned(),
                digest: published.digest.clone(),
            })?,
        };
        let entry = HistoryEntry { at, action: Action::Rollback, note, ..target.clone() };
        // What comes into force must be there, and whole.
        self.fetch(name, &entry.digest).await?;
        self.enter(snapshot, name, entry).await
    }

    async fn enter(&self, snapshot: Snapshot, name: &str, entry: HistoryEntry) -> Result<Published, RegistryError> {
        let Snapshot { mut lock, version } = snapshot;
        let digest_before = lock.plugins.get(name).map(|plugin| plugin.digest.clone());
        let empty = || PublishedPlugin { digest: String::new(), version: String::new(), history: Vec::new() };
        lock.plugins.entry(name.to_owned()).or_insert_with(empty).enter(entry.clone());
        let text = toml::to_string(&lock)
            .map_err(|error| RegistryError::Lock { store: self.name.clone(), reason: error.to_string() })?;
        let mode = version.map_or(PutMode::Create, PutMode::Update);
        let payload = PutPayload::from(format!("{LOCK_HEADER}{text}").into_bytes());
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.store.put_opts(&Path::from(LOCK), payload, options).await {
            Ok(_) => Ok(Published { plugin: name.to_owned(), digest_before, entry }),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => match self.read().await {
                Ok(Snapshot { version: None, .. }) => Err(RegistryError::Lock {
                    store: self.name.clone(),
                    reason: "something stands in its place that is no file".to_owned(),
                }),
                _ => Err(RegistryError::Conflict { name: name.to_owned() }),
            },
            Err(error) => Err(self.error(error)),
        }
    }

    fn error(&self, source: Error) -> RegistryError {
        RegistryError::Store { store: self.name.clone(), source }
    }
}

fn component_path(name: &str, digest: &str) -> Path {
    Path::from_iter([name.to_owned(), format!("{digest}.wasm")])
}
