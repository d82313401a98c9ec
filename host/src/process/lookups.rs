//! Rows of other tables, as they are now.

use super::reader::PacketReader;
use super::{Process, ProcessError};
use crate::input::{LookupTable, Lookups};
use crate::manifest::Lookup;
use crate::sandbox::Plugin;

impl Process<'_> {
    /// The rows that a plugin looks up, up to the packets that this run knows.
    pub(super) fn lookups(&self, plugin: &Plugin) -> Result<Lookups, ProcessError> {
        plugin.manifest().lookups.iter().map(|lookup| self.lookup(lookup)).collect()
    }

    fn lookup(&self, lookup: &Lookup) -> Result<LookupTable, ProcessError> {
        let (lake, runtime) = (&self.parts.lake, &self.parts.runtime);
        let mut rows = LookupTable::new(lookup);
        let sequences = self.packets.between(&lookup.table, 0, self.packets.last(&lookup.table)?)?;
        for sequences in sequences.chunks(super::packets::MANIFESTS_AHEAD) {
            for manifest in self.packets.manifests(&lookup.table, sequences)? {
                let mut wrong = None;
                PacketReader::rows(runtime, lake, &manifest).for_each_line(|line| {
                    if let Err(reason) = rows.put(line) {
                        wrong.get_or_insert(reason);
                    }
                })?;
                if let Some(reason) = wrong {
                    return Err(ProcessError::Lookup { table: manifest.table, sequence: manifest.sequence, reason });
                }
                PacketReader::deletes(runtime, lake, &manifest).for_each_line(|line| rows.remove(line))?;
            }
        }
        Ok(rows)
    }
}
