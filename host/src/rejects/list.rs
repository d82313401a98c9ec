//! What was rejected, by star table, packet and reason.

use super::RejectsError;
use super::file::{Rejected, RejectsFile, list_files};
use crate::process::{Parts, Plan, keys};
use crate::report::{RejectGroup, RejectGroups};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// A star table; all if left out.
    pub table: Option<String>,
    /// So many rejected rows are told one by one.
    pub rows_max: usize,
}

/// What was rejected.
#[derive(Clone, Debug, Serialize)]
pub struct RejectsList {
    /// The star tables that have rejects, by name.
    pub tables: Vec<TableRejects>,
    /// The first rows.
    pub rows: Vec<Rejected>,
}

/// The rejects of a plugin's packets.
#[derive(Clone, Debug, Serialize)]
pub struct TableRejects {
    /// The star table; where the plugin makes several, the first of them.
    pub table: String,
    /// The packets, in their order.
    pub packets: Vec<PacketRejects>,
}

/// The rejects of a packet by one version of a plugin.
#[derive(Clone, Debug, Serialize)]
pub struct PacketRejects {
    /// The packet, as `sales_order/00000012`.
    pub packet: String,
    /// Its sequence id.
    pub sequence: u64,
    /// The plugin, as name@version.
    pub plugin: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// What became of the packet's other rows.
    pub state: RejectState,
    /// How many rows were rejected.
    pub rows: u64,
    /// By reason, the most frequent first.
    pub reasons: Vec<RejectGroup>,
    /// The file, in the store of the star tables.
    pub file: String,
}

/// What became of the other rows of a packet with rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectState {
    /// They are published: the rejects are within their budget.
    Published,
    /// The packet is held: it has too many rejects.
    Held,
    /// They are published although too many are rejected, since somebody said so.
    Accepted,
    /// The packet was held, and another version of the plugin has taken it since.
    Passed,
}

/// Lists what was rejected. What another version of a plugin has rejected stays in the list.
///
/// # Errors
/// [`RejectsError`], if a table is asked for that nobody makes and that has no rejects.
pub fn list(parts: &Parts, options: &ListOptions) -> Result<RejectsList, RejectsError> {
    let plan = Plan::new(&parts.plugins)?;
    let maker = options.table.as_ref().and_then(|table| plan.maker(table));
    let first = maker.map(|plugin| plugin.manifest().star_tables[0].name.clone());
    let table = first.or_else(|| options.table.clone());
    let files = list_files(&parts.star, table.as_deref())?;
    if let Some(table) = table.filter(|_| maker.is_none() && files.is_empty()) {
        return Err(plan.unknown_table(&table).into());
    }
    let mut rows = Vec::new();
    let mut tables: BTreeMap<String, Vec<PacketRejects>> = BTreeMap::new();
    for file in files {
        let packet = packet_rejects(parts, &plan, &file, options.rows_max, &mut rows)?;
        tables.entry(file.table).or_default().extend(packet);
    }
    let tables = tables.into_iter().map(|(table, packets)| TableRejects { table, packets }).collect();
    Ok(RejectsList { tables, rows })
}

fn packet_rejects(
    parts: &Parts,
    plan: &Plan<'_>,
    file: &RejectsFile,
    rows_max: usize,
    shown: &mut Vec<Rejected>,
) -> Result<Option<PacketRejects>, RejectsError> {
    let (mut groups, mut rows, mut first) = (RejectGroups::default(), 0, None);
    file.read(&parts.star, |packet, rejected| {
        rows += 1;
        groups.add((), rejected.line, &rejected.code, rejected.column.as_deref(), &rejected.message);
        first.get_or_insert_with(|| (packet.to_owned(), rejected.clone()));
        if shown.len() < rows_max {
            shown.push(rejected);
        }
    })?;
    let Some((packet, rejected)) = first else { return Ok(None) };
    let source = packet.split_once('/').map_or(&*packet, |(source, _)| source);
    let app = format!("{}/{source}", rejected.plugin);
    Ok(Some(PacketRejects {
        sequence: file.sequence,
        plugin: format!("{}@{}", rejected.plugin, rejected.version),
        state: state(parts, plan, file, &app)?,
        digest: rejected.digest,
        rows,
        reasons: groups.finish().into_iter().map(|(_, group)| group).collect(),
        file: file.key.to_string(),
        packet,
    }))
}

/// What became of the packet, as far as the plugin of this file has a say.
fn state(parts: &Parts, plan: &Plan<'_>, file: &RejectsFile, app: &str) -> Result<RejectState, RejectsError> {
    let RejectsFile { table, sequence, digest, .. } = file;
    if parts.document::<serde_json::Value>(&keys::accepted(table, *sequence, digest))?.is_some() {
        return Ok(RejectState::Accepted);
    }
    if parts.document::<serde_json::Value>(&keys::held(table, *sequence, digest))?.is_none() {
        return Ok(RejectState::Published);
    }
    let is_in_force = plan.maker(table).is_some_and(|plugin| plugin.digest().starts_with(digest));
    let processed = match parts.star.open(table)? {
        Some(version) => parts.star.progress(&version, app)?.unwrap_or(0),
        None => 0,
    };
    Ok(if is_in_force || processed < *sequence { RejectState::Held } else { RejectState::Passed })
}
