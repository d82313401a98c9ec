//! What a packet adds to its state, made again from its lines.

use super::block::StateFile;
use super::merge::merge_runs;
use super::run::{Run, chains};
use super::segments::SegmentWriter;
use super::{KeyLayout, hash_line};
use crate::lake::{Lake, LakeError, PacketLines};
use crate::packet::{self, Manifest};
use chrono::{DateTime, Utc};
use object_store::path::Path;
use std::sync::Arc;

/// Makes what a packet adds from its lines.
pub(super) async fn rebuild(lake: &Lake, manifest: &Manifest, now: DateTime<Utc>) -> Result<Run, LakeError> {
    let (table, sequence) = (&manifest.table, manifest.sequence);
    let layout = KeyLayout::new(&manifest.key, &manifest.columns);
    let key = |part| packet::packet_state_key(table, sequence, now, part);
    let mut segments = SegmentWriter::new(lake, manifest.chain.clone(), key);
    let (mut line, mut offset, mut key) = (0, 0, Vec::new());
    // Told when the digests of all objects were compared: it is mostly damage that makes a line unusable.
    let mut unusable = None;
    for is_gone in [false, true] {
        let mut lines = if is_gone { PacketLines::deletes(lake, manifest) } else { PacketLines::rows(lake, manifest) };
        while let Some(chunk) = lines.next().await? {
            let entries = segments.entries();
            for text in chunk.split_inclusive(|byte| *byte == b'\n') {
                let content = text.strip_suffix(b"\n").unwrap_or(text);
                key.clear();
                if let Err(error) = layout.encode_line(content, &mut key) {
                    let reason = format!("line {} of packet {sequence} has no key: {error}", line + 1);
                    unusable.get_or_insert(LakeError::Format { key: packet::table_prefix(table).to_string(), reason });
                } else {
                    entries.push(&key, (!is_gone).then(|| hash_line(content)), sequence, line, offset);
                }
                line += 1;
                offset += text.len() as u64;
            }
            segments.store_full().await?;
        }
        (line, offset) = (0, 0);
    }
    if let Some(unusable) = unusable {
        return Err(unusable);
    }
    let mut files = Vec::new();
    for object in segments.finish().await? {
        let file = StateFile::open(lake, &Path::parse(&object.key).unwrap_or_default(), &manifest.chain).await?;
        let lost =
            || LakeError::State { key: object.key.clone(), reason: "it was stored, and is not there".to_owned() };
        files.push(Arc::new(file.ok_or_else(lost)?));
    }
    let entries = files.iter().flat_map(|file| &file.blocks).map(|block| block.entries).sum();
    let run = Run { first: sequence, last: sequence, chain: manifest.chain.clone(), entries, groups: chains(files) };
    if run.entries > 0 {
        merge_runs(lake, table, std::slice::from_ref(&run)).await?;
    }
    Ok(run)
}
