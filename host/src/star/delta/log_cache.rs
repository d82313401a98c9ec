//! The entries of logs, read once.
//!
//! A table's log is asked for many things: how far each input has come, its files, what made it; and each question reads the entries
//! since the last checkpoint. An entry never changes, so that one that was read is kept, as long as the list of the log names it
//! with the same e-tag: of a table that was removed and begun anew nothing old is seen.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// How much is kept: the entries of some hundred tables since their last checkpoint.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A store whose entries of logs are read once.
#[derive(Debug)]
pub(super) struct LogCache<S: ?Sized> {
    store: Arc<S>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The e-tags that the last lists named.
    listed: BTreeMap<Path, String>,
    entries: BTreeMap<Path, (ObjectMeta, Bytes)>,
    bytes: usize,
}

impl Known {
    fn list(&mut self, found: &ObjectMeta) {
        if let Some(e_tag) = found.e_tag.as_ref().filter(|_| is_entry(&found.location)) {
            self.listed.insert(found.location.clone(), e_tag.clone());
        }
    }

    fn find(&self, location: &Path) -> Option<(ObjectMeta, Bytes)> {
        let (meta, bytes) = self.entries.get(location)?;
        (meta.e_tag.as_ref() == self.listed.get(location) && meta.e_tag.is_some())
            .then(|| (meta.clone(), bytes.clone()))
    }

    fn keep(&mut self, meta: &ObjectMeta, bytes: &Bytes) {
        if self.bytes + bytes.len() > BYTES_MAX {
            self.entries.clear();
            self.bytes = 0;
        }
        self.list(meta);
        let before = self.entries.insert(meta.location.clone(), (meta.clone(), bytes.clone()));
        self.bytes += bytes.len();
        self.bytes -= before.map_or(0, |(_, bytes)| bytes.len());
    }
}

/// Whether an object is an entry of a log: `<table>/_delta_log/<digits>.json`.
fn is_entry(location: &Path) -> bool {
    let mut parts = location.parts().rev();
    let name = parts.next();
    let digits = name.as_ref().and_then(|name| name.as_ref().strip_suffix(".json"));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        && parts.next().is_some_and(|folder| folder.as_ref() == "_delta_log")
}

impl<S: ObjectStore + ?Sized> LogCache<S> {
    pub(super) fn new(store: Arc<S>) -> Self {
        Self { store, known: Arc::default() }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same objects, noted as they pass.
    fn noted(&self, found: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        let known = Arc::clone(&self.known);
        let note = move |found: &ObjectMeta| known.lock().unwrap_or_else(PoisonError::into_inner).list(found);
        found.inspect_ok(note).boxed()
    }
}

impl<S: ?Sized> fmt::Display for LogCache<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a store whose logs are read once")
    }
}

#[async_trait]
impl<S: ObjectStore + ?Sized> ObjectStore for LogCache<S> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !is_entry(location) || options.range.is_some() || options.head {
            return self.store.get_opts(location, options).await;
        }
        let found = self.known().find(location);
        if let Some((meta, bytes)) = found {
            return Ok(whole(meta, bytes));
        }
        let found = self.store.get_opts(location, options).await?;
        let meta = found.meta.clone();
        let bytes = found.bytes().await?;
        self.known().keep(&meta, &bytes);
        Ok(whole(meta, bytes))
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.noted(self.store.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.noted(self.store.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let found = self.store.list_with_delimiter(prefix).await?;
        found.objects.iter().for_each(|found| self.known().list(found));
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}

/// An object that was read to its end.
fn whole(meta: ObjectMeta, bytes: Bytes) -> GetResult {
    let range = 0..bytes.len() as u64;
    let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
    GetResult { payload, attributes: Default::default(), meta, range, extensions: Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutMode};

    async fn read(store: &LogCache<InMemory>, location: &Path) -> String {
        let bytes = store.get(location).await.unwrap().bytes().await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Two objects of one name, one after the other: what is read is what the last list named.
    #[tokio::test]
    async fn an_entry_is_read_once_until_a_list_names_another() {
        let inner = Arc::new(InMemory::new());
        let store = LogCache::new(Arc::clone(&inner));
        let entry = Path::from("fact/_delta_log/00000000000000000000.json");
        let other = Path::from("fact/_delta_log/_last_checkpoint");
        for location in [&entry, &other] {
            inner.put(location, "one".into()).await.unwrap();
            assert_eq!(read(&store, location).await, "one");
            let options = PutOptions { mode: PutMode::Overwrite, ..PutOptions::default() };
            inner.put_opts(location, "two".into(), options).await.unwrap();
        }
        assert_eq!(read(&store, &entry).await, "one");
        assert_eq!(read(&store, &other).await, "two");
        store.list(None).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(read(&store, &entry).await, "two");
    }
}
