//! What can happen to a lake and its star tables while nobody looks: no row is lost or doubled without a word, and what is told
//! to be the remedy is one.

use super::explain::{Workplace, order};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const FACT: &str = "fact_sales_order";

/// A fact with three packets, and the calendar.
fn three_packets() -> (Workplace, Vec<String>) {
    let workplace = Workplace::new(&[FACT, "dim_date"]);
    let mut orders = Vec::new();
    for id in 1..=3 {
        orders.push(order(id, 1, &format!("202{}-03-01", 2 + id)));
        workplace.ingest("sales_order", &orders);
    }
    workplace.text(&["process"], 0);
    (workplace, orders)
}

fn manifest(workplace: &Workplace, sequence: u64) -> PathBuf {
    workplace.path(&format!("lake/raw/sales_order/packets/{sequence:08}.packet.json"))
}

/// What became of the records up to `last`.
fn outcomes(workplace: &Workplace, last: u64) -> Vec<Value> {
    let outcome = |record: u64| workplace.json(&["explain", FACT, &record.to_string()], 0)["outcome"].clone();
    (1..=last).map(outcome).collect()
}

/// What a command says of a star table, under a key.
fn told(document: &Value, list: &str, table: &str, key: &str) -> Value {
    let tables = document[list].as_array().unwrap();
    tables.iter().find(|found| found["table"] == table).unwrap_or_else(|| panic!("{table}: {document}"))[key].clone()
}

fn findings(workplace: &Workplace) -> Vec<(String, String)> {
    let report = workplace.json(&["verify"], 1);
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| (text(finding, "kind"), text(finding, "table"))).collect()
}

#[test]
fn a_lake_that_was_begun_anew_is_noticed_and_a_replay_takes_it_over() {
    let (workplace, mut orders) = three_packets();
    fs::remove_dir_all(workplace.path("lake/raw")).unwrap();
    fs::remove_file(workplace.path("lake/checkpoints/sales_order.json")).unwrap();
    for id in 4..=6 {
        orders[0] = order(1, id, "2024-03-01");
        workplace.ingest("sales_order", &orders);
    }
    let refused = workplace.text(&["process"], 3);
    assert!(refused.contains("star-other-packets") && refused.contains("packet 3 of `sales_order`"), "{refused}");
    assert!(findings(&workplace).contains(&("other-packets".to_owned(), FACT.to_owned())));
    let status = workplace.json(&["status"], 1);
    assert_eq!(told(&status, "star_tables", FACT, "failure")["code"], "star-other-packets");
    workplace.text(&["replay", "--table", FACT], 0);
    workplace.text(&["process"], 0);
    workplace.text(&["verify"], 0);
    assert_eq!(outcomes(&workplace, 5), ["made"; 5], "three rows of the first packet, and two changes");
    assert_eq!(told(&workplace.json(&["status"], 0), "star_tables", FACT, "failure"), Value::Null);
}

#[test]
fn a_packet_that_was_replaced_by_another_of_its_number_is_noticed() {
    let (workplace, mut orders) = three_packets();
    fs::remove_file(manifest(&workplace, 3)).unwrap();
    fs::remove_file(workplace.path("lake/checkpoints/sales_order.json")).unwrap();
    orders[2] = order(3, 9, "2025-03-01");
    workplace.ingest("sales_order", &orders);
    let refused = workplace.text(&["process"], 3);
    assert!(refused.contains("star-other-packets"), "{refused}");
    workplace.text(&["replay", "--table", FACT], 0);
    workplace.text(&["verify"], 0);
}

#[test]
fn nothing_is_taken_away_because_a_packet_is_missing() {
    let (workplace, _) = three_packets();
    let kept = fs::read(manifest(&workplace, 2)).unwrap();
    fs::remove_file(manifest(&workplace, 2)).unwrap();
    for arguments in [&["replay", "--table", FACT][..], &["replay", "--table", FACT, "--sequence", "1..3"]] {
        let refused = workplace.text(arguments, 3);
        assert!(refused.contains("star-gap") && refused.contains("lacks packet 2"), "{refused}");
    }
    fs::write(manifest(&workplace, 2), kept).unwrap();
    assert_eq!(outcomes(&workplace, 3), ["made"; 3]);
    workplace.text(&["replay", "--table", FACT], 0);
    workplace.text(&["verify"], 0);
}

