//! The function `ingest`: rows that changed become packets.

use super::event::{self, BackfillEvent, IngestEvent};
use super::failed::Failed;
use super::metrics::Metrics;
use crate::commands::lake::{collect_raw, run_ingest};
use crate::commands::{Failure, boxed, clients, environment, now, runtime};
use host::config::Config;
use host::ingest::{IngestOptions, IngestReport, What};
use host::parts::{open_checkpoints, open_lake, open_source, open_star_checkpoints};
use host::process::{Lag, lag};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// The function, ready for events.
pub(super) struct Ingest {
    config: &'static Config,
}

impl Ingest {
    pub(super) fn new(config: &'static Config) -> Self {
        Self { config }
    }

    pub(super) fn handle(&self, event: Value, deadline: Instant, metrics: &mut Metrics) -> Result<Value, Failed> {
        match event::ingest(event)? {
            IngestEvent::Ingest { tables, what } => self.ingest(tables, what, deadline, metrics),
            IngestEvent::Maintain => {
                let collected = collect_raw(self.config, false)?;
                Ok(json!({ "removed": collected.keys.len() }))
            }
            IngestEvent::Plan(backfill) => Ok(json!({ "events": self.plan(&backfill)? })),
            IngestEvent::Summary(results) => summary(&results),
        }
    }

    fn ingest(
        &self,
        tables: Vec<String>,
        what: What,
        deadline: Instant,
        metrics: &mut Metrics,
    ) -> Result<Value, Failed> {
        let options = IngestOptions { tables, what, ..IngestOptions::default() };
        // So that there is something to be seen where all goes wrong.
        metrics.add("IngestSucceeded", 0);
        let report = run_ingest(self.config, &options, Some(deadline), true)?;
        for (_, committed) in report.committed() {
            metrics.add("PacketsIngested", 1);
            metrics.add("RowsIngested", committed.rows);
        }
        match runtime().and_then(|runtime| runtime.block_on(self.lag())) {
            Ok(lag) => {
                metrics.add("LagSeconds", lag.oldest.num_seconds().try_into().unwrap_or(0));
                metrics.add("HeldPackets", lag.held);
                metrics.add("FailingTables", lag.failing);
            }
            Err(error) => {
                let failed = Failed::from(error);
                tracing::warn!("how far the star tables are behind can't be told: {failed}");
            }
        }
        // A table that fails has an alarm of its own.
        metrics.add("IngestSucceeded", u64::from(report.tables.iter().any(|table| table.result.is_ok())));
        let tables = report.tables.iter().map(|table| (table.table.as_str(), table.result.as_ref().err()));
        if let Some(failed) = Failed::of_all(tables) {
            return Err(failed);
        }
        Ok(Value::Object(keys(&report)))
    }

    async fn lag(&self) -> Result<Lag, Failure> {
        let lake = open_lake(&self.config.flow.raw(), "lag", clients()).await.map_err(boxed)?;
        let place = self.config.flow.checkpoints();
        let checkpoints = open_checkpoints(&place, clients()).await.map_err(boxed)?;
        let stars = open_star_checkpoints(&place, clients()).await.map_err(boxed)?;
        lag(&lake, &*checkpoints, &*stars, now()).await.map_err(boxed)
    }

    /// The events of a backfill: one for each table that is asked for.
    fn plan(&self, backfill: &BackfillEvent) -> Result<Vec<Value>, Failed> {
        let tables = runtime()?.block_on(async {
            let source = open_source(&self.config.flow, &environment().collect(), clients()).await.map_err(boxed)?;
            host::ingest::tables(&*source, &backfill.tables_to_query).await.map_err(boxed)
        });
        Ok(tables?.into_iter().map(|table| backfill.of_table(&table)).collect())
    }
}

/// The key of the packet of each table; null where no row had changed.
fn keys(report: &IngestReport) -> Map<String, Value> {
    let key = |table: &host::ingest::TableReport| table.committed.as_ref().map(|committed| committed.key.clone());
    let read = report.tables.iter().map(|table| (table.table.clone(), key(table).into()));
    read.chain(report.vanished.iter().map(|table| (table.clone(), Value::Null))).collect()
}

/// What became of a backfill.
fn summary(results: &[Map<String, Value>]) -> Result<Value, Failed> {
    let mut keys = Map::new();
    let mut failures = Vec::new();
    for result in results {
        match result.get("backfill_error") {
            Some(error) => {
                let cause = error.get("Cause").and_then(Value::as_str).unwrap_or_default();
                let said: Option<Value> = serde_json::from_str(cause).ok();
                let name = error.get("Error").and_then(Value::as_str).unwrap_or("an error without a name");
                let said = said.as_ref().and_then(|cause| cause.get("errorMessage")?.as_str()).unwrap_or(cause);
                let said = if said.is_empty() { name } else { said };
                let tables = result.get("tables_to_query").map_or_else(String::new, Value::to_string);
                failures.push(format!("{tables}: {said}"));
            }
            None => keys.extend(result.clone()),
        }
    }
    if failures.is_empty() {
        return Ok(Value::Object(keys));
    }
    let failures = failures.join("; ");
    Err(Failed::tables(format!("the backfill has failed for some tables, run it again for those: {failures}")))
}
