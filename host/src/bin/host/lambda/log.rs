//! What a function logs: a JSON object a line, with the severity that alarms and people look for.

use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What is logged if nobody says: what the host does, and the warnings of all others.
const LOG: &str = "warn,host=info";

/// The event that is handled: there is one at a time.
static REQUEST: Mutex<String> = Mutex::new(String::new());

/// Begins to log.
pub(super) fn start() {
    let mut filter: EnvFilter = crate::filter(LOG);
    // The runtime would say again what is said here, and as an error whatever it is.
    if let Ok(off) = "lambda_runtime=off".parse() {
        filter = filter.add_directive(off);
    }
    tracing_subscriber::registry().with(Lines.with_filter(filter)).init();
}

/// What is logged from now on belongs to this event.
pub(super) fn begin_request(id: &str) {
    id.clone_into(&mut REQUEST.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Writes a line to the log.
pub(super) fn write(line: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        // Where nobody can be told, nobody can be told of it.
        let _ = std::io::stdout().lock().write_all(&text);
    }
}

struct Lines;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    severity: String,
    message: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    request: &'a str,
    target: &'a str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        let mut take = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            other => other.map(|value| value.to_string()),
        };
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            _ => "DEBUG",
        };
        let (message, severity) = (take("message").unwrap_or_default(), take("severity"));
        let request = REQUEST.lock().unwrap_or_else(PoisonError::into_inner).clone();
        write(&Line {
            timestamp: crate::commands::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            severity: severity.unwrap_or_else(|| level.to_owned()),
            message,
            request: &request,
            target: event.metadata().target(),
            fields,
        });
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}
