//! Single lines of a packet.

use super::{Lake, LakeError, PacketLines};
use crate::packet::Manifest;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// A line of a packet, and the object that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickedLine {
    /// The key of the object.
    pub object: String,
    /// The line, without its line feed.
    pub text: Bytes,
}

/// The lines of a packet with some indices, counted from 0, by their index; one that the packet does not have is left out. Only
/// objects that hold one are read, each to its end, so that its digest was compared.
///
/// # Errors
/// [`LakeError::Missing`], [`LakeError::Damaged`] and [`LakeError::Store`].
pub async fn pick_lines(
    lake: &Lake,
    manifest: &Manifest,
    indices: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, PickedLine>, LakeError> {
    let mut picked = BTreeMap::new();
    let mut part = manifest.clone();
    let mut first = 0;
    for object in &manifest.data {
        let end = first + object.lines;
        if indices.range(first..end).next().is_some() {
            part.data = vec![object.clone()];
            let mut lines = PacketLines::rows(lake, &part);
            let mut index = first;
            while let Some(chunk) = lines.next().await? {
                for text in chunk.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
                    if indices.contains(&index) {
                        let text = Bytes::copy_from_slice(text);
                        picked.insert(index, PickedLine { object: object.key.clone(), text });
                    }
                    index += 1;
                }
            }
        }
        first = end;
    }
    Ok(picked)
}
