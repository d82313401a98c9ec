//! Lists of a folder in the order of the keys, as S3 has it: the file system gives them as it pleases.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::{DELIMITER, Path};
use object_store::{ListResult, ObjectMeta, ObjectStore, Result};

/// What lies in a folder.
enum Entry {
    Object(ObjectMeta),
    Folder(Path),
}

impl Entry {
    /// What the entries of a folder are ordered by: the key, and for a folder what the keys below it begin with.
    fn key(&self) -> String {
        match self {
            Self::Object(meta) => meta.location.to_string(),
            Self::Folder(path) => format!("{path}{DELIMITER}"),
        }
    }

    /// Whether it is, or may hold, what comes after `offset`.
    fn is_after(&self, offset: &Path) -> bool {
        let key = self.key();
        match self {
            Self::Object(_) => key.as_str() > offset.as_ref(),
            Self::Folder(_) => key.as_str() > offset.as_ref() || offset.as_ref().starts_with(&key),
        }
    }
}

/// The objects below a location and after another, one folder at a time, as they are asked for.
pub(super) fn list(
    files: LocalFileSystem,
    prefix: Option<&Path>,
    offset: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let rest = vec![Entry::Folder(prefix.cloned().unwrap_or_default())];
    let offset = offset.cloned();
    stream::try_unfold(rest, move |rest| {
        let (files, offset) = (files.clone(), offset.clone());
        async move { next_objects(&files, offset.as_ref(), rest).await }
    })
    .map_ok(|objects| stream::iter(objects.into_iter().map(Ok)))
    .try_flatten()
    .boxed()
}

/// The next objects of what is still to come, which stands last first: as many as are known without a look into another folder.
async fn next_objects(
    files: &LocalFileSystem,
    offset: Option<&Path>,
    mut rest: Vec<Entry>,
) -> Result<Option<(Vec<ObjectMeta>, Vec<Entry>)>> {
    let mut objects = Vec::new();
    while let Some(entry) = rest.pop() {
        match entry {
            Entry::Object(meta) => objects.push(meta),
            Entry::Folder(path) if !objects.is_empty() => {
                rest.push(Entry::Folder(path));
                break;
            }
            Entry::Folder(path) => {
                let mut found = entries(files.list_with_delimiter(Some(&path)).await?);
                found.retain(|entry| offset.is_none_or(|offset| entry.is_after(offset)));
                rest.extend(found.into_iter().rev());
            }
        }
    }
    Ok((!objects.is_empty()).then_some((objects, rest)))
}

/// What lies in a folder, in order.
fn entries(found: ListResult) -> Vec<Entry> {
    let folders = found.common_prefixes.into_iter().map(Entry::Folder);
    let mut entries: Vec<Entry> = found.objects.into_iter().map(Entry::Object).chain(folders).collect();
    entries.sort_by_cached_key(Entry::key);
    entries
}
