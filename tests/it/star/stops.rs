//! What stops a star table, and what it does not stop: the other tables, and the table itself once it is mended.

use crate::star::fixture::{command, ingest, write_tables};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tests::shipped_guest;
use tests::tools::{PLUGINS, plugin};

/// A lake with two packets of orders, and a folder of plugins of its own.
struct Lake {
    folder: TempDir,
}

impl Lake {
    /// A lake whose second packet has orders that `change` has been at.
    fn new(change: impl Fn(usize, &mut Value)) -> Self {
        let lake = Self { folder: tempfile::tempdir().unwrap() };
        let tables = lake.path().join("tables");
        write_tables(&tables, 0);
        ingest(lake.path(), &tables, &["ingest"]);
        let path = tables.join("sales_order.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let orders = text.lines().enumerate().map(|(index, line)| {
            let mut order: Value = serde_json::from_str(line).unwrap();
            change(index, &mut order);
            format!("{order}\n")
        });
        fs::write(&path, orders.collect::<String>()).unwrap();
        // And another table that changes, too.
        let path = tables.join("currency.jsonl");
        let currencies = fs::read_to_string(&path).unwrap().replace("USD", "CAD");
        fs::write(path, currencies).unwrap();
        ingest(lake.path(), &tables, &["ingest"]);
        for name in PLUGINS {
            fs::create_dir_all(lake.plugins()).unwrap();
            fs::copy(plugin(name), lake.plugins().join(format!("{name}.wasm"))).unwrap();
        }
        lake
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn plugins(&self) -> PathBuf {
        self.path().join("plugins")
    }

    /// Puts another version of the plugin for sales orders into force.
    fn put(&self, guest: &str) {
        fs::copy(shipped_guest(guest), self.plugins().join("fact_sales_order.wasm")).unwrap();
    }

    /// Runs the host; its exit code, and what it says of the sales orders.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut command = command(self.path(), self.path(), &["--json"]);
        let output = command.args(arguments).env("HOST_PLUGINS_PATH", self.plugins()).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), report)
    }

    /// Processes; the exit code, and the reports of the sales orders and of the currencies.
    fn process(&self, arguments: &[&str]) -> (Option<i32>, Value, Value) {
        let (code, report) = self.run(&[&["process"], arguments].concat());
        let of = |name: &str| report["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).cloned();
        (code, of("fact_sales_order").unwrap(), of("dim_currency").unwrap_or_default())
    }
}

/// Orders whose delivery lies beyond the calendar, from the tenth on.
fn far_away(index: usize, order: &mut Value) {
    if index >= 10 {
        order["agreed_delivery_date"] = "2150-01-01".into();
    }
}

#[test]
fn a_packet_with_too_many_rejects_stops_its_fact_alone_until_somebody_accepts_it() {
    let lake = Lake::new(far_away);
    let (code, orders, currencies) = lake.process(&[]);
    assert_eq!((Some(1), "held".into()), (code, orders["status"].clone()), "{orders}");
    assert_eq!((1, 2), (orders["sequence"].as_u64().unwrap(), orders["held"]["sequence"].as_u64().unwrap()));
    assert_eq!(orders["held"]["reasons"][0]["code"], "outside-calendar");
    assert_eq!(("advanced".into(), 2.into()), (currencies["status"].clone(), currencies["sequence"].clone()));
    // It is known as held, and stays so.
    let (code, again, _) = lake.process(&[]);
    assert_eq!((Some(1), &orders["held"]), (code, &again["held"]));
    let (code, status) = lake.run(&["status"]);
    let tables = status["star_tables"].as_array().unwrap();
    let orders = tables.iter().find(|table| table["table"] == "fact_sales_order").unwrap();
    assert_eq!((Some(1), 2.into(), 1.into()), (code, orders["held"]["sequence"].clone(), orders["behind"].clone()));
    let (code, accepted, _) = lake.process(&["--accept", "fact_sales_order/2"]);
    assert_eq!((Some(0), "advanced".into()), (code, accepted["status"].clone()), "{accepted}");
    assert!(accepted["rejects"].as_u64().unwrap() > 20, "{accepted}");
    // Records that were rejected are missing, and known to be.
    let (code, verified) = lake.run(&["verify"]);
    assert_eq!((Some(0), 0), (code, verified["findings"].as_array().unwrap().len()), "{verified}");
}

#[test]
fn a_fact_that_is_held_catches_up_by_itself_with_a_plugin_that_takes_the_rows() {
    let lake = Lake::new(|_, order| order["counterparty_id"] = 5.into());
    lake.put("orders_changed");
    let (code, orders, _) = lake.process(&[]);
    assert_eq!((Some(1), "held".into(), 1.into()), (code, orders["status"].clone(), orders["sequence"].clone()));
    lake.put("orders_wider");
    let (code, orders, _) = lake.process(&[]);
    assert_eq!((Some(0), "advanced".into(), 2.into()), (code, orders["status"].clone(), orders["sequence"].clone()));
    assert_eq!(1, orders["packets"], "what was there stays: {orders}");
    assert_eq!(Some(0), lake.run(&["verify"]).0);
}

