//! `host explain`: from a row of a star table back to its line.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::tools::{cache_folder, host, plugin};

/// A folder with tables, plugins and a lake.
pub(super) struct Workplace {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Workplace {
    /// With these of the project's plugins.
    pub(super) fn new(plugins: &[&str]) -> Self {
        let workplace = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        for folder in ["tables", "plugins"] {
            fs::create_dir(workplace.path(folder)).unwrap();
        }
        plugins.iter().for_each(|name| workplace.install(name, &plugin(name)));
        workplace
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn install(&self, name: &str, component: &Path) {
        fs::copy(component, self.path(&format!("plugins/{name}.wasm"))).unwrap();
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|(other, _)| *other != name);
        self.variables.push((name, value.to_owned()));
    }

    /// Writes a table of the source.
    pub(super) fn write(&self, table: &str, lines: &[String]) {
        fs::write(self.path(&format!("tables/{table}.jsonl")), lines.join("\n") + "\n").unwrap();
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(host());
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOST_PLUGINS_CACHE", cache_folder());
        command.env("HOST_SOURCE_URL", "dir:tables").env("HOST_PLUGINS_PATH", "plugins");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(super) fn host(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the host, which is to end with `exit`; gives what it printed.
    #[track_caller]
    pub(super) fn text(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.host(arguments);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        said
    }

    /// The same with `--json`.
    #[track_caller]
    pub(super) fn json(&self, arguments: &[&str], exit: i32) -> Value {
        let said = self.text(&[arguments, &["--json"]].concat(), exit);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Brings a table as it is now, as a packet.
    #[track_caller]
    pub(super) fn ingest(&self, table: &str, lines: &[String]) {
        self.write(table, lines);
        self.text(&["ingest", "--table", table], 0);
    }
}

/// A sales order.
pub(super) fn order(id: u32, counterparty: u32, delivery: &str) -> String {
    format!(
        "{{\"sales_order_id\":{id},\"created_at\":\"2024-02-03T14:20:52.186\",\"last_updated\":\"2024-02-03T14:20:52.186\",\
         \"design_id\":3,\"staff_id\":2,\"counterparty_id\":{counterparty},\"units_sold\":{},\"unit_price\":3.90,\
         \"currency_id\":2,\"agreed_delivery_date\":\"{delivery}\",\"agreed_payment_date\":\"2024-03-08\",\
         \"agreed_delivery_location_id\":8}}",
        1_000 + id
    )
}

/// The value of a column of an explained row.
pub(super) fn value<'a>(explained: &'a Value, column: &str) -> &'a str {
    let cells = explained["row"].as_array().unwrap_or_else(|| panic!("no row: {explained}"));
    cells.iter().find(|cell| cell["column"] == column).unwrap()["value"].as_str().unwrap()
}

/// Three packets of orders; the second order of the second packet has a day that does not exist.
fn three_packets() -> (Workplace, Vec<String>) {
    let workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
    let mut orders: Vec<String> = (1..=3).map(|id| order(id, 1, "2024-03-01")).collect();
    workplace.ingest("sales_order", &orders);
    orders.extend([order(4, 1, "2024-03-02"), order(5, 1, "2024-02-30"), order(6, 1, "2024-03-03")]);
    workplace.ingest("sales_order", &orders);
    orders[0] = order(1, 9, "2024-03-09");
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 0);
    (workplace, orders)
}

#[test]
fn a_row_of_a_fact_is_traced_to_its_line_its_plugin_and_its_file() {
    let (workplace, orders) = three_packets();
    let describe = workplace.json(&["plugin", "describe", "plugins/fact_sales_order.wasm"], 0);
    for (record, sequence, line, index) in [(2, 1, 2, 1), (4, 2, 1, 3), (6, 2, 3, 5), (7, 3, 1, 0)] {
        let explained = workplace.json(&["explain", "fact_sales_order", &format!("{record}")], 0);
        assert_eq!(explained["outcome"], "made", "{explained}");
        let origin = &explained["origin"];
        assert_eq!((origin["sequence"].as_u64(), origin["line"].as_u64()), (Some(sequence), Some(line)), "{explained}");
        assert_eq!((origin["record"].as_u64(), origin["table"].as_str()), (Some(record), Some("sales_order")));
        assert_eq!(origin["text"], orders[index].as_str());
        assert!(workplace.path("lake/raw").join(origin["object"].as_str().unwrap()).is_file());
        assert!(workplace.path("lake/raw").join(origin["manifest"].as_str().unwrap()).is_file());
        let file = &explained["file"];
        assert!(workplace.path("lake/star").join(file["key"].as_str().unwrap()).is_file());
        assert_eq!(file["made_by"]["plugin"], "fact_sales_order");
        assert_eq!(file["made_by"]["digest"], describe["digest"]);
        assert_eq!(file["made_by"]["version"], describe["manifest"]["version"]);
        assert_eq!(file["made_by"]["contract"], describe["contract_version"]);
        assert_eq!(file["made_by"]["input"], format!("sales_order/{sequence:08}"));
        assert_eq!(value(&explained, "sales_record_id"), record.to_string());
        let id: Value = serde_json::from_str(&orders[index]).unwrap();
        assert_eq!(value(&explained, "sales_order_id"), id["sales_order_id"].to_string());
        assert_eq!(value(&explained, "unit_price"), "3.90");
    }
    let screen = workplace.text(&["explain", "fact_sales_order", "7"], 0);
    for part in
        ["it is there", "1 of the 1 of packet 3 of `sales_order`", &orders[0], "agreed_delivery_date", "2024-03-09"]
    {
        assert!(screen.contains(part), "{part}: {screen}");
    }
}

#[test]
fn a_row_that_is_not_there_is_explained_too() {
    let (workplace, mut orders) = three_packets();
    let rejected = workplace.json(&["explain", "fact_sales_order", "5"], 0);
    assert_eq!(rejected["outcome"], "rejected", "{rejected}");
    assert_eq!(rejected["rejects"][0]["code"], "date");
    assert_eq!(rejected["rejects"][0]["column"], "agreed_delivery_date");
    assert!(rejected["rejects"][0]["message"].as_str().unwrap().contains("2024-02-30"), "{rejected}");
    assert_eq!((&rejected["row"], &rejected["origin"]["line"]), (&Value::Null, &2.into()));
    let screen = workplace.text(&["explain", "fact_sales_order", "5"], 0);
    assert!(screen.contains("it was rejected") && screen.contains("date in `agreed_delivery_date`"), "{screen}");
    for (table, key, code) in [
        ("fact_sales_order", "8", "never-made"),
        ("fact_sales_order", "0", "never-made"),
        ("fact_sales_order", "-1", "never-made"),
        ("fact_sales_order", "one", "no-key"),
        ("fact_sales", "1", "unknown-table"),
    ] {
        let said = workplace.text(&["explain", table, key], 3);
        assert!(said.starts_with(&format!("error[{code}]")), "{said}");
    }
    orders.push(order(7, 1, "2024-03-04"));
    workplace.ingest("sales_order", &orders);
    let waiting = workplace.json(&["explain", "fact_sales_order", "8"], 0);
    assert_eq!((&waiting["outcome"], &waiting["processed"]), (&"waiting".into(), &3.into()));
    assert_eq!(waiting["origin"]["text"], orders[6].as_str());
    orders.extend((8..30).map(|id| order(id, 1, "2024-02-30")));
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 1);
    let held = workplace.json(&["explain", "fact_sales_order", "9"], 0);
    assert_eq!((&held["outcome"], &held["held"]["rejects"]), (&"held".into(), &22.into()));
    assert_eq!(held["rejects"][0]["code"], "date");
    assert!(workplace.text(&["explain", "fact_sales_order", "9"], 0).contains("--accept fact_sales_order/5"));
}

