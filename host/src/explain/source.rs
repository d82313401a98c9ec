//! The line that a row was made of.

use super::report::OriginLine;
use super::{ExplainError, Origin, Question};
use crate::lake::{Lake, LakeError, pick_lines};
use crate::packet::{Manifest, manifest_key};
use std::collections::BTreeSet;

/// The packet of a record, by the number of the record.
pub(super) enum PacketOfRecord {
    Found(Box<Manifest>),
    /// The lake has fewer records.
    Beyond {
        last_record: u64,
    },
    /// Packets are missing where it would be.
    Gap {
        after: u64,
    },
}

/// Looks for the packet of a record, of those with these sequence ids, which are in order. Of n manifests some log n are read.
pub(super) async fn packet_of_record(
    lake: &Lake,
    table: &str,
    sequences: &[u64],
    record: u64,
) -> Result<PacketOfRecord, LakeError> {
    // The manifest before `low` begins at the record or before, and the one at `high` after it.
    let (mut low, mut high) = (0, sequences.len());
    let mut before = None;
    while low < high {
        let middle = low.midpoint(high);
        let manifest = lake.manifest(table, sequences[middle]).await?;
        if manifest.first_record <= record {
            (low, before) = (middle + 1, Some(manifest));
        } else {
            high = middle;
        }
    }
    Ok(match before {
        None => match sequences.first() {
            None => PacketOfRecord::Beyond { last_record: 0 },
            Some(_) => PacketOfRecord::Gap { after: 0 },
        },
        Some(manifest) if record - manifest.first_record < manifest.lines => PacketOfRecord::Found(Box::new(manifest)),
        Some(manifest) if low == sequences.len() => {
            PacketOfRecord::Beyond { last_record: manifest.first_record + manifest.lines - 1 }
        }
        Some(manifest) => PacketOfRecord::Gap { after: manifest.sequence },
    })
}

impl Question<'_> {
    /// The line of a packet with an index, from 0.
    pub(super) fn line(&self, manifest: &Manifest, index: u64) -> Result<Origin, ExplainError> {
        let mut lines = self.parts.star.wait(pick_lines(&self.parts.lake, manifest, &BTreeSet::from([index])))?;
        let Some(line) = lines.remove(&index) else {
            let reason = format!("packet {} of `{}` has no line {}", manifest.sequence, manifest.table, index + 1);
            return Ok(Origin::Untold { reason });
        };
        Ok(Origin::Line(Box::new(OriginLine {
            table: manifest.table.clone(),
            sequence: manifest.sequence,
            manifest: manifest_key(&manifest.table, manifest.sequence).to_string(),
            committed_at: manifest.committed_at,
            run: manifest.run.clone(),
            object: line.object,
            line: index + 1,
            lines: manifest.lines,
            record: manifest.first_record + index,
            text: String::from_utf8_lossy(&line.text).into_owned(),
        })))
    }

    /// The sequence ids of the packets of the source, in order.
    pub(super) fn sequences(&self) -> Result<Vec<u64>, ExplainError> {
        let mut sequences = self.parts.star.wait(self.parts.lake.sequences_after(self.source(), 0))?;
        sequences.sort_unstable();
        Ok(sequences)
    }
}
