//! Memory as an object store.

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use std::fmt;
use std::sync::Arc;

/// Objects in memory, gone with the store. It differs from that of `object_store` in what the host relies on: an upload in
/// parts creates its object and never overwrites one.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    objects: Arc<InMemory>,
}

impl MemoryStore {
    /// A store without objects. Clones share them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("memory")
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.objects.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let PutMultipartOptions { tags, attributes, extensions } = options;
        let options = PutOptions { mode: PutMode::Create, tags, attributes, extensions };
        Ok(Box::new(MemoryUpload { objects: self.objects.clone(), location: location.clone(), options, parts: vec![] }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

/// Parts that are kept until they become an object.
#[derive(Debug)]
struct MemoryUpload {
    objects: Arc<InMemory>,
    location: Path,
    options: PutOptions,
    parts: Vec<PutPayload>,
}

#[async_trait]
impl MultipartUpload for MemoryUpload {
    fn put_part(&mut self, content: PutPayload) -> UploadPart {
        self.parts.push(content);
        Box::pin(std::future::ready(Ok(())))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        // The pieces of the parts, put in a row without being copied.
        let content = std::mem::take(&mut self.parts).into_iter().flatten().collect();
        self.objects.put_opts(&self.location, content, self.options.clone()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}
