//! `host plugin test --fuzz` on plugins that each break one rule.

use super::{document, stdout};
use std::fs;
use tests::shipped_guest;
use tests::tools::run_host;

/// A folder with a guest, and a case of orders that come in the order of their changes.
fn folder(guest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(shipped_guest(guest), folder.path().join("orders.wasm")).unwrap();
    let case = folder.path().join("cases/ascending");
    fs::create_dir_all(case.join("input")).unwrap();
    let line = |index: u32| {
        format!(
            "{{\"sales_order_id\":{index},\"created_at\":\"2023-04-11T09:15:02.118\",\"last_updated\":\
             \"2023-04-{:02}T09:15:02.118\",\"design_id\":12,\"staff_id\":4,\"counterparty_id\":7,\"units_sold\":{},\
             \"unit_price\":3.40,\"currency_id\":2,\"agreed_delivery_date\":\"2023-04-20\",\"agreed_payment_date\":\
             \"2023-05-02\",\"agreed_delivery_location_id\":19}}\n",
            10 + index,
            2_000 + index
        )
    };
    fs::write(case.join("input/sales_order.jsonl"), (1..=6).map(line).collect::<String>()).unwrap();
    folder
}

/// The rules that a guest breaks, with the number of lines that it takes to show it, and what is said.
fn findings(guest: &str) -> Vec<(String, usize, String)> {
    let folder = folder(guest);
    let arguments = ["plugin", "test", "orders.wasm", "--fuzz", "--json"];
    // Expected rows are no matter here.
    run_host(folder.path(), &["plugin", "test", "orders.wasm", "--bless"]);
    let report = document(&run_host(folder.path(), &arguments));
    let findings = report["plugins"][0]["fuzz"]["findings"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let finding = |finding: &serde_json::Value| {
        (text(&finding["rule"]), finding["lines"].as_array().unwrap().len(), text(&finding["message"]))
    };
    findings.iter().map(finding).collect()
}

#[test]
fn a_state_that_outlives_a_line_is_found_with_the_fewest_lines() {
    let findings = findings("orders_counted");
    let (rule, lines, message) = &findings[0];
    assert_eq!((rule.as_str(), *lines), ("cut", 2), "{findings:#?}");
    assert!(message.contains("its rows depend on where the lines are cut into calls"), "{message}");
    assert!(message.contains("\"units_sold\":1") && message.contains("\"units_sold\":0"), "{message}");
}

#[test]
fn a_plugin_that_needs_its_lines_in_order_is_found() {
    let findings = findings("orders_latest");
    let (rule, lines, message) = &findings[0];
    assert_eq!((rule.as_str(), *lines), ("order", 2), "{findings:#?}");
    assert!(message.contains("its rows depend on the lines around it or on their order"), "{message}");
}

#[test]
fn traps_and_endless_loops_are_found_with_the_value_and_the_line_of_the_source() {
    let findings = findings("orders_clumsy");
    let said: Vec<_> = findings.iter().map(|(_, _, message)| message.as_str()).collect();
    assert!(findings.iter().all(|(rule, lines, _)| rule == "fault" && *lines == 1), "{said:#?}");
    let source = "tests/guests/examples/orders_clumsy.rs:";
    let divides = said.iter().any(|said| said.contains("attempt to divide by zero") && said.contains(source));
    let loops = said.iter().any(|said| said.contains("units of fuel at tests/guests/examples/orders_clumsy.rs:"));
    assert!(divides && loops, "{said:#?}");
    let folder = folder("orders_clumsy");
    let screen = stdout(&run_host(folder.path(), &["plugin", "test", "orders.wasm", "--fuzz"]));
    assert!(screen.contains("(`units_sold` is 0)"), "{screen}");
    assert!(screen.contains("--record fuzz/1.jsonl --lines 1"), "{screen}");
    assert!(folder.path().join("fuzz/1.jsonl").is_file());
}
