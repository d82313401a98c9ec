//! Which packets a table holds, told by more than their numbers: another lake has packets of the same numbers.

use super::{StarLake, TableError, TableVersion};
use delta_kernel::KernelResult;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Under this name a table remembers the last packets that it holds.
pub(super) const PACKETS: &str = "star.packets";

/// The last packet of a source table that a star table holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketMark {
    /// Its sequence id.
    pub sequence: u64,
    /// What it and all packets before it are known by.
    pub chain: String,
}

impl StarLake {
    /// The last packet of each source table that a star table holds, as far as it remembers more than their numbers.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn packets(&self, table: &TableVersion) -> Result<BTreeMap<String, PacketMark>, TableError> {
        self.read_packets(table).map_err(|error| TableError::new(&table.name, "read", error))
    }

    pub(super) fn read_packets(&self, table: &TableVersion) -> KernelResult<BTreeMap<String, PacketMark>> {
        let json = table.snapshot.get_domain_metadata(PACKETS, self.engine())?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
    }
}
