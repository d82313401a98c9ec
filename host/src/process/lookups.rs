//! Rows of other tables, as they are now.

use super::reader::PacketReader;
use super::{Process, ProcessError};
use crate::input::{LookupTable, Lookups};
use crate::manifest::Lookup;
use crate::sandbox::Plugin;

impl Process<'_> {
    /// The rows that a plugin looks up, up to the packets that this run knows. One that is gone from its table stays, as the rows of
    /// dimensions do that were made with it.
    pub(super) fn lookups(&self, plugin: &Plugin) -> Result<Lookups, ProcessError> {
        plugin.manifest().lookups.iter().map(|lookup| self.lookup(lookup)).collect()
    }

    fn lookup(&self, lookup: &Lookup) -> Result<LookupTable, ProcessError> {
        let (lake, runtime) = (&self.parts.lake, &self.parts.runtime);
        let mut rows = LookupTable::new(lookup);
        let sequences = self.packets.between(&lookup.table, 0, self.packets.last(&lookup.table)?)?;
        for sequences in sequences.chunks(super::packets::MANIFESTS_AHEAD) {
            for manifest in self.packets.manifests(&lookup.table, sequences)? {
                let (mut line_number, mut wrong) = (0_u64, None);
                PacketReader::rows(runtime, lake, &manifest).for_each_line(|line| {
                    line_number += 1;
                    if let Err(reason) = rows.put(line) {
                        wrong.get_or_insert((line_number, reason));
                    }
                })?;
                // One bad row costs that row: those that refer to it find none.
                if let Some((line, reason)) = wrong {
                    let (table, sequence) = (&manifest.table, manifest.sequence);
                    tracing::warn!(table, sequence, line, reason, "rows can't be looked up; this is the first");
                }
            }
        }
        Ok(rows)
    }
}