#[test]
fn a_plugin_of_another_name_does_not_bring_every_row_again() {
    let lake = Lake::new(|_, _| {});
    assert_eq!(Some(0), lake.process(&[]).0);
    lake.put("orders_wider");
    let (code, orders, _) = lake.process(&[]);
    assert_eq!((Some(2), "star-owner".into()), (code, orders["error"]["code"].clone()), "{orders}");
}

#[test]
fn a_column_that_is_gone_in_the_source_stops_its_fact_with_one_message() {
    let lake = Lake::new(|_, order| {
        let price = order.as_object_mut().unwrap().remove("unit_price").unwrap();
        order["price"] = price;
    });
    let (code, orders, currencies) = lake.process(&[]);
    assert_eq!(
        (Some(3), "failed".into(), "source-drift".into()),
        (code, orders["status"].clone(), orders["error"]["code"].clone())
    );
    let message = orders["error"]["message"].as_str().unwrap();
    assert!(message.contains("packet 2 of `sales_order`") && message.contains("unit_price"), "{message}");
    assert_eq!((1, "advanced"), (orders["sequence"].as_u64().unwrap(), currencies["status"].as_str().unwrap()));
}

#[test]
fn a_plugin_that_fails_stops_its_own_table_and_the_mended_one_goes_on() {
    let lake = Lake::new(|_, order| order["units_sold"] = 0.into());
    lake.put("orders_clumsy");
    let (code, orders, currencies) = lake.process(&[]);
    assert_eq!((Some(2), "plugin-trap".into()), (code, orders["error"]["code"].clone()), "{orders}");
    assert_eq!("advanced", currencies["status"]);
    lake.put("orders_wider");
    let (code, orders, _) = lake.process(&[]);
    assert_eq!((Some(0), 2.into()), (code, orders["sequence"].clone()));
}

#[test]
fn a_plugin_that_drops_or_retypes_a_column_is_refused_with_both_schemas() {
    let lake = Lake::new(|_, order| order["units_sold"] = 5.into());
    lake.put("orders_clumsy");
    assert_eq!(Some(0), lake.process(&[]).0);
    let tables = lake.path().join("tables");
    write_tables(&tables, 1);
    ingest(lake.path(), &tables, &["ingest"]);
    lake.put("orders_narrow");
    let (code, orders, _) = lake.process(&[]);
    assert_eq!((Some(2), "star-schema".into()), (code, orders["error"]["code"].clone()), "{orders}");
    let (message, hint) = (orders["error"]["message"].as_str().unwrap(), orders["error"]["hint"].as_str().unwrap());
    assert!(message.contains("the column `sales_order_id` is integer, and would be long"), "{message}");
    assert!(message.contains("the column `units_sold` is gone"), "{message}");
    assert!(
        hint.contains("sales_order_id integer not null") && hint.contains("sales_order_id long not null"),
        "{hint}"
    );
    // A column that takes nulls is added.
    lake.put("orders_wider");
    let (code, orders, _) = lake.process(&[]);
    assert_eq!((Some(0), "advanced".into(), 3.into()), (code, orders["status"].clone(), orders["sequence"].clone()));
    assert_eq!(1, orders["packets"]);
    let (code, verified) = lake.run(&["verify"]);
    assert_eq!(Some(0), code, "{verified}");
}

#[test]
fn a_dimension_waits_for_a_table_that_it_looks_up_and_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables");
    write_tables(&tables, 0);
    let department = fs::read_to_string(tables.join("department.jsonl")).unwrap();
    fs::remove_file(tables.join("department.jsonl")).unwrap();
    ingest(folder.path(), &tables, &["ingest"]);
    let process = || {
        let output = command(folder.path(), folder.path(), &["process", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let tables = report["tables"].as_array().unwrap();
        (output.status.code(), tables.iter().find(|table| table["table"] == "dim_staff").unwrap().clone())
    };
    let (code, staff) = process();
    assert_eq!(
        (Some(0), "waiting", "department"),
        (code, staff["status"].as_str().unwrap(), staff["waits_for"][0].as_str().unwrap())
    );
    fs::write(tables.join("department.jsonl"), &department).unwrap();
    ingest(folder.path(), &tables, &["ingest"]);
    assert_eq!("advanced", process().1["status"]);
    assert_eq!("unchanged", process().1["status"]);
    // The department alone moves.
    fs::write(tables.join("department.jsonl"), department.replace("Manchester", "Salford")).unwrap();
    ingest(folder.path(), &tables, &["ingest"]);
    let (_, staff) = process();
    assert_eq!(("advanced", 1), (staff["status"].as_str().unwrap(), staff["files"].as_u64().unwrap()), "{staff}");
}
