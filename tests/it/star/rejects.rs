//! `host rejects`: what was rejected, and what becomes of it with the plugin of a later day.

use super::explain::{Workplace, order, value};
use host::crash::REJECTS_POINTS;
use serde_json::{Value, json};
use std::fs;
use tests::shipped_guest;

/// A lake whose fact a plugin has made that rejects the orders of counterparty 5: three of five, over two packets.
fn counterparty_5_rejected() -> Workplace {
    let workplace = Workplace::new(&["dim_date"]);
    workplace.install("orders", &shipped_guest("orders_changed"));
    let mut orders = vec![order(1, 5, "2024-03-01"), order(2, 1, "2024-03-01")];
    workplace.ingest("sales_order", &orders);
    orders.extend([order(3, 1, "2024-03-01"), order(4, 5, "2024-03-01"), order(5, 5, "2024-02-30")]);
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 0);
    workplace
}

/// How many files of rows that were published late the fact has.
fn late_files(workplace: &Workplace) -> usize {
    let files = fs::read_dir(workplace.path("lake/star/fact_sales_order")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("rejects-")).count()
}

const REPLAY: [&str; 4] = ["rejects", "--table", "fact_sales_order", "--replay"];
const PUBLISH: [&str; 5] = ["rejects", "--table", "fact_sales_order", "--replay", "--publish"];

#[test]
fn rejects_are_listed_by_star_table_packet_and_reason() {
    let workplace = Workplace::new(&["fact_sales_order", "dim_date", "dim_currency"]);
    assert_eq!(workplace.text(&["rejects"], 0), "nothing was rejected\n");
    let mut orders: Vec<String> = (1..=4).map(|id| order(id, 1, "2024-03-01")).collect();
    orders.extend([order(5, 1, "2024-02-30"), order(6, 1, "2101-01-01"), order(7, 1, "2024-04-31")]);
    workplace.ingest("sales_order", &orders);
    orders.extend((8..40).map(|id| order(id, 1, "2024-02-30")));
    orders.push(order(40, 1, "2024-03-01"));
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 1);
    let list = workplace.json(&["rejects", "--rows", "2"], 0);
    let table = &list["tables"][0];
    assert_eq!((list["tables"].as_array().unwrap().len(), &table["table"]), (1, &"fact_sales_order".into()));
    let packets = table["packets"].as_array().unwrap();
    let told: Vec<_> = packets.iter().map(|packet| (&packet["packet"], &packet["state"], &packet["rows"])).collect();
    let expected = [
        (json!("sales_order/00000001"), json!("published"), json!(3)),
        (json!("sales_order/00000002"), json!("held"), json!(32)),
    ];
    assert_eq!(told, expected.iter().map(|(packet, state, rows)| (packet, state, rows)).collect::<Vec<_>>());
    let reasons = packets[0]["reasons"].as_array().unwrap();
    let reason = |reason: &Value| (reason["code"].clone(), reason["rows"].clone(), reason["first_line"].clone());
    let expected = [(json!("date"), json!(2), json!(5)), (json!("outside-calendar"), json!(1), json!(6))];
    assert_eq!(reasons.iter().map(reason).collect::<Vec<_>>(), expected);
    assert_eq!(reasons[0]["column"], "agreed_delivery_date");
    assert!(reasons[0]["hint"].as_str().unwrap().starts_with("mend the rows"), "{reasons:?}");
    let rows: Vec<&str> = list["rows"].as_array().unwrap().iter().map(|row| row["row"].as_str().unwrap()).collect();
    assert_eq!(rows, [&orders[4], &orders[5]]);
    let screen = workplace.text(&["rejects", "--table", "fact_sales_order", "--rows", "1"], 0);
    for part in ["35 rows rejected of 2 packets", "outside-calendar", "--accept fact_sales_order/2", &orders[4]] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    workplace.text(&["process", "--accept", "fact_sales_order/2"], 0);
    let list = workplace.json(&["rejects"], 0);
    assert_eq!(list["tables"][0]["packets"][1]["state"], "accepted");
    assert_eq!(workplace.text(&["rejects", "--table", "dim_date"], 0), "nothing was rejected\n");
    assert!(workplace.text(&["rejects", "--table", "fact_sale"], 3).starts_with("error[unknown-table]"));
    workplace.text(&["rejects", "--publish"], 4);
    workplace.text(&["rejects", "--replay"], 4);
}

