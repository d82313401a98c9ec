//! Events, as they come in JSON.

use super::failed::Failed;
use crate::arguments::parse_moment;
use host::config::ObjectPlace;
use host::ingest::What;
use host::packet::table_of_manifest;
use object_store::path::Path;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the function `ingest` is asked for.
pub(super) enum IngestEvent {
    Ingest { tables: Vec<String>, what: What },
    Maintain,
    Plan(BackfillEvent),
    Summary(Vec<Map<String, Value>>),
}

/// Rows of some tables: the event of a schedule, the input of a backfill.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackfillEvent {
    /// The tables; all if empty.
    #[serde(default)]
    pub(super) tables_to_query: Vec<String>,
    /// The first moment of `last_updated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The first moment after.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngestMembers {
    action: Option<IngestAction>,
    of: Option<Value>,
    #[serde(default)]
    tables_to_query: Vec<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IngestAction {
    Ingest,
    Reconcile,
    Maintain,
    Plan,
    Summary,
}

/// What an event of the function `ingest` asks for; nothing in it asks for all that changed.
pub(super) fn ingest(event: Value) -> Result<IngestEvent, Failed> {
    let IngestMembers { action, of, tables_to_query, from, to } = members(event)?;
    let rows = BackfillEvent { tables_to_query, from, to };
    let is_about_rows = rows.from.is_some() || rows.to.is_some() || !rows.tables_to_query.is_empty();
    let action = action.unwrap_or(IngestAction::Ingest);
    let has_of = matches!(action, IngestAction::Plan | IngestAction::Summary);
    if of.is_some() != has_of {
        return Err(Failed::event("`of` belongs to the actions `plan` and `summary`, which need it"));
    }
    if is_about_rows && (has_of || action == IngestAction::Maintain) {
        return Err(Failed::event("`tables_to_query`, `from` and `to` belong to an ingest"));
    }
    Ok(match action {
        IngestAction::Ingest => IngestEvent::Ingest { what: rows.what()?, tables: rows.tables_to_query },
        IngestAction::Reconcile if rows.what()? != What::Changes => {
            return Err(Failed::event("a `reconcile` compares all rows: leave out `from` and `to`"));
        }
        IngestAction::Reconcile => IngestEvent::Ingest { what: What::Sweep, tables: rows.tables_to_query },
        IngestAction::Maintain => IngestEvent::Maintain,
        IngestAction::Plan => {
            let backfill: BackfillEvent = serde_json::from_value(of.unwrap_or_default()).map_err(Failed::event)?;
            backfill.what()?;
            IngestEvent::Plan(backfill)
        }
        IngestAction::Summary => {
            IngestEvent::Summary(serde_json::from_value(of.unwrap_or_default()).map_err(Failed::event)?)
        }
    })
}

/// Takes from an event whether it is one of a schedule, for whose answer nobody waits.
pub(super) fn take_scheduled(event: &mut Value) -> bool {
    event.as_object_mut().and_then(|members| members.remove("scheduled")) == Some(Value::Bool(true))
}

/// The members of an event; nothing is an object without any.
fn members<T: DeserializeOwned>(event: Value) -> Result<T, Failed> {
    match event {
        Value::Null => serde_json::from_value(Value::Object(Map::new())),
        Value::Object(_) => serde_json::from_value(event),
        _ => return Err(Failed::event("an event is a JSON object")),
    }
    .map_err(Failed::event)
}

impl BackfillEvent {
    /// Which rows are meant.
    fn what(&self) -> Result<What, Failed> {
        let moment = |name: &str, text: &String| {
            parse_moment(text).map_err(|expected| Failed::event(format!("`{name}` is `{text}`, {expected}")))
        };
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return match self.from.is_none() && self.to.is_none() {
                true => Ok(What::Changes),
                false => Err(Failed::event("`from` and `to` belong together")),
            };
        };
        let (from, to) = (moment("from", from)?, moment("to", to)?);
        if from >= to {
            return Err(Failed::event("`from` is not before `to`: no moment lies between them"));
        }
        Ok(What::Range { from, to })
    }

    /// The same for one table alone.
    pub(super) fn of_table(&self, table: &str) -> Value {
        let one = Self { tables_to_query: vec![table.to_owned()], ..self.clone() };
        serde_json::to_value(one).unwrap_or_default()
    }
}

