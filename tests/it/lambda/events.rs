//! What the functions are asked for, and what they answer.

use super::deployment::{Deployed, Deployment};
use serde_json::{Value, json};
use std::sync::OnceLock;
use tests::function::Outcome;
use tests::proxy::{Fault, Rule};
use tests::tools::assert_done;
use totesys::{Generator, Options, Size};

/// A database with some rows.
pub(super) fn database() -> String {
    let url = tests::flow::database();
    let rows = Generator::new(Options { size: Size::SalesOrders(60), ..Options::default() }).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = tests::flow::connect(&url).await;
        totesys::load::load(&client, &rows).await.unwrap();
    });
    url
}

pub(super) fn failure(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Failed { error_type, message } => (error_type, message),
        other => panic!("{other:?}"),
    }
}

pub(super) fn lines(function: &Deployed) -> Vec<Value> {
    let log = std::fs::read_to_string(&function.log).unwrap();
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

/// The values of a metric, in the order in which they were written.
fn metric(function: &Deployed, name: &str) -> Vec<u64> {
    lines(function).iter().filter_map(|line| line["_aws"].as_object().and(line[name].as_u64())).collect()
}

#[test]
fn what_changed_becomes_packets_and_their_events_become_rows() {
    let deployment = Deployment::with_plugins(&database());
    let mut ingest = deployment.function("ingest", "ingest.log");
    let answer = ingest.function.invoke(&json!({})).answer();
    assert_eq!(answer.as_object().unwrap().len(), 11);
    assert_eq!(answer["sales_order"], "sales_order/packets/00000001.packet.json");
    let again = ingest.function.invoke(&json!({ "tables_to_query": ["sales_order", "staff"] })).answer();
    assert_eq!(again, json!({ "sales_order": null, "staff": null }));
    assert_eq!(metric(&ingest, "IngestSucceeded"), [1, 1]);
    assert_eq!(metric(&ingest, "PacketsIngested"), [11]);
    assert_eq!(metric(&ingest, "HeldPackets"), [0, 0]);
    let mut process = deployment.function("process", "process.log");
    let received = deployment.queue_action(
        "ReceiveMessage",
        json!({ "QueueUrl": deployment.queue_url("packets"), "MaxNumberOfMessages": 10 }),
    );
    let messages = received["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 10);
    let records: Vec<_> = messages.iter().map(record).collect();
    let answer = process.function.invoke(&json!({ "Records": records })).answer();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let answer = process.function.invoke(&json!({ "action": "process" })).answer();
    let tables = answer["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 11, "{answer}");
    let again = process.function.invoke(&json!({ "table": "sales_order" })).answer();
    assert!(again["tables"].as_array().unwrap().iter().all(|table| table["status"] == "unchanged"), "{again}");
    assert_done(&deployment.host(&["verify"]));
    assert_eq!(process.function.cold_starts, 1);
    let log = lines(&process);
    // All plugins came with the package.
    assert!(log.iter().all(|line| line["severity"] != "WARNING"), "{log:?}");
    assert!(
        process.proxy.requests().iter().all(|request| !request.contains(".wasm")),
        "{:?}",
        process.proxy.requests()
    );
    assert!(log.iter().any(|line| line["message"] == "table ends" && line["table"] == "fact_sales_order"));
    assert_eq!(process.function.invoke(&json!({ "action": "maintain" })).answer()["removed"], 0);
    assert_eq!(ingest.function.invoke(&json!({ "action": "maintain" })).answer()["removed"], 0);
    assert_eq!(process.function.stop(), Some(true));
    assert_eq!(lines(&process).last().unwrap()["message"], "the function stops");
}

/// A message as the queue's poller hands it to a function.
fn record(message: &Value) -> Value {
    json!({ "messageId": message["MessageId"], "eventSource": "aws:sqs", "body": message["Body"] })
}

/// A deployment that is never changed.
fn idle() -> &'static Deployment {
    static IDLE: OnceLock<Deployment> = OnceLock::new();
    IDLE.get_or_init(|| Deployment::new("postgres://reader@127.0.0.1:1/totesys"))
}

#[test]
fn an_event_that_is_none_is_refused_for_good_and_says_why() {
    let mut ingest = idle().function("ingest", "refused.log");
    for (event, reason) in [
        (json!({ "key1": "value1" }), "unknown field `key1`"),
        (json!({ "tables_to_query": "sales_order" }), "expected a sequence"),
        (json!({ "from": "2024-11-14", "to": "14/11/2024" }), "`to` is `14/11/2024`, expected a moment"),
        (json!({ "from": "2024-11-14" }), "`from` and `to` belong together"),
        (json!({ "from": "2024-11-14", "to": "2024-11-14" }), "`from` is not before `to`"),
        (json!({ "action": "reconcile", "from": "2024-11-14", "to": "2024-11-15" }), "leave out `from` and `to`"),
        (json!({ "action": "sweep" }), "unknown variant `sweep`"),
        (json!({ "action": "plan" }), "`of` belongs to"),
        (json!({ "action": "maintain", "tables_to_query": ["staff"] }), "belong to an ingest"),
        (json!(["sales_order"]), "an event is a JSON object"),
    ] {
        let (error_type, message) = failure(ingest.function.invoke(&event));
        assert!(error_type == "Final" && message.contains(reason), "{event}: {error_type}: {message}");
    }
    let critical = |line: &&Value| line["severity"] == "CRITICAL" && line["request"].is_string();
    assert_eq!(lines(&ingest).iter().filter(critical).count(), 10);
    assert_eq!(metric(&ingest, "Critical").iter().sum::<u64>(), 10);
}

/// An error would be tried again: a schedule's event that is wrong for good is told by the log, and by a metric.
#[test]
fn what_is_wrong_for_good_with_a_scheduled_event_is_no_error() {
    let mut process = idle().function("process", "scheduled.log");
    let answer = process.function.invoke(&json!({ "action": "process", "scheduled": true })).answer();
    assert!(answer["errorType"] == "Final" && answer["errorMessage"].as_str().unwrap().contains("publish"), "{answer}");
    // Nor is a message shown again.
    let raw = idle().settings["buckets"]["raw"].as_str().unwrap();
    let key = "raw/currency/packets/00000001.packet.json";
    let record = json!({ "eventSource": "aws:s3", "s3": { "bucket": { "name": raw }, "object": { "key": key } } });
    let body = json!({ "Records": [record] }).to_string();
    let message = json!({ "messageId": "1", "eventSource": "aws:sqs", "body": body });
    let answer = process.function.invoke(&json!({ "Records": [message] })).answer();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(metric(&process, "Critical"), [1, 1]);
    let mut ingest = idle().function("ingest", "scheduled-ingest.log");
    let (error_type, _) = failure(ingest.function.invoke(&json!({ "scheduled": true })));
    assert_eq!(error_type, "Retryable");
    assert_eq!(metric(&ingest, "IngestSucceeded"), [0]);
}

#[test]
fn a_plugin_that_is_damaged_is_told_and_stops_its_own_tables() {
    let deployment = Deployment::new("postgres://reader@127.0.0.1:1/totesys");
    for component in [tests::tools::plugin("dim_currency"), tests::shipped_guest("orders_latest")] {
        assert_done(&deployment.host(&["plugin", "publish", component.to_str().unwrap()]));
    }
    let listed = deployment.host(&["--json", "plugin", "list", "guests"]).stdout;
    let digest = serde_json::from_slice::<Value>(&listed).unwrap()["digest"].as_str().unwrap().to_owned();
    let bucket = deployment.settings["buckets"]["plugins"].as_str().unwrap();
    deployment.moto.put(&format!("{bucket}/plugins/guests/{digest}.wasm"), "damaged");
    let mut process = deployment.function("process", "process.log");
    let answer = process.function.invoke(&json!({ "action": "process" })).answer();
    assert_eq!(answer["tables"][0]["table"], "dim_currency");
    assert_eq!(metric(&process, "Critical"), [1]);
    let is_told = |line: &&Value| line["severity"] == "CRITICAL" && line["plugin"] == "guests";
    assert_eq!(lines(&process).iter().filter(is_told).count(), 1);
}

#[test]
fn a_database_that_is_gone_is_tried_again() {
    let mut ingest = idle().function("ingest", "gone.log");
    let (error_type, message) = failure(ingest.function.invoke(&json!({})));
    assert!(error_type == "Retryable" && message.contains("127.0.0.1:1"), "{error_type}: {message}");
    assert!(lines(&ingest).iter().any(|line| line["severity"] == "WARNING" && line["error_type"] == "Retryable"));
    assert!(lines(&ingest).iter().all(|line| line["severity"] != "CRITICAL"));
}

#[test]
fn a_store_without_plugins_is_told_until_there_are_some() {
    let deployment = Deployment::new("postgres://reader@127.0.0.1:1/totesys");
    let mut process = deployment.function("process", "process.log");
    let (error_type, message) = failure(process.function.invoke(&json!({ "action": "process" })));
    assert!(error_type == "Final" && message.contains("host plugin publish"), "{message}");
    let plugin = tests::tools::plugin("dim_currency");
    assert_done(&deployment.host(&["plugin", "publish", plugin.to_str().unwrap()]));
    let answer = process.function.invoke(&json!({ "action": "process" })).answer();
    assert_eq!(answer["tables"][0]["status"], "waiting");
    assert_eq!(process.function.cold_starts, 1);
}

#[test]
fn a_message_that_nobody_understands_ends_among_the_dead_letters() {
    let deployment = Deployment::new("postgres://reader@127.0.0.1:1/totesys");
    let plugin = tests::tools::plugin("dim_currency");
    assert_done(&deployment.host(&["plugin", "publish", plugin.to_str().unwrap()]));
    let mut process = deployment.function("process", "process.log");
    let raw = deployment.settings["buckets"]["raw"].as_str().unwrap();
    let object = |bucket: &str, key: &str| json!({ "Records": [{ "eventSource": "aws:s3", "s3": { "bucket": { "name": bucket }, "object": { "key": key } } }] });
    let bodies = [
        ("hello", "hello".to_owned()),
        ("test", json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": raw }).to_string()),
        ("other", object("other", "raw/currency/packets/00000001.packet.json").to_string()),
        ("data", object(raw, "raw/currency/2024/11/14/00000001_080000000000.jsonl").to_string()),
        ("outside", object(raw, "currency/packets/00000001.packet.json").to_string()),
        ("good", object(raw, "raw%2Fcurrency%2Fpackets%2F00000001.packet.json").to_string()),
        ("unread", object(raw, "raw/address/packets/00000001.packet.json").to_string()),
    ];
    let records: Vec<_> =
        bodies.iter().map(|(id, body)| json!({ "messageId": id, "eventSource": "aws:sqs", "body": body })).collect();
    let answer = process.function.invoke(&json!({ "Records": records })).answer();
    let failed: Vec<_> = ["hello", "other", "data", "outside"].map(|id| json!({ "itemIdentifier": id })).into();
    assert_eq!(answer, json!({ "batchItemFailures": failed }));
    assert_eq!(metric(&process, "Critical"), [4]);
}

#[test]
fn a_table_whose_packets_cannot_be_listed_stops_its_facts_alone() {
    let deployment = Deployment::with_plugins(&database());
    let mut ingest = deployment.function("ingest", "ingest.log");
    ingest.function.invoke(&json!({})).answer();
    let mut process = deployment.function("process", "process.log");
    let listing = "prefix=raw%2Fsales_order%2Fpackets";
    process.proxy.add(Rule::new("GET", listing, 100, Fault::S3(403, "AccessDenied")));
    let answer = process.function.invoke(&json!({ "action": "process", "scheduled": true })).answer();
    let message = answer["errorMessage"].as_str().unwrap();
    assert!(answer["errorType"] == "Final" && message.contains("fact_sales_order"), "{answer}");
    assert!(!message.contains("dim_staff") && !message.contains("fact_payment"), "{answer}");
    let status: Value = serde_json::from_slice(&deployment.host(&["--json", "status"]).stdout).unwrap();
    let stars = status["star_tables"].as_array().unwrap();
    let behind = |table: &str| stars.iter().find(|star| star["table"] == table).map(|star| star["behind"].clone());
    assert_eq!((behind("fact_payment"), behind("dim_staff")), (Some(json!(0)), Some(json!(0))), "{status}");
    process.proxy.clear();
    process.function.invoke(&json!({ "action": "process" })).answer();
    assert_done(&deployment.host(&["verify"]));
}
