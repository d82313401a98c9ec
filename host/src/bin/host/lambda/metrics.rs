//! Metrics in CloudWatch's embedded format: a line of the log that says which of its members are metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use super::log;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// The metrics of an event.
pub(super) struct Metrics {
    namespace: Option<String>,
    values: Map<String, Value>,
}

impl Metrics {
    /// Metrics of a namespace; without one they are not written.
    pub(super) fn new(namespace: Option<String>) -> Self {
        Self { namespace: namespace.filter(|name| !name.is_empty()), values: Map::new() }
    }

    /// Adds to a count.
    pub(super) fn add(&mut self, name: &str, count: u64) {
        let before = self.values.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.values.insert(name.to_owned(), (before + count).into());
    }

    /// Writes what there is.
    pub(super) fn write(self, at: DateTime<Utc>) {
        let Some(namespace) = self.namespace else { return };
        if self.values.is_empty() {
            return;
        }
        let unit = |name: &str| if name.ends_with("Seconds") { "Seconds" } else { "Count" };
        let metrics: Vec<_> = self.values.keys().map(|name| json!({ "Name": name, "Unit": unit(name) })).collect();
        let mut line = self.values;
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": at.timestamp_millis(),
                "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [[]], "Metrics": metrics }],
            }),
        );
        log::write(&line);
    }
}