#[test]
fn star_tables_that_are_gone_are_found_and_made_again_with_all_their_days() {
    let (workplace, _) = three_packets();
    for table in ["dim_date", FACT] {
        fs::remove_dir_all(workplace.path(&format!("lake/star/{table}"))).unwrap();
        assert!(findings(&workplace).contains(&("missing-table".to_owned(), table.to_owned())));
        workplace.text(&["process"], 0);
        workplace.text(&["verify"], 0);
        workplace.text(&["explain", "dim_date", "2023-03-01"], 0);
        workplace.text(&["explain", "dim_date", "2025-03-01"], 0);
    }
    fs::remove_dir_all(workplace.path("lake/star")).unwrap();
    assert_eq!(findings(&workplace).len(), 2);
}

#[test]
fn days_that_came_while_the_calendar_had_no_plugin_are_made_by_a_replay() {
    let (workplace, mut orders) = three_packets();
    let kept = fs::read(workplace.path("plugins/dim_date.wasm")).unwrap();
    fs::remove_file(workplace.path("plugins/dim_date.wasm")).unwrap();
    orders.push(order(4, 1, "2033-05-06"));
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 0);
    fs::write(workplace.path("plugins/dim_date.wasm"), kept).unwrap();
    workplace.text(&["process"], 0);
    assert_eq!(findings(&workplace), [("dangling-reference".to_owned(), FACT.to_owned())]);
    workplace.text(&["replay", "--table", "dim_date"], 0);
    workplace.text(&["verify"], 0);
}

#[test]
fn only_what_is_held_can_be_accepted() {
    let (workplace, _) = three_packets();
    for sequence in ["3", "4", "99999"] {
        let refused = workplace.text(&["process", "--accept", &format!("{FACT}/{sequence}")], 3);
        assert!(refused.starts_with("error[not-held]"), "{refused}");
    }
    assert!(!workplace.path("lake/star/accepted").exists());
}

#[test]
fn a_packet_that_is_held_for_the_limits_of_the_calendar_is_tried_within_others() {
    let mut workplace = Workplace::new(&[FACT, "dim_date"]);
    workplace.ingest("sales_order", &(1..=6).map(|id| order(id, 1, "2150-03-01")).collect::<Vec<_>>());
    workplace.text(&["process"], 1);
    workplace.text(&["process"], 1);
    workplace.set("HOST_CALENDAR_LIMIT", "1990..2200");
    workplace.text(&["process"], 0);
    assert_eq!(outcomes(&workplace, 6), ["made"; 6]);
}

#[test]
fn a_packet_that_is_held_for_want_of_fuel_is_tried_with_more() {
    let mut workplace = Workplace::new(&[FACT, "dim_date"]);
    workplace.ingest("sales_order", &(1..=6).map(|id| order(id, 1, "2024-03-01")).collect::<Vec<_>>());
    // Enough to tell what it reads, and too little for a row.
    workplace.set("HOST_LIMITS_FUEL_BASE", "45000");
    workplace.set("HOST_LIMITS_FUEL_PER_BYTE", "1");
    assert!(workplace.text(&["process"], 2).contains("used up"));
    assert!(workplace.text(&["process"], 2).contains("held"));
    workplace.set("HOST_LIMITS_FUEL_BASE", "50000000");
    workplace.set("HOST_LIMITS_FUEL_PER_BYTE", "1000");
    workplace.text(&["process"], 0);
    assert_eq!(outcomes(&workplace, 6), ["made"; 6]);
    workplace.text(&["verify"], 0);
}

#[test]
fn rows_stay_whose_looked_up_row_is_deleted() {
    let workplace = Workplace::new(&["dim_staff"]);
    let moment = "\"created_at\":\"2024-02-03T14:20:52.186\",\"last_updated\":\"2024-02-03T14:20:52.186\"";
    let department = |id: u32| {
        format!(
            "{{\"department_id\":{id},\"department_name\":\"D{id}\",\"location\":\"L{id}\",\"manager\":\"M\",{moment}}}"
        )
    };
    let staff = |id: u32| {
        format!(
            "{{\"staff_id\":{id},\"first_name\":\"A\",\"last_name\":\"B\",\"department_id\":{},\"email_address\":\"a@b.co\",{moment}}}",
            1 + id % 2
        )
    };
    workplace.write("department", &[department(1), department(2)]);
    workplace.write("staff", &(1..=4).map(staff).collect::<Vec<_>>());
    workplace.text(&["sync"], 0);
    workplace.write("department", &[department(1)]);
    workplace.text(&["reconcile"], 0);
    workplace.text(&["process"], 0);
    for id in ["1", "2", "3", "4"] {
        assert_eq!(workplace.json(&["explain", "dim_staff", id], 0)["outcome"], "made");
    }
    workplace.text(&["verify"], 0);
}

