//! Packets that stop a table, for their many rejects or their columns, and the decision to publish their good rows all the same.

use super::report::{Held, StarOutcome};
use super::{Parts, Plan, Process, ProcessError, check_drift, keys};
use crate::lake::LakeError;
use crate::packet::Manifest;
use crate::sandbox::Plugin;
use crate::transform::TransformedPacket;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Accepted {
    plugin: String,
    digest: String,
    run: String,
    #[serde(with = "crate::packet::moment")]
    at: DateTime<Utc>,
}

/// The star table by which a plugin's packets are named: its first.
fn first_table(plugin: &Plugin) -> &str {
    &plugin.manifest().star_tables[0].name
}

/// Remembers the decisions of this run.
pub(super) fn accept(parts: &Parts, plan: &Plan<'_>, accepted: &[(String, u64)]) -> Result<(), ProcessError> {
    for (table, sequence) in accepted {
        let plugin = plan.maker(table).ok_or_else(|| plan.unknown_table(table))?;
        let first = first_table(plugin);
        let is_held = parts.document::<Held>(&keys::held(first, *sequence, plugin.digest()))?.is_some();
        if !is_held && !is_drifted(parts, plugin, *sequence)? {
            let (star, plugin) = (first.to_owned(), super::plugin_name(plugin));
            return Err(ProcessError::NotHeld { star, sequence: *sequence, plugin });
        }
        let decision = Accepted {
            plugin: super::plugin_name(plugin),
            digest: plugin.digest().to_owned(),
            run: parts.run.clone(),
            at: (parts.clock)(),
        };
        parts.store_document(&keys::accepted(first_table(plugin), *sequence, plugin.digest()), &decision)?;
        tracing::info!(table, sequence, "the good rows of the packet are published, although too many are bad");
    }
    Ok(())
}

/// Whether there is this packet of a plugin's source, with other columns than the plugin reads.
fn is_drifted(parts: &Parts, plugin: &Plugin, sequence: u64) -> Result<bool, ProcessError> {
    match parts.star.wait(parts.lake.manifest(&plugin.manifest().source_table, sequence)) {
        Ok(manifest) => Ok(check_drift(plugin, &manifest).is_err()),
        Err(LakeError::Store { source: object_store::Error::NotFound { .. }, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Process<'_> {
    /// Holds the columns of a packet against those that a plugin reads, unless somebody has accepted the packet: then the rows that
    /// lack one are rejected.
    pub(super) fn check_columns(&self, plugin: &Plugin, packet: &Manifest) -> Result<(), ProcessError> {
        match check_drift(plugin, packet) {
            Err(error) if !self.is_accepted(plugin, packet.sequence)? => Err(error),
            _ => Ok(()),
        }
    }

    /// The packets that were held before, with the same plugin.
    pub(super) fn held_sequences(&self, plugin: &Plugin) -> Result<BTreeSet<u64>, ProcessError> {
        let prefix = keys::held_prefix(first_table(plugin));
        let listed: Result<Vec<_>, _> = self.parts.star.wait(self.parts.star.store().list(Some(&prefix)).try_collect());
        let listed = listed.map_err(LakeError::store("list", &prefix))?;
        let keys = listed.iter().map(|object| &object.location);
        Ok(keys.filter_map(|key| keys::held_sequence(key, plugin.digest())).collect())
    }

    /// What keeps a table from going on with a packet, if anything does: there is no time left, or the packet was held before and
    /// nobody has accepted it since; `held` are those that were.
    pub(super) fn stopped_before(
        &self,
        plugin: &Plugin,
        held: &BTreeSet<u64>,
        sequence: u64,
    ) -> Result<Option<StarOutcome>, ProcessError> {
        if self.is_out_of_time() {
            return Ok(Some(StarOutcome::OutOfTime));
        }
        Ok(self.held_before(plugin, held, sequence)?.map(|held| StarOutcome::Held(Box::new(held))))
    }

    /// What was said of a packet that was held before, unless somebody has accepted it since; `held` are those that were.
    fn held_before(&self, plugin: &Plugin, held: &BTreeSet<u64>, sequence: u64) -> Result<Option<Held>, ProcessError> {
        if !held.contains(&sequence) || self.is_accepted(plugin, sequence)? {
            return Ok(None);
        }
        let held: Option<Held> = self.parts.document(&keys::held(first_table(plugin), sequence, plugin.digest()))?;
        // Within other limits other rows are rejected.
        let (calendar_limit, limits) = self.limits(plugin);
        Ok(held.filter(|held| held.calendar_limit == calendar_limit && held.limits == limits))
    }

    /// The limits that decide which rows a plugin can take: of the calendar, and of its calls.
    fn limits(&self, plugin: &Plugin) -> (String, String) {
        let limits = serde_json::to_string(plugin.limits()).unwrap_or_default();
        (self.parts.calendar.limit.to_string(), limits)
    }

    /// Holds a packet whose rejects are too many, unless somebody has accepted it.
    pub(super) fn hold(
        &self,
        plugin: &Plugin,
        packet: &Manifest,
        transformed: &TransformedPacket,
    ) -> Result<Option<Held>, ProcessError> {
        if !transformed.is_held || self.is_accepted(plugin, packet.sequence)? {
            return Ok(None);
        }
        let star_table = first_table(plugin).to_owned();
        let rejects_key = keys::rejects(&star_table, packet.sequence, plugin.digest()).to_string();
        let (calendar_limit, limits) = self.limits(plugin);
        let held = Held {
            star_table,
            table: packet.table.clone(),
            sequence: packet.sequence,
            calendar_limit,
            limits,
            plugin: plugin.manifest().name.clone(),
            version: plugin.manifest().version.clone(),
            digest: plugin.digest().to_owned(),
            records: transformed.records,
            rejects: transformed.rejects,
            rejects_by_host: transformed.rejects_by_host,
            reasons: transformed.reject_groups.clone(),
            rejects_key: transformed.rejects_file.is_some().then_some(rejects_key),
        };
        self.parts.store_document(&keys::held(&held.star_table, packet.sequence, plugin.digest()), &held)?;
        Ok(Some(held))
    }

    fn is_accepted(&self, plugin: &Plugin, sequence: u64) -> Result<bool, ProcessError> {
        let key = keys::accepted(first_table(plugin), sequence, plugin.digest());
        Ok(self.parts.document::<Accepted>(&key)?.is_some())
    }

    /// Stores the rejects of a packet. Those of an earlier try are the same, or are no longer true: a packet that is made again, or
    /// that was held before, may have none.
    pub(super) fn store_rejects(
        &self,
        plugin: &Plugin,
        sequence: u64,
        transformed: &mut TransformedPacket,
        was_held: bool,
    ) -> Result<(), ProcessError> {
        let key = keys::rejects(first_table(plugin), sequence, plugin.digest());
        let Some(rejects) = transformed.rejects_file.take() else {
            return if self.is_replay || was_held { self.parts.remove(&key) } else { Ok(()) };
        };
        self.parts.star.wait(self.parts.store_spooled(&key, rejects))
    }
}