#[test]
fn a_row_is_found_among_many_packets_and_a_checkpoint() {
    let workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
    let mut orders = Vec::new();
    for id in 1..=24 {
        orders.push(order(id, 1, "2024-03-01"));
        workplace.ingest("sales_order", &orders);
        workplace.text(&["process"], 0);
    }
    for record in [1, 13, 24] {
        let explained = workplace.json(&["explain", "fact_sales_order", &format!("{record}")], 0);
        assert_eq!(explained["origin"]["sequence"], record);
        assert_eq!(value(&explained, "units_sold"), (1_000 + record).to_string());
    }
}

fn staff(id: u32, department: u32) -> String {
    format!(
        "{{\"staff_id\":{id},\"first_name\":\"Ada\",\"last_name\":\"L{id}\",\"department_id\":{department},\
         \"email_address\":\"a{id}@totes.example\",\"created_at\":\"2024-02-03T14:20:52.186\",\
         \"last_updated\":\"2024-02-03T14:20:52.186\"}}"
    )
}

fn department(id: u32) -> String {
    format!(
        "{{\"department_id\":{id},\"department_name\":\"D{id}\",\"location\":\"Leeds\",\"manager\":null,\
         \"created_at\":\"2024-02-03T14:20:52.186\",\"last_updated\":\"2024-02-03T14:20:52.186\"}}"
    )
}