#[test]
fn a_component_that_is_none_stops_nobody_else() {
    let (workplace, mut orders) = three_packets();
    fs::write(workplace.path("plugins/broken.wasm"), "no component").unwrap();
    orders.push(order(4, 1, "2024-03-01"));
    workplace.ingest("sales_order", &orders);
    let said = workplace.text(&["process"], 2);
    assert!(said.contains("broken.wasm"), "{said}");
    fs::remove_file(workplace.path("plugins/broken.wasm")).unwrap();
    assert_eq!(outcomes(&workplace, 4), ["made"; 4]);
}

#[test]
fn what_stops_a_table_stands_in_the_status_until_it_goes_on() {
    let (workplace, mut orders) = three_packets();
    orders.push(order(4, 1, "2024-03-01"));
    let renamed: Vec<String> = orders.iter().map(|line| line.replace("units_sold", "units")).collect();
    workplace.ingest("sales_order", &renamed);
    workplace.text(&["process"], 3);
    let status = workplace.json(&["status"], 1);
    let failure = told(&status, "star_tables", FACT, "failure");
    assert_eq!(failure["code"], "source-drift", "{status}");
    assert!(workplace.text(&["status"], 1).contains("failed: source-drift"));
    // A log that can't be read is the trouble of its own table.
    let log = workplace.path("lake/star/dim_date/_delta_log/00000000000000000000.json");
    fs::write(&log, "garbage").unwrap();
    let status = workplace.json(&["status"], 1);
    assert_eq!(told(&status, "star_tables", "dim_date", "failure")["code"], "star-log", "{status}");
    assert_eq!(told(&status, "star_tables", FACT, "processed"), 3);
    assert!(findings(&workplace).contains(&("damaged-log".to_owned(), "dim_date".to_owned())));
}

#[test]
fn a_packet_whose_columns_changed_can_be_accepted_and_costs_its_own_rows() {
    let (workplace, orders) = three_packets();
    let renamed: Vec<String> = orders.iter().map(|line| line.replace("units_sold", "units")).collect();
    workplace.ingest("sales_order", &renamed);
    let refused = workplace.text(&["process"], 3);
    assert!(
        refused.contains("source-drift") && refused.contains("`host process --accept fact_sales_order/4`"),
        "{refused}"
    );
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 3);
    workplace.text(&["replay", "--table", FACT], 0);
    let failure = told(&workplace.json(&["status"], 1), "star_tables", FACT, "failure");
    assert_eq!(failure["code"], "source-drift", "the packets that it has are not those that stop it");
    workplace.text(&["process", "--accept", "fact_sales_order/4"], 0);
    let expected: Vec<Value> =
        [["made"; 3], ["rejected"; 3], ["made"; 3]].concat().into_iter().map(Value::from).collect();
    assert_eq!(outcomes(&workplace, 9), expected);
    workplace.text(&["verify"], 0);
    workplace.text(&["replay", "--table", FACT], 0);
    assert_eq!(outcomes(&workplace, 9), expected);
    workplace.text(&["verify"], 0);
    assert!(workplace.text(&["process", "--accept", "fact_sales_order/5"], 3).starts_with("error[not-held]"));
}

#[test]
fn a_dimension_whose_source_had_other_columns_for_a_while_goes_on_once_that_is_accepted() {
    let workplace = Workplace::new(&["dim_currency"]);
    let currency = |id: u32, code: &str, column: &str| {
        let moment = "\"created_at\":\"2024-02-03T14:20:52.186\",\"last_updated\":\"2024-02-03T14:20:52.186\"";
        format!("{{\"currency_id\":{id},\"{column}\":\"{code}\",{moment}}}")
    };
    for (code, column) in [("GBP", "currency_code"), ("GBP", "code"), ("EUR", "currency_code")] {
        workplace.ingest("currency", &[currency(1, code, column), currency(2, "USD", column)]);
    }
    assert!(workplace.text(&["process"], 3).contains("packet 2 of `currency`"));
    workplace.text(&["process", "--accept", "dim_currency/2"], 0);
    assert_eq!(workplace.json(&["explain", "dim_currency", "1"], 0)["outcome"], "made");
    assert_eq!(told(&workplace.json(&["status"], 0), "star_tables", "dim_currency", "behind"), 0);
    workplace.text(&["verify"], 0);
}

