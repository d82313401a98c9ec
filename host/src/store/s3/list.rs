//! Lists, page by page.

use super::action::Action;
use super::bucket::{Bucket, size, time};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::Object;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::{DELIMITER, Path};
use object_store::{ListResult, ObjectMeta, Result};
use std::sync::Arc;

/// Where a list stands.
enum Place {
    Beginning,
    /// After the page that gave this token.
    After(String),
    End,
}

/// The objects below a location and after another, a page at a time, as they are asked for.
pub(super) fn list(
    bucket: Arc<Bucket>,
    prefix: Option<&Path>,
    offset: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let folder = bucket.folder(prefix);
    let start_after = offset.map(|offset| bucket.key(offset));
    stream::try_unfold(Place::Beginning, move |place| {
        let (bucket, folder, start_after) = (bucket.clone(), folder.clone(), start_after.clone());
        async move { next_objects(&bucket, &folder, start_after, place).await }
    })
    .map_ok(|objects| stream::iter(objects.into_iter().map(Ok)))
    .try_flatten()
    .boxed()
}

/// The objects of the next page, and where the list stands after it.
async fn next_objects(
    bucket: &Bucket,
    folder: &str,
    start_after: Option<String>,
    place: Place,
) -> Result<Option<(Vec<ObjectMeta>, Place)>> {
    let token = match place {
        Place::Beginning => None,
        Place::After(token) => Some(token),
        Place::End => return Ok(None),
    };
    let mut page = list_page(bucket, folder, None, start_after, token).await?;
    let next = page.next_continuation_token.take().map_or(Place::End, Place::After);
    let objects = page.contents().iter().filter_map(|object| meta(bucket, object)).collect();
    Ok(Some((objects, next)))
}

/// What lies directly below a location.
pub(super) async fn list_with_delimiter(bucket: &Bucket, prefix: Option<&Path>) -> Result<ListResult> {
    let folder = bucket.folder(prefix);
    let (mut objects, mut common_prefixes) = (Vec::new(), Vec::new());
    let mut token = None;
    loop {
        let page = list_page(bucket, &folder, Some(DELIMITER), None, token).await?;
        objects.extend(page.contents().iter().filter_map(|object| meta(bucket, object)));
        let folders = page.common_prefixes().iter().filter_map(|folder| folder.prefix()?.strip_suffix(DELIMITER));
        common_prefixes.extend(folders.filter_map(|folder| bucket.location(folder)));
        token = page.next_continuation_token;
        if token.is_none() {
            return Ok(ListResult { common_prefixes, objects, extensions: Default::default() });
        }
    }
}

async fn list_page(
    bucket: &Bucket,
    folder: &str,
    delimiter: Option<&str>,
    start_after: Option<String>,
    token: Option<String>,
) -> Result<ListObjectsV2Output> {
    let request = bucket.client.list_objects_v2().bucket(&bucket.name).prefix(folder);
    let request = request.set_delimiter(delimiter.map(str::to_owned));
    let page = request.set_start_after(start_after).set_continuation_token(token).send().await;
    page.map_err(|error| bucket.error(Action::List, folder, error).into_store_error())
}

fn meta(bucket: &Bucket, object: &Object) -> Option<ObjectMeta> {
    Some(ObjectMeta {
        location: bucket.location(object.key()?)?,
        last_modified: object.last_modified().map(time).unwrap_or_default(),
        size: size(object.size()),
        e_tag: object.e_tag().map(str::to_owned),
        version: None,
    })
}