#[test]
fn a_later_plugin_takes_rejected_rows_and_each_is_published_once() {
    let workplace = counterparty_5_rejected();
    let same = workplace.json(&REPLAY, 0);
    assert_eq!((&same["passed"], &same["rejected"]), (&0.into(), &3.into()), "{same}");
    workplace.install("orders", &shipped_guest("orders_latest"));
    let replay = workplace.json(&REPLAY, 0);
    assert_eq!((&replay["records"], &replay["passed"], &replay["rejected"]), (&3.into(), &2.into(), &1.into()));
    assert_eq!((&replay["reasons"][0]["code"], &replay["reasons"][0]["first_packet"]), (&"date".into(), &2.into()));
    let table = |new: u64, there: u64, files: &Value| json!([{"table": "fact_sales_order", "new": new, "there": there, "files": files}]);
    assert_eq!(replay["tables"], table(2, 0, &json!([])));
    assert_eq!(late_files(&workplace), 0, "nothing is published unless it is asked for");
    let published = workplace.json(&PUBLISH, 0);
    let files = &published["tables"][0]["files"];
    assert_eq!(published["tables"], table(2, 0, files));
    let again = workplace.json(&PUBLISH, 0);
    assert_eq!(again["tables"], table(0, 2, &json!([])));
    for (record, order_id, sequence) in [(1, "1", 1), (4, "4", 2)] {
        let file = files[sequence - 1].as_str().unwrap();
        assert!(file.starts_with(&format!("rejects-{sequence:08}-")), "{published}");
        let explained = workplace.json(&["explain", "fact_sales_order", &format!("{record}")], 0);
        assert_eq!((&explained["outcome"], value(&explained, "sales_order_id")), (&"made".into(), order_id));
        assert_eq!(explained["origin"]["sequence"], sequence);
        assert_eq!(explained["rejects"][0]["code"], "counterparty", "what was said before is still told");
        let key = format!("fact_sales_order/{file}");
        assert_eq!((&explained["file"]["key"], &explained["file"]["rows"]), (&key.into(), &1.into()));
        assert_eq!(explained["file"]["made_by"]["input"], format!("sales_order/{sequence:08}"));
    }
    assert_eq!(workplace.json(&["explain", "fact_sales_order", "5"], 0)["outcome"], "rejected");
    let unchanged = workplace.json(&["process"], 0);
    let fact = unchanged["tables"].as_array().unwrap().iter().find(|table| table["table"] == "fact_sales_order");
    assert_eq!(fact.unwrap()["status"], "unchanged", "late rows are no packet");
    let screen = workplace.text(&REPLAY, 0);
    assert!(screen.contains("2 pass now") && screen.contains("it has 2 already"), "{screen}");
}

#[test]
fn a_replay_takes_over_the_rows_that_were_published_late() {
    let workplace = counterparty_5_rejected();
    workplace.install("orders", &shipped_guest("orders_latest"));
    workplace.json(&PUBLISH, 0);
    assert_eq!(late_files(&workplace), 2);
    let explained = |record: u64| workplace.json(&["explain", "fact_sales_order", &record.to_string()], 0);
    let outcomes = || (1..=5).map(|record| explained(record)["outcome"].clone()).collect::<Vec<_>>();
    let is_late = |record| explained(record)["file"]["key"].as_str().unwrap().contains("/rejects-");
    assert_eq!((is_late(1), is_late(4)), (true, true));
    for (range, late) in [(&["--sequence", "2"][..], (true, false)), (&[], (false, false))] {
        workplace.text(&[&["replay", "--table", "fact_sales_order"], range].concat(), 0);
        assert_eq!((is_late(1), is_late(4)), late);
        assert_eq!(outcomes(), ["made", "made", "made", "made", "rejected"]);
        workplace.text(&["verify"], 0);
        assert_eq!(workplace.json(&PUBLISH, 0)["tables"][0]["there"], 2);
    }
    // An older plugin rejects them again.
    workplace.install("orders", &shipped_guest("orders_changed"));
    workplace.text(&["replay", "--table", "fact_sales_order"], 0);
    assert_eq!(outcomes(), ["rejected", "made", "made", "rejected", "rejected"]);
    workplace.text(&["verify"], 0);
}