/// What the function `process` is asked for.
pub(super) enum ProcessEvent {
    /// To look at the tables of packets that messages of a queue tell of.
    Messages(Vec<Message>),
    /// To look at some tables; all if empty.
    Tables(Vec<String>),
    Maintain,
}

/// A message of a queue.
pub(super) struct Message {
    pub(super) id: String,
    /// The tables that it tells of, or what is wrong with it.
    pub(super) tables: Result<Vec<String>, String>,
}

#[derive(Deserialize)]
struct Records {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

/// A record of an event; it has more members than are of use here.
#[derive(Deserialize)]
#[serde(tag = "eventSource")]
enum Record {
    #[serde(rename = "aws:sqs")]
    Message {
        #[serde(rename = "messageId")]
        id: String,
        body: String,
    },
    #[serde(rename = "aws:s3")]
    Object { s3: ObjectRecord },
}

#[derive(Deserialize)]
struct ObjectRecord {
    bucket: BucketRecord,
    object: KeyRecord,
}

#[derive(Deserialize)]
struct BucketRecord {
    name: String,
}

#[derive(Deserialize)]
struct KeyRecord {
    /// As in a form: a space is `+`, and other letters are percent-encoded.
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessMembers {
    action: Option<ProcessAction>,
    table: Option<String>,
    #[serde(default)]
    tables: Vec<String>,
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProcessAction {
    Process,
    Maintain,
}

/// What an event of the function `process` asks for, given that packets are in `lake`.
pub(super) fn process(event: Value, lake: &ObjectPlace) -> Result<ProcessEvent, Failed> {
    if event.get("Records").is_some() {
        let Records { records } = serde_json::from_value(event).map_err(Failed::event)?;
        let is_queue = records.iter().all(|record| matches!(record, Record::Message { .. }));
        if is_queue {
            return Ok(ProcessEvent::Messages(
                records.into_iter().filter_map(|record| message(record, lake)).collect(),
            ));
        }
        return tables(&records, lake).map(ProcessEvent::Tables).map_err(Failed::event);
    }
    let ProcessMembers { action, table, mut tables } = members(event)?;
    tables.extend(table);
    match action {
        Some(ProcessAction::Maintain) if tables.is_empty() => Ok(ProcessEvent::Maintain),
        Some(ProcessAction::Maintain) => Err(Failed::event("`maintain` is for all tables: leave out `table`")),
        Some(ProcessAction::Process) | None => Ok(ProcessEvent::Tables(tables)),
    }
}

fn message(record: Record, lake: &ObjectPlace) -> Option<Message> {
    let Record::Message { id, body } = record else { return None };
    let tables = match serde_json::from_str::<Value>(&body) {
        // What a bucket sends when it is told of the queue.
        Ok(event) if event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") => Ok(Vec::new()),
        Ok(event) => serde_json::from_value(event)
            .map_err(|error| error.to_string())
            .and_then(|Records { records }| tables(&records, lake)),
        Err(error) => Err(error.to_string()),
    };
    Some(Message { id, tables })
}

/// The tables of the packets whose manifests are told of.
fn tables(records: &[Record], lake: &ObjectPlace) -> Result<Vec<String>, String> {
    let ObjectPlace::Bucket { bucket, prefix } = lake else {
        return Err("`[lake] raw` is no bucket, so no event can tell of its packets".to_owned());
    };
    let mut tables = Vec::new();
    for record in records {
        let Record::Object { s3 } = record else { return Err("it is not an event of a bucket".to_owned()) };
        if s3.bucket.name != *bucket {
            return Err(format!("it tells of the bucket `{}`, and the raw lake is in `{bucket}`", s3.bucket.name));
        }
        let key = s3.object.key.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8().map_err(|error| error.to_string())?;
        let below = Path::parse(&*key).ok().and_then(|key| {
            let parts: Vec<_> = key.prefix_match(&Path::from(prefix.as_str()))?.collect();
            Some(Path::from_iter(parts))
        });
        let table = below.and_then(|key| table_of_manifest(&key));
        tables.push(table.ok_or_else(|| format!("`{key}` is not the manifest of a packet below `{prefix}`"))?);
    }
    tables.sort_unstable();
    tables.dedup();
    Ok(tables)
}
