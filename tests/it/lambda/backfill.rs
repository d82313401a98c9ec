//! The state machine that brings tables again, side by side.

use super::deployment::Deployment;
use super::events::database;
use super::machine::execute;
use serde_json::{Value, json};
use tests::function::Outcome;
use tests::proxy::{Fault, Rule};

#[test]
fn a_backfill_brings_each_table_by_itself_and_names_those_that_fail() {
    let url = database();
    let deployment = Deployment::new(&url);
    deployment.runtime.block_on(async {
        let client = tests::flow::connect(&url).await;
        client
            .batch_execute("CREATE TABLE plain (id integer PRIMARY KEY); INSERT INTO plain VALUES (1)")
            .await
            .unwrap();
    });
    let machine = &deployment.settings["state_machines"]["backfill"]["definition"];
    let mut ingest = deployment.function("ingest", "ingest.log");
    let mut events = Vec::new();
    let mut task = |resource: &str, input: &Value| {
        assert_eq!(deployment.settings["functions"]["ingest"]["arn"], resource);
        events.push(input.clone());
        // Each second event finds services that fail for longer than their clients try.
        if events.len() == 2 {
            ingest.proxy.add(Rule::new("GET", "list-type=2", 40, Fault::S3(503, "SlowDown")));
        }
        let outcome = ingest.function.invoke(input);
        ingest.proxy.clear();
        match outcome {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Failed { error_type, message } => {
                let cause = json!({ "errorType": error_type, "errorMessage": message });
                Err((error_type, cause.to_string()))
            }
            other => Err(("Lambda.Unknown".to_owned(), format!("{other:?}"))),
        }
    };
    let range = json!({ "from": "2022-01-01", "to": "2100-01-01" });
    let some = json!({ "tables_to_query": ["currency", "staff"], "from": "2022-01-01", "to": "2100-01-01" });
    let done = execute(machine, &some, &mut task);
    let keys =
        json!({ "currency": "currency/packets/00000001.packet.json", "staff": "staff/packets/00000001.packet.json" });
    assert_eq!(done.result.unwrap(), keys);
    assert_eq!(done.waits, [60]);
    let all = execute(machine, &range, &mut task);
    let (error, cause) = all.result.unwrap_err();
    assert_eq!(error, "TablesFailed");
    assert!(cause.contains("plain") && !cause.contains("address"), "{cause}");
    assert_eq!(all.waits, [0; 0]);
    let unknown = execute(machine, &json!({ "tables_to_query": ["sales"] }), &mut task);
    let (error, cause) = unknown.result.unwrap_err();
    assert!(error == "Final" && cause.contains("sales_order"), "{error}: {cause}");
    let misspelt = execute(machine, &json!({ "tables": ["sales_order"] }), &mut task);
    assert!(misspelt.result.unwrap_err().1.contains("unknown field `tables`"));
    // The plan, two tables, one of them twice, the summary; the plan, twelve tables, the summary; two plans that fail.
    assert_eq!(events.len(), 5 + 14 + 2, "{events:?}");
    let status: Value = serde_json::from_slice(&deployment.host(&["--json", "status"]).stdout).unwrap();
    assert_eq!(status["tables"].as_array().unwrap().len(), 11, "{status}");
}