#[test]
fn two_that_publish_at_once_add_each_row_once() {
    let workplace = counterparty_5_rejected();
    workplace.install("orders", &shipped_guest("orders_latest"));
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = workplace.command(&[&PUBLISH[..], &["--json"]].concat());
            command.stdout(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut new = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let table = &report["tables"][0];
        assert_eq!(table["new"].as_u64().unwrap() + table["there"].as_u64().unwrap(), 2, "{report}");
        new += table["new"].as_u64().unwrap();
    }
    assert_eq!(new, 2);
    assert_eq!(workplace.json(&PUBLISH, 0)["tables"][0]["there"], 2);
}

#[test]
fn a_crash_while_rows_are_published_leaves_none_out_and_adds_none_twice() {
    for step in REJECTS_POINTS.into_iter().chain(["calendar-committed"]) {
        let mut workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
        workplace.set("HOST_CALENDAR_LIMIT", "2020..2025");
        workplace
            .ingest("sales_order", &[order(1, 1, "2031-05-06"), order(2, 1, "2024-03-01"), order(3, 1, "2032-05-06")]);
        workplace.text(&["process"], 0);
        workplace.set("HOST_CALENDAR_LIMIT", "2020..2100");
        let crashed = workplace.command(&PUBLISH).env("HOST_CRASH_AT", step).output().unwrap();
        assert_eq!(crashed.status.code(), None, "{step}");
        let again = workplace.json(&PUBLISH, 0);
        let new = if step == "late-rows-committed" { 0 } else { 2 };
        let table = &again["tables"][0];
        assert_eq!((&table["new"], &table["there"]), (&new.into(), &(2 - new).into()), "{step}: {again}");
        for record in ["1", "2", "3"] {
            assert_eq!(workplace.json(&["explain", "fact_sales_order", record], 0)["outcome"], "made", "{step}");
        }
        assert_eq!(workplace.json(&PUBLISH, 0)["tables"][0]["there"], 2, "{step}");
    }
}

#[test]
fn the_calendar_covers_rows_that_come_late_and_those_beyond_it_stay_rejected() {
    let mut workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
    workplace.set("HOST_CALENDAR_LIMIT", "2020..2025");
    let orders = [order(1, 1, "2024-03-01"), order(2, 1, "2031-05-06"), order(3, 1, "2150-01-01")];
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 0);
    workplace.text(&["explain", "dim_date", "2031-05-06"], 3);
    workplace.set("HOST_CALENDAR_LIMIT", "2020..2100");
    let published = workplace.json(&PUBLISH, 0);
    assert_eq!((&published["passed"], &published["rejected"]), (&1.into(), &1.into()), "{published}");
    assert_eq!(published["reasons"][0]["code"], "outside-calendar");
    let explained = workplace.json(&["explain", "fact_sales_order", "2"], 0);
    assert_eq!(value(&explained, "agreed_delivery_date"), "2031-05-06");
    workplace.text(&["explain", "dim_date", "2031-05-06"], 0);
    assert_eq!(workplace.json(&["explain", "fact_sales_order", "3"], 0)["outcome"], "rejected");
}

#[test]
fn packets_that_the_fact_does_not_hold_are_left_to_process() {
    let workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
    let orders: Vec<String> = (1..=30).map(|id| order(id, 1, "2024-02-30")).collect();
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 1);
    let replay = workplace.json(&PUBLISH, 0);
    assert_eq!((&replay["records"], &replay["waiting"]), (&0.into(), &json!([1])), "{replay}");
}

#[test]
fn rejected_rows_of_a_dimension_are_not_published_by_hand() {
    let workplace = Workplace::new(&["dim_currency", "dim_date"]);
    let currency = |id: u32, code: &str| {
        format!(
            "{{\"currency_id\":{id},\"currency_code\":\"{code}\",\"created_at\":\"2024-02-03T14:20:52.186\",\
             \"last_updated\":\"2024-02-03T14:20:52.186\"}}"
        )
    };
    workplace.ingest("currency", &[currency(1, "GBP"), currency(2, "QQQ")]);
    workplace.text(&["process"], 0);
    assert_eq!(workplace.json(&["rejects", "--table", "dim_currency"], 0)["tables"][0]["packets"][0]["rows"], 1);
    let refused = workplace.text(&["rejects", "--table", "dim_currency", "--replay"], 3);
    assert!(refused.starts_with("error[rejects-of-dimension]") && refused.contains("by itself"), "{refused}");
}