#[test]
fn a_row_of_a_dimension_is_traced_to_its_newest_line_and_what_was_looked_up() {
    let mut workplace = Workplace::new(&["dim_staff", "dim_date"]);
    workplace.set("HOST_CALENDAR_YEARS", "2024..2024");
    workplace.ingest("department", &[department(1), department(2)]);
    let mut lines: Vec<String> = (1..=5).map(|id| staff(id, 1)).collect();
    workplace.ingest("staff", &lines);
    lines[1] = staff(2, 2);
    // There is no such department.
    lines[2] = staff(3, 7);
    lines.push(staff(6, 7));
    workplace.ingest("staff", &lines);
    workplace.text(&["process"], 0);
    let explained = workplace.json(&["explain", "dim_staff", "2"], 0);
    assert_eq!((&explained["outcome"], &explained["origin"]["sequence"]), (&"made".into(), &2.into()), "{explained}");
    assert_eq!(explained["origin"]["text"], lines[1].as_str());
    assert_eq!((value(&explained, "staff_id"), value(&explained, "department_name")), ("2", "D2"));
    assert_eq!(explained["file"]["made_by"]["plugin"], "dim_staff");
    let lookup = &explained["lookups"][0];
    assert_eq!(
        (&lookup["table"], &lookup["value"], &lookup["processed"]),
        (&"department".into(), &"2".into(), &1.into())
    );
    let newest_rejected = workplace.json(&["explain", "dim_staff", "3"], 0);
    assert_eq!(newest_rejected["outcome"], "made");
    assert_eq!(newest_rejected["rejects"][0]["code"], "no-department", "{newest_rejected}");
    assert_eq!(value(&newest_rejected, "department_name"), "D1");
    let rejected = workplace.json(&["explain", "dim_staff", "6"], 0);
    assert_eq!((&rejected["outcome"], &rejected["row"]), (&"rejected".into(), &Value::Null), "{rejected}");
    let never = workplace.text(&["explain", "dim_staff", "99"], 3);
    assert!(never.starts_with("error[never-made]"), "{never}");
    let bad = workplace.text(&["explain", "dim_staff", "Ada"], 3);
    assert!(bad.starts_with("error[no-key]: `Ada` is no key of `dim_staff`: `staff_id` is of type int32"), "{bad}");
    lines.push(staff(7, 1));
    lines.remove(0);
    workplace.write("staff", &lines);
    workplace.text(&["reconcile", "--table", "staff"], 0);
    assert_eq!(workplace.json(&["explain", "dim_staff", "7"], 0)["outcome"], "waiting");
    workplace.text(&["process"], 0);
    assert_eq!(workplace.json(&["explain", "dim_staff", "7"], 0)["outcome"], "made");
    let gone = workplace.json(&["explain", "dim_staff", "1"], 0);
    assert_eq!((&gone["outcome"], &gone["origin"]["kind"]), (&"made".into(), &"gone".into()), "{gone}");
    let day = workplace.json(&["explain", "dim_date", "2024-02-29"], 0);
    assert_eq!((&day["origin"]["kind"], value(&day, "month")), (&"calendar".into(), "2"));
    assert!(workplace.text(&["explain", "dim_date", "2023-12-31"], 3).starts_with("error[never-made]"));
    let screen = workplace.text(&["explain", "dim_staff", "2"], 0);
    assert!(screen.contains("looked up in `department` by department_id = department.department_id = 2"), "{screen}");
}

#[test]
fn a_store_that_can_not_be_opened_is_told_from_a_key_that_is_not_there() {
    let (mut workplace, _) = three_packets();
    fs::write(workplace.path("no-folder"), "").unwrap();
    workplace.set("HOST_LAKE_STAR", "file:no-folder");
    workplace.text(&["explain", "fact_sales_order", "1"], 5);
}
