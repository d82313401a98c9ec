//! What a person reads from the host, and what its exit code says.

use std::fs;
use std::path::Path;
use std::process::Output;
use tests::tools::{plugin, run_host, write_totesys};
use totesys::Style;

/// A folder with a small ToteSys in it, whose paths are short in messages.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_totesys(folder.path(), 60, Style::Compact, false);
    for name in ["fact_sales_order", "dim_staff"] {
        fs::copy(plugin(name), folder.path().join(format!("{name}.wasm"))).unwrap();
    }
    folder
}

fn edit_lines(path: &Path, edit: impl Fn(usize, &str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<_> = text.lines().enumerate().map(|(index, line)| edit(index + 1, line)).collect();
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn replaced(line: &str, column: &str, value: &str) -> String {
    let start = line.find(&format!("\"{column}\":")).unwrap() + column.len() + 3;
    let end = line[start..].find([',', '}']).unwrap() + start;
    format!("{}{value}{}", &line[..start], &line[end..])
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn fails(folder: &Path, arguments: &[&str], exit: i32, message: &str) {
    let output = run_host(folder, arguments);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), message);
    assert_eq!(output.status.code(), Some(exit));
}

const RUN: [&str; 4] = ["run", "--plugin", "fact_sales_order.wasm", "--input"];

#[test]
fn an_input_that_is_not_there_is_named() {
    let folder = folder();
    let message = "\
error[input-unreadable]: can't read `nowhere.jsonl`: No such file or directory (os error 2)
hint: name a file of JSON Lines, `-` for the standard input, or `calendar:2022..2027`
";
    fails(folder.path(), &[&RUN[..], &["nowhere.jsonl"]].concat(), 3, message);
}

#[test]
fn a_plugin_that_is_not_there_or_none_is_named() {
    let folder = folder();
    let message = "\
error[plugin-unreadable]: can't read the plugin `nothing.wasm`: No such file or directory (os error 2)
hint: build the plugins with `make plugins` and name a file of `plugins/dist/`
";
    fails(folder.path(), &["plugin", "describe", "nothing.wasm"], 3, message);
    let message = "\
error[not-a-component]: `staff.jsonl` is no WebAssembly component that this host can compile: it does not begin as WebAssembly does
hint: build for the target wasm32-wasip2, which makes components: `cargo build --profile plugin --target wasm32-wasip2`
";
    fails(folder.path(), &["plugin", "describe", "staff.jsonl"], 2, message);
}

#[test]
fn columns_that_are_missing_or_retyped_are_told_once() {
    let folder = folder();
    edit_lines(&folder.path().join("sales_order.jsonl"), |_, line| {
        replaced(&line.replace("units_sold", "unit_sold"), "unit_price", "\"3.40\"")
    });
    let message = "\
error[source-columns]: `sales_order.jsonl` is not what the plugin reads: there is no column `units_sold` (is it `unit_sold`?); \
the column `unit_price` is read as decimal(10, 2), and its values are of the JSON type string
hint: the rows have the columns `agreed_delivery_date`, `agreed_delivery_location_id`, `agreed_payment_date`, \
`counterparty_id`, `created_at`, `currency_id`, `design_id`, `last_updated`, `sales_order_id`, `staff_id`, `unit_price`, \
`unit_sold`; is this the right table?
";
    fails(folder.path(), &[&RUN[..], &["sales_order.jsonl"]].concat(), 3, message);
}

#[test]
fn lookups_must_be_those_of_the_plugin() {
    let folder = folder();
    let staff = ["run", "--plugin", "dim_staff.wasm", "--input", "staff.jsonl"];
    let message = "\
error[lookup-missing]: the plugin looks rows up in `department`, and no rows of it were given
hint: --lookup department=department.jsonl
";
    fails(folder.path(), &staff, 3, message);
    let message = "\
error[lookup-unknown]: the plugin does not look rows up in `address`
hint: `host plugin describe` shows the tables that a plugin looks rows up in
";
    fails(folder.path(), &[&staff[..], &["--lookup", "address=address.jsonl"]].concat(), 4, message);
    edit_lines(&folder.path().join("department.jsonl"), |number, line| {
        if number == 3 { line.replace("department_id", "id") } else { line.to_owned() }
    });
    let message = "\
error[lookup-row]: `department.jsonl`, line 3: the row has no column `department_id`, which is the lookup's key
hint: a lookup is a file of JSON Lines whose rows have the key column
";
    fails(folder.path(), &[&staff[..], &["--lookup", "department=department.jsonl"]].concat(), 3, message);
}

#[test]
fn unknown_keys_of_the_configuration_are_errors() {
    let folder = folder();
    fs::write(folder.path().join("host.toml"), "[limits]\nfuel_per_row = 1\n").unwrap();
    let message = "\
error[config-unknown-key]: `host.toml`: there is no key `limits.fuel_per_row`; known are `fuel_base`, `fuel_per_byte`, \
`memory_bytes_max`, `output_bytes_max`, `log_bytes_max`, and tables with the names of plugins
";
    fails(folder.path(), &["plugin", "describe", "dim_staff.wasm"], 3, message);
}

#[test]
fn a_wrong_command_line_exits_with_4_and_help_with_0() {
    let folder = folder();
    assert_eq!(run_host(folder.path(), &["run"]).status.code(), Some(4));
    assert_eq!(run_host(folder.path(), &[&RUN[..], &["calendar:2027..2022"]].concat()).status.code(), Some(4));
    let help = run_host(folder.path(), &["run", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("host run --plugin plugins/dist/dim_staff.wasm --input staff.jsonl --lookup"));
}

#[test]
fn a_limit_of_the_configuration_holds_for_its_plugin_alone() {
    let folder = folder();
    fs::write(folder.path().join("host.toml"), "[limits.fact_sales_order]\nfuel_base = 200000\nfuel_per_byte = 0\n")
        .unwrap();
    let output = run_host(folder.path(), &[&RUN[..], &["sales_order.jsonl"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "each line alone has enough: {said}");
    fs::write(folder.path().join("host.toml"), "[limits.fact_sales_order]\nfuel_base = 600\nfuel_per_byte = 0\n")
        .unwrap();
    let output = run_host(folder.path(), &[&RUN[..], &["sales_order.jsonl"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error[plugin-fuel]: fact_sales_order@1.0.0 on `sales_order.jsonl`, line 1 and 20 more of the 60 from line 1 on: "),
        "{said}"
    );
    assert!(
        said.contains("hint: look for an endless loop; if the work is right, raise `fuel_per_byte` (now 0)"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
    let staff =
        ["run", "--plugin", "dim_staff.wasm", "--input", "staff.jsonl", "--lookup", "department=department.jsonl"];
    assert_eq!(run_host(folder.path(), &staff).status.code(), Some(0));
}

/// Rows 7, 9, 11, 12 and 20 of the sales orders with something wrong in them, and a blank line before them all.
fn spoil(folder: &Path) {
    edit_lines(&folder.join("sales_order.jsonl"), |number, line| match number {
        1 => format!("\n{line}"),
        7 => replaced(line, "units_sold", "null"),
        9 => replaced(line, "created_at", "\"2022-13-03\""),
        11 => line.replacen('{', "[", 1),
        12 => replaced(line, "unit_price", "1.234"),
        20 => replaced(line, "units_sold", "null"),
        _ => line.to_owned(),
    });
}

#[test]
fn bad_rows_cost_themselves_and_are_told_by_reason_with_their_first_line() {
    let folder = folder();
    spoil(folder.path());
    let output = run_host(folder.path(), &[&RUN[..], &["sales_order.jsonl", "--out", "out"]].concat());
    let screen = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{screen}");
    for line in [
        "  rows in           60",
        "  rows out          55",
        "  rejects           5",
        "│ 2    ┆ null      ┆ units_sold ┆ sales_order.jsonl:8  ┆ found null in a column that must have a value",
        "│ 1    ┆ timestamp ┆ created_at ┆ sales_order.jsonl:10 ┆ found `2022-13-03`, expected a point in time as",
        "│ 1    ┆ json      ┆            ┆ sales_order.jsonl:12 ┆",
        "│ 1    ┆ decimal   ┆ unit_price ┆ sales_order.jsonl:13 ┆ found `1.234`, expected a number of at most 8 digits before and 2 behind",
    ] {
        assert!(screen.contains(line), "`{line}` is not in\n{screen}");
    }
    let rejects = fs::read_to_string(folder.path().join("out/rejects.jsonl")).unwrap();
    let rejects: Vec<serde_json::Value> = rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |reject: &serde_json::Value| {
        (reject["line"].as_u64(), reject["record"].as_u64(), reject["code"].as_str().map(str::to_owned))
    };
    assert_eq!(of(&rejects[0]), (Some(8), Some(7), Some("null".to_owned())));
    assert_eq!(rejects[0]["row"]["units_sold"], serde_json::Value::Null);
    assert!(
        rejects[2]["row"].as_str().unwrap().starts_with("[\"sales_order_id\""),
        "a row that is no JSON is kept as text"
    );
    assert_eq!(rejects.len(), 5);
}

#[test]
fn more_rejects_than_the_budget_hold_the_star_table_and_exit_with_1() {
    let folder = folder();
    spoil(folder.path());
    let arguments = [&RUN[..], &["sales_order.jsonl", "--out", "out", "--max-rejects", "4"]].concat();
    let output = run_host(folder.path(), &arguments);
    let screen = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{screen}");
    assert!(
        screen.contains("held: 5 rejects of 60 rows (8.3 %) are over the budget of 4 rows: no star table is written"),
        "{screen}"
    );
    let files: Vec<_> =
        fs::read_dir(folder.path().join("out")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["rejects.jsonl"]);
    let arguments = [&RUN[..], &["sales_order.jsonl", "--out", "out", "--max-rejects", "5"]].concat();
    assert_eq!(run_host(folder.path(), &arguments).status.code(), Some(0));
}

#[test]
fn json_output_is_one_document_also_for_an_error() {
    let folder = folder();
    let output = run_host(folder.path(), &[&RUN[..], &["sales_order.jsonl", "--json", "--limit", "10"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rows_in"], 10);
    assert_eq!(report["star_tables"][0]["rows"], 10);
    assert_eq!(report["star_tables"][0]["preview"][0][0], "1");
    let output = run_host(folder.path(), &[&RUN[..], &["nowhere.jsonl", "--json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["error"]["code"], "input-unreadable");
    let output = run_host(folder.path(), &["plugin", "describe", "dim_staff.wasm", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["manifest"]["lookups"][0]["table"], "department");
    assert_eq!(report["manifest"]["star_tables"][0]["fields"][0]["type"], "int32");
}

#[test]
fn record_numbers_begin_where_they_are_told_to() {
    let folder = folder();
    let arguments = [&RUN[..], &["sales_order.jsonl", "--json", "--first-record", "501"]].concat();
    let report: serde_json::Value = serde_json::from_slice(&run_host(folder.path(), &arguments).stdout).unwrap();
    assert_eq!(report["star_tables"][0]["preview"][0][0], "501");
}

#[test]
fn the_rejects_of_other_plugins_stay_and_own_ones_are_replaced() {
    let folder = folder();
    spoil(folder.path());
    edit_lines(&folder.path().join("staff.jsonl"), |number, line| {
        if number == 2 { replaced(line, "first_name", "null") } else { line.to_owned() }
    });
    let orders = [&RUN[..], &["sales_order.jsonl", "--out", "out"]].concat();
    let staff = [
        "run",
        "--plugin",
        "dim_staff.wasm",
        "--input",
        "staff.jsonl",
        "--lookup",
        "department=department.jsonl",
        "--out",
        "out",
    ];
    for arguments in [&orders[..], &staff[..], &orders[..], &staff[..]] {
        assert_eq!(run_host(folder.path(), arguments).status.code(), Some(0));
    }
    let rejects = fs::read_to_string(folder.path().join("out/rejects.jsonl")).unwrap();
    let of =
        |plugin: &str| rejects.lines().filter(|line| line.starts_with(&format!("{{\"plugin\":\"{plugin}\""))).count();
    assert_eq!((of("fact_sales_order"), of("dim_staff"), rejects.lines().count()), (5, 1, 6));
    let files: Vec<_> =
        fs::read_dir(folder.path().join("out")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files.len(), 3, "two tables and the rejects, nothing unfinished: {files:?}");
}

#[test]
fn what_cannot_be_shown_ends_with_5_and_without_a_panic() {
    let folder = folder();
    let host = tests::tools::host();
    let run = |arguments: &str| {
        let command = format!("{} {arguments}", host.display());
        let output =
            std::process::Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
        output.status.code()
    };
    assert_eq!(run("run --plugin dim_staff.wasm --input nowhere.jsonl 2> /dev/full"), Some(3));
    assert_eq!(run("plugin describe dim_staff.wasm > /dev/full 2> /dev/full"), Some(5));
    assert_eq!(run("plugin describe dim_staff.wasm --json > /dev/full"), Some(5));
}

#[test]
fn a_few_bad_rows_at_the_start_do_not_refuse_the_table() {
    let folder = folder();
    let rows = fs::read_to_string(folder.path().join("sales_order.jsonl")).unwrap();
    fs::write(folder.path().join("late.jsonl"), format!("{{}}\n{}{}", "no row\n".repeat(300), rows.repeat(40)))
        .unwrap();
    let output = run_host(folder.path(), &[&RUN[..], &["late.jsonl", "--max-rejects", "301", "--json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["rejects"].as_u64(), report["star_tables"][0]["rows"].as_u64()), (Some(301), Some(2_400)));
}
