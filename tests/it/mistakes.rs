//! The ten usual mistakes, and the message of each: file, line, column, and what to do. `plugins/README.md` shows them.

use std::fs;
use std::path::Path;
use tests::shipped_guest;
use tests::tools::{plugin, run_host, workspace, write_totesys};
use totesys::Style;

/// A folder with a small ToteSys and the plugins that are run on it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_totesys(folder.path(), 60, Style::Compact, false);
    for name in ["fact_sales_order", "dim_staff"] {
        fs::copy(plugin(name), folder.path().join(format!("{name}.wasm"))).unwrap();
    }
    fs::copy(shipped_guest("orders_clumsy"), folder.path().join("fact_boxes.wasm")).unwrap();
    folder
}

/// Writes another value for a column into line 7 of the sales orders.
fn spoil(folder: &Path, column: &str, value: &str) {
    let path = folder.join("sales_order.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let spoiled = text.lines().enumerate().map(|(index, line)| {
        let Some(start) = line.find(&format!("\"{column}\":")).filter(|_| index == 6) else { return line.to_owned() };
        let start = start + column.len() + 3;
        let end = line[start..].find([',', '}']).unwrap() + start;
        format!("{}{value}{}", &line[..start], &line[end..])
    });
    let spoiled: String = spoiled.map(|line| line + "\n").collect();
    fs::write(path, spoiled).unwrap();
}

/// What a person reads: the message of an error, or the part of the screen that tells of rejects.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = run_host(folder, arguments);
    let screen = String::from_utf8(output.stdout).unwrap();
    let rejects = screen.find("rejects by reason").map_or("", |at| &screen[at..]);
    let rejects = rejects.find("1 of 60 rows").map_or(rejects, |end| &rejects[..end]);
    let error = String::from_utf8(output.stderr).unwrap();
    format!("$ host {}\n{error}{rejects}", arguments.join(" "))
}

/// Holds what is said against the snapshot, and `plugins/README.md` against both.
#[track_caller]
fn is_told(name: &str, said: String) {
    let readme = fs::read_to_string(workspace().join("plugins/README.md")).unwrap();
    assert!(readme.contains(said.trim_end()), "`plugins/README.md` does not show\n{said}");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, said);
    });
}

const RUN: [&str; 5] = ["run", "--plugin", "fact_sales_order.wasm", "--input", "sales_order.jsonl"];

/// Runs the plugin on orders with another value in line 7.
#[track_caller]
fn a_bad_value_is_told(name: &str, column: &str, value: &str) {
    let folder = folder();
    spoil(folder.path(), column, value);
    is_told(name, said(folder.path(), &RUN));
}

#[test]
fn wrong_type() {
    a_bad_value_is_told("wrong_type", "units_sold", "\"12\"");
}

#[test]
fn missing_column() {
    let folder = folder();
    let path = folder.path().join("sales_order.jsonl");
    let renamed = fs::read_to_string(&path).unwrap().replace("\"units_sold\"", "\"unit_sold\"");
    fs::write(&path, renamed).unwrap();
    is_told("missing_column", said(folder.path(), &RUN));
}

#[test]
fn bad_date() {
    a_bad_value_is_told("bad_date", "agreed_delivery_date", "\"2023-02-29\"");
}

#[test]
fn null_in_a_column_without_nulls() {
    a_bad_value_is_told("null", "units_sold", "null");
}

#[test]
fn decimal_too_wide() {
    a_bad_value_is_told("decimal_too_wide", "unit_price", "3.405");
}

#[test]
fn bad_json() {
    a_bad_value_is_told("bad_json", "units_sold", "[12");
}

#[test]
fn trap() {
    let folder = folder();
    spoil(folder.path(), "units_sold", "0");
    is_told("trap", said(folder.path(), &["run", "--plugin", "fact_boxes.wasm", "--input", "sales_order.jsonl"]));
}

#[test]
fn endless_loop() {
    let folder = folder();
    spoil(folder.path(), "units_sold", "-1");
    is_told(
        "endless_loop",
        said(folder.path(), &["run", "--plugin", "fact_boxes.wasm", "--input", "sales_order.jsonl"]),
    );
}

#[test]
fn wrong_lookup() {
    let folder = folder();
    let staff = ["run", "--plugin", "dim_staff.wasm", "--input", "staff.jsonl", "--lookup"];
    let none = said(folder.path(), &staff[..5]);
    let another = said(folder.path(), &[&staff[..], &["department=design.jsonl"]].concat());
    is_told("wrong_lookup", format!("{none}\n{another}"));
}

#[test]
fn wrong_contract_version() {
    let folder = folder();
    let text = r#"(component (instance $none) (export "star:transform/plugin@0.2.0" (instance $none)))"#;
    fs::write(folder.path().join("fact_sales_order.wasm"), wat::parse_str(text).unwrap()).unwrap();
    is_told("wrong_contract_version", said(folder.path(), &RUN));
}
