//! Functions whose time runs out.

use super::deployment::Deployment;
use super::events::{database, failure, lines};
use serde_json::json;
use std::time::Duration;
use tests::function::Outcome;
use tests::proxy::{Fault, Rule};
use tests::tools::assert_done;

#[test]
fn without_time_nothing_is_begun_and_the_next_run_goes_on() {
    let deployment = Deployment::with_plugins(&database());
    let mut ingest = deployment.function("ingest", "ingest.log");
    let (error_type, message) = failure(ingest.function.invoke_with(&json!({}), Duration::ZERO));
    assert!(error_type == "Retryable" && message.contains("out-of-time"), "{error_type}: {message}");
    let status: serde_json::Value = serde_json::from_slice(&deployment.host(&["--json", "status"]).stdout).unwrap();
    assert_eq!(status["tables"], json!([]));
    // Packets of some rows each.
    ingest.function.invoke(&json!({})).answer();
    for _ in 0..3 {
        let client = deployment.runtime.block_on(tests::flow::connect(deployment.database()));
        let edit =
            "UPDATE sales_order SET units_sold = units_sold + 1; UPDATE staff SET first_name = first_name || 'a'";
        deployment.runtime.block_on(client.batch_execute(edit)).unwrap();
        ingest.function.invoke(&json!({})).answer();
    }
    let mut process = deployment.function("process", "process.log");
    let messages = deployment.receive("packets");
    let count = messages.iter().filter(|message| !message.is_test()).count();
    let outcome = deployment
        .deliver(messages, &mut process, |process, event| process.function.invoke_with(event, Duration::ZERO));
    assert_eq!(outcome.answer()["batchItemFailures"].as_array().unwrap().len(), count);
    let is_told = |line: &serde_json::Value| line["message"] == "the time of this run is over: the next one goes on";
    assert!(lines(&process).iter().any(is_told));
    // However little time there is, as long as there is some it comes to an end.
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs < 100, "it does not come further");
        let left = Duration::from_millis(400 + 100 * runs);
        match process.function.invoke_with(&json!({ "action": "process" }), left) {
            Outcome::Answer(_) => break,
            Outcome::Failed { error_type, message } => {
                assert!(error_type == "Retryable" && message.contains("the next run goes on"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    eprintln!("{runs} runs");
    assert_done(&deployment.host(&["verify"]));
}

#[test]
fn a_service_that_does_not_answer_costs_the_run_and_no_more() {
    let deployment = Deployment::with_plugins(&database());
    let mut ingest = deployment.function("ingest", "ingest.log");
    ingest.function.invoke(&json!({})).answer();
    let mut process = deployment.function("process", "process.log");
    // It is ready before anything hangs.
    process.function.invoke(&json!({ "table": "currency" })).answer();
    for (deployed, event) in [(&mut ingest, json!({})), (&mut process, json!({ "action": "process" }))] {
        deployed.proxy.add(Rule::new("GET", "", usize::MAX, Fault::Hang));
        deployed.proxy.add(Rule::new("POST", "", usize::MAX, Fault::Hang));
        let (error_type, message) = failure(deployed.function.invoke_with(&event, Duration::from_secs(6)));
        assert!(error_type == "Retryable" && message.contains("out-of-time"), "{error_type}: {message}");
        deployed.proxy.clear();
        deployed.function.invoke(&event).answer();
        assert_eq!(deployed.function.cold_starts, 1, "the same process goes on");
    }
    assert_done(&deployment.host(&["verify"]));
}

#[test]
fn an_event_that_is_too_deep_is_told_as_any_other_that_is_not_understood() {
    let deployment = Deployment::with_plugins(&database());
    let mut process = deployment.function("process", "process.log");
    let deep = (0..300).fold(json!([]), |inner, _| json!([inner]));
    let (error_type, message) = failure(process.function.invoke(&deep));
    assert!(error_type == "Final" && message.starts_with("error[event]"), "{error_type}: {message}");
    assert!(lines(&process).iter().any(|line| line["severity"] == "CRITICAL"));
}