/// Puts the rows of a fact's files into files of other names, as another program does that tidies the table up.
fn rename_files(workplace: &Workplace) {
    let folder = workplace.path(&format!("lake/star/{FACT}"));
    let entries = fs::read_dir(folder.join("_delta_log")).unwrap().map(|entry| entry.unwrap().path());
    let newest = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).max().unwrap();
    let version: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let mut actions = vec![json!({"commitInfo": {"timestamp": 0, "operation": "OPTIMIZE"}})];
    for (index, file) in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).enumerate() {
        let Some(name) = file.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".parquet"))
        else {
            continue;
        };
        let other = format!("part-{index:05}-0b7b9b6a-8bde.zstd.parquet");
        fs::copy(&file, folder.join(&other)).unwrap();
        let bytes = fs::metadata(&file).unwrap().len();
        actions.push(json!({"remove": {"path": name, "deletionTimestamp": 0, "dataChange": false}}));
        actions.push(json!({"add": {"path": other, "partitionValues": {}, "size": bytes, "modificationTime": 0,
            "dataChange": false, "stats": "{\"numRecords\":1}"}}));
    }
    let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
    let next = folder.join(format!("_delta_log/{:020}.json", version + 1));
    fs::write(next, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_replay_replaces_the_files_that_another_program_made_of_the_same_rows() {
    let (workplace, mut orders) = three_packets();
    rename_files(&workplace);
    assert_eq!(outcomes(&workplace, 3), ["made"; 3]);
    workplace.text(&["replay", "--table", FACT], 0);
    orders.push(order(4, 1, "2024-03-01"));
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 0);
    assert_eq!(outcomes(&workplace, 4), ["made"; 4]);
    workplace.text(&["verify"], 0);
}

#[test]
fn an_empty_lake_takes_nothing_away() {
    let (mut workplace, orders) = three_packets();
    workplace.write("sales_order", &orders[..2]);
    workplace.text(&["reconcile"], 0);
    workplace.text(&["process"], 0);
    let entries = |workplace: &Workplace| {
        let log = |table: &str| workplace.path(&format!("lake/star/{table}/_delta_log"));
        [FACT, "deletions"].map(|table| fs::read_dir(log(table)).unwrap().count())
    };
    let before = entries(&workplace);
    workplace.set("HOST_LAKE_RAW", "file:./nowhere");
    for arguments in [&["process"][..], &["replay", "--table", FACT]] {
        let refused = workplace.text(arguments, 3);
        assert!(refused.contains("star-ahead"), "{refused}");
    }
    assert_eq!(before, entries(&workplace));
}

#[test]
fn a_fact_waits_for_a_calendar_that_can_not_be_loaded() {
    let (workplace, mut orders) = three_packets();
    let kept = fs::read(workplace.path("plugins/dim_date.wasm")).unwrap();
    fs::write(workplace.path("plugins/dim_date.wasm"), "garbage").unwrap();
    orders.push(order(4, 1, "9999-03-01"));
    workplace.ingest("sales_order", &orders);
    let waiting = workplace.text(&["process"], 2);
    assert!(waiting.contains("waits for dim_date"), "{waiting}");
    fs::write(workplace.path("plugins/dim_date.wasm"), kept).unwrap();
    workplace.text(&["process"], 0);
    assert_eq!(outcomes(&workplace, 4), ["made", "made", "made", "rejected"]);
}

#[test]
fn rejects_of_another_lake_are_not_published() {
    let (workplace, mut orders) = three_packets();
    orders.push(order(4, 1, "2024-02-30"));
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 0);
    fs::remove_dir_all(workplace.path("lake/raw")).unwrap();
    fs::remove_file(workplace.path("lake/checkpoints/sales_order.json")).unwrap();
    for id in 1..=4 {
        workplace.ingest("sales_order", &[order(id, id, "2024-03-01")]);
    }
    let refused = workplace.text(&["rejects", "--table", FACT, "--replay", "--publish"], 3);
    assert!(refused.contains("star-other-packets"), "{refused}");
}

#[test]
fn a_manifest_that_can_not_be_read_is_found_and_the_other_findings_are_told_too() {
    let (workplace, _) = three_packets();
    fs::write(manifest(&workplace, 3), "").unwrap();
    fs::remove_dir_all(workplace.path("lake/star/dim_date")).unwrap();
    let found = findings(&workplace);
    for expected in [("bad-manifest", "sales_order"), ("missing-table", "dim_date")] {
        assert!(found.contains(&(expected.0.to_owned(), expected.1.to_owned())), "{found:?}");
    }
}
