//! Plugins that the host makes of rows: what is written, and that it builds and does what it says.

use host::scaffold::{NewPlugin, StarName, make_plugin};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use tests::tools::{run_cargo, run_host, scaffold_target_folder};

/// Rows of a table that the project does not have, with awkward names, nulls and values; line 4 is no row, and in line 9
/// there is a text among numbers.
fn write_shipments(folder: &Path) {
    let mut lines = Vec::new();
    for id in 1..=40_i64 {
        let last_updated =
            if id % 7 == 0 { "null".to_owned() } else { format!("\"2024-03-01 00:30:0{}+01:00\"", id % 9) };
        let weight =
            if id == 7 { "\"heavy\"".to_owned() } else { format!("{}.{}", id, ["5", "25", "0"][id as usize % 3]) };
        let size = if id == 30 { String::new() } else { format!("\"größe\":{},", id * 100_000_000) };
        lines.push(format!(
            "{{\"shipment_id\":{id},\"created_at\":\"2024-02-29T23:59:5{}.{id}\",\"last_updated\":{last_updated},\
             \"type\":\"{}\",\"Unit Price\":{},{size}\"weight\":{weight},\"shipped\":{},\"due date\":\"2024-03-{:02}\",\
             \"cutoff\":\"14:0{}:00\",\"insured\":12345678901234567{id}.5,\"share\":{},\"note\":{},\"empty\":null,\
             \"tags\":[{id}],\"self\":\"\\u00e9\\\\\",\"2024\":-0}}",
            id % 10,
            ["air", "sea"][id as usize % 2],
            ["3.4", "-12.50", "0"][id as usize % 3],
            if id == 33 { "null" } else { "true" },
            id % 28 + 1,
            id % 10,
            ["1e300", "1.5e-7", "2"][id as usize % 3],
            Value::from(format!("q\"\n`{}", "é".repeat(id as usize))),
        ));
    }
    lines.insert(3, "no row".to_owned());
    lines.insert(5, String::new());
    fs::write(folder.join("shipment.jsonl"), lines.join("\r\n") + "\r\n").unwrap();
}

/// Rows with names as long as a database lets them be: lines of code that must break as rustfmt breaks them.
fn write_long_names(folder: &Path) {
    let columns = (20..=63).map(|length| {
        let name = format!("{}_{length}", "x".repeat(length - 3));
        match length % 4 {
            0 => format!("\"{name}\":\"2024-01-01T00:00:00\""),
            1 => format!("\"{name}\":{}", if length == 41 { "null" } else { "\"2024-01-01T00:00:00Z\"" }),
            _ => format!("\"{name}\":{length}"),
        }
    });
    let row = columns.collect::<Vec<_>>().join(",");
    fs::write(
        folder.join("long.jsonl"),
        format!("{{\"a\":1,{row}}}\n{{\"a\":2,{}}}\n", row.replace("00Z\"", "00+02\"")),
    )
    .unwrap();
}

/// Rows each of which has at most one value of another type than its column: there are as many rejects as the host tells of.
fn write_mixed(folder: &Path) {
    const COLUMNS: [(&str, &[&str], &[&str]); 9] = [
        ("integer", &["1", "-0", "-2147483648"], &["\"5\"", "true", "[]", "{\"a\":1}", "1e400", "\"\\ud800\""]),
        ("long", &["1", "9223372036854775807"], &["\"x\"", "false"]),
        ("decimal", &["1", "-0.00", "0.125", "1e3", "1.5E+2", "-1.0e-1"], &["\"1.5\"", "1e400"]),
        ("wide", &["12345678901234567890.5", "99999999999999999999999999999999999.123", "1e30"], &["\"NaN\""]),
        ("float", &["1e300", "3", "-0.0", "5e-324", "1E5", "\"NaN\"", "\"-Infinity\""], &["\"nan\"", "true"]),
        ("text", &["\"\"", "\"\\u00e9\\n\"", "\"\\ud83d\\ude00\"", "\"5\"", "\"\\u0000\""], &["5", "\"\\ud800x\""]),
        ("flag", &["true", "false"], &["1", "\"true\""]),
        ("day", &["\"2024-02-29\"", "\"0001-01-01\"", "\"9999\\u002d12-31\""], &["5"]),
        (
            "moment",
            &["\"2024-02-29 23:59:59.1Z\"", "\"2024-01-01T00:00:00+23:59\"", "\"0001-01-02T00:00:00-0530\""],
            &["5"],
        ),
    ];
    let row = |index: usize, bad: Option<(&str, &str)>| {
        let value = |(name, good, _): &(&'static str, &'static [&'static str], _)| match bad {
            Some((column, value)) if column == *name => format!("\"{name}\":{value}"),
            _ => format!("\"{name}\":{}", good[index % good.len()]),
        };
        format!("{{{}}}\n", COLUMNS.iter().map(value).collect::<Vec<_>>().join(", "))
    };
    let good = (0..40).map(|index| row(index, None));
    let bad = COLUMNS.iter().flat_map(|(name, _, bad)| bad.iter().map(move |value| row(0, Some((name, value)))));
    fs::write(folder.join("mixed.jsonl"), good.chain(bad).collect::<String>()).unwrap();
}

/// An empty folder outside of the project, the same in each run, so that cargo has few folders to build in.
fn stable_folder() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    scaffold_target_folder().hash(&mut hasher);
    let folder = std::env::temp_dir().join(format!("host-scaffold-{:016x}", hasher.finish()));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir(&folder).unwrap();
    folder
}

#[track_caller]
fn makes(folder: &Path, arguments: &[&str]) -> String {
    let output = run_host(folder, &[&["plugin", "new"], arguments].concat());
    let (said, screen) = (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{screen}");
    screen
}

#[track_caller]
fn fails(folder: &Path, arguments: &[&str], exit: i32, message: &str) {
    let before = tree(folder);
    let output = run_host(folder, &[&["plugin", "new"], arguments].concat());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), message);
    assert_eq!(output.status.code(), Some(exit));
    assert_eq!(tree(folder), before, "nothing is left behind");
}

/// The paths of everything in a folder.
fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    let mut paths = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(tree(&path));
        }
        paths.insert(path);
    }
    paths
}

#[test]
fn plugins_in_an_empty_folder_build_pass_their_tests_and_run() {
    fs::create_dir_all(scaffold_target_folder()).unwrap();
    let lock = File::create(scaffold_target_folder().join("lock")).unwrap();
    lock.lock().unwrap();
    let folder = stable_folder();
    write_shipments(&folder);
    write_long_names(&folder);
    write_mixed(&folder);
    makes(&folder, &["fact_shipment", "--from", "shipment.jsonl"]);
    makes(&folder, &["fact_3d_scan", "--from", "long.jsonl", "--table", "Date"]);
    let mixed: Value =
        serde_json::from_str(&makes(&folder, &["fact_mixed", "--from", "mixed.jsonl", "--json"])).unwrap();
    let told: u64 =
        mixed["columns"].as_array().unwrap().iter().filter_map(|column| column["rejects"]["lines"].as_u64()).sum();
    assert_eq!(told, 19);
    // From a folder within the workspace, and with a name for the table that is not the file's.
    let sources = folder.join("plugins/fact_shipment/src");
    makes(&sources, &["dim_parcel", "--from", "../../../shipment.jsonl", "--table", "parcel"]);
    run_cargo(&folder, &["fmt", "--all", "--check"]);
    run_cargo(&folder, &["test", "--quiet"]);
    run_cargo(&folder, &["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2"]);
    let built = scaffold_target_folder().join("wasm32-wasip2/plugin");
    for (name, file, rows, rejects) in [
        ("fact_shipment", "shipment.jsonl", 39, 2),
        ("dim_parcel", "shipment.jsonl", 39, 2),
        ("fact_3d_scan", "long.jsonl", 2, 0),
        ("fact_mixed", "mixed.jsonl", 40, 19),
    ] {
        let plugin = built.join(format!("{name}.wasm")).display().to_string();
        let output = run_host(&folder, &["run", "--json", "--max-rejects", "19", "--plugin", &plugin, "--input", file]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["star_tables"][0]["table"], name, "{report:#}");
        assert_eq!(
            (&report["star_tables"][0]["rows"], &report["rejects"]),
            (&Value::from(rows), &Value::from(rejects))
        );
    }
    let lock = fs::read_to_string(folder.join("Cargo.lock")).unwrap();
    assert!(!lock.contains("\"wasmtime\"") && lock.contains("\"wit-bindgen\""), "cargo prunes what no plugin needs");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_code_says_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    write_shipments(folder.path());
    makes(folder.path(), &["fact_shipment", "--from", "shipment.jsonl"]);
    let crate_folder = folder.path().join("plugins/fact_shipment");
    let code = fs::read_to_string(crate_folder.join("src/lib.rs")).unwrap();
    for part in [
        "/// A row of `shipment`, with the types that 40 lines of `shipment.jsonl` have.\n",
        "    /// 1 to 40.\n    shipment_id: i32,\n",
        "    /// `2024-02-29T23:59:50.10` to `2024-02-29T23:59:59.9`.\n    created_at: Timestamp,\n",
        "; null in 5 of 40 lines.\n    last_updated: Option<Timestamp>,\n",
        "    /// As `sea`.\n    r#type: &'a str,\n",
        "    /// -12.50 to 3.4.\n    #[source(rename = \"Unit Price\")]\n    unit_price: Decimal<18, 2>,\n",
        "    /// 100,000,000 to 4,000,000,000; null in 1 of 40 lines.\n    #[source(rename = \"größe\")]\n    groesse: Option<i64>,\n",
        "; text in 1 line.\n    /// Not all values are of this type, which rejects line 9.\n    weight: Decimal<18, 2>,\n",
        "    #[source(rename = \"due date\")]\n    due_date: Date,\n",
        "    insured: Decimal<38, 1>,\n",
        "    /// 1.5e-7 to 1e300.\n    share: f64,\n",
        "    /// Null in all lines, so the type is a guess.\n    empty: Option<&'a str>,\n",
        "    // `tags` is left out: objects or arrays.\n",
        "#[star(fact, key = \"shipment_record_id\")]\n",
        "    /// The day of `last_updated`.\n    last_updated_date: Option<Date>,\n",
    ] {
        assert!(code.contains(part), "`{part}` is not in\n{code}");
    }
    let case = crate_folder.join("cases/recorded");
    let input = fs::read_to_string(case.join("input/shipment.jsonl")).unwrap();
    let expected = fs::read_to_string(case.join("expected/fact_shipment.jsonl")).unwrap();
    let ids = |text: &str| {
        let id = |line| serde_json::from_str::<Value>(line).unwrap()["shipment_id"].as_i64().unwrap();
        text.lines().map(id).collect::<Vec<_>>()
    };
    // The first four, and for the nulls of `last_updated`, `größe` and `shipped` one each; the seventh is a reject.
    assert_eq!((ids(&input), ids(&expected)), (vec![1, 2, 3, 4, 14, 30, 33], vec![1, 2, 3, 4, 14, 30, 33]));
    let row = expected.lines().nth(1).unwrap();
    for part in [
        "{\"shipment_record_id\":2,\"shipment_id\":2,\"created_date\":\"2024-02-29\",\"created_time\":\"23:59:52.200000\",",
        "\"last_updated_date\":\"2024-02-29\",\"last_updated_time\":\"23:30:02.000000\",\"type\":\"air\",\"unit_price\":0.00,",
        "\"weight\":2.00,",
        "\"share\":2.0,",
        "\"self_column\":\"é\\\\\",\"column_2024\":0}",
    ] {
        assert!(row.contains(part), "`{part}` is not in\n{row}");
    }
}

#[test]
fn the_screen_says_what_was_inferred_written_and_is_next() {
    let folder = tempfile::tempdir().unwrap();
    write_shipments(folder.path());
    fs::write(folder.path().join(".gitignore"), "mine\n").unwrap();
    let screen = makes(folder.path(), &["dim_shipment", "--from", "shipment.jsonl"]);
    for part in [
        "dimension table dim_shipment, key shipment_id\n",
        "columns of shipment, by 40 rows in shipment.jsonl\n",
        "│ Unit Price   ┆ decimal(18, 2) ┆      ┆ -12.50 to 3.4",
        "│ tags         ┆ left out       ┆      ┆ objects or arrays",
        "warning: line 4 can't be read: no JSON object, or a column twice\n",
        "warning: line 9 will be rejected: `weight` is not decimal(18, 2) there\n",
        "  plugins/dim_shipment/src/lib.rs\n",
        "  .gitignore was there, and stays as it is\n",
        "next\n  host plugin test dim_shipment\n  host run --plugin plugins/dim_shipment --input shipment.jsonl\n",
    ] {
        assert!(screen.contains(part), "`{part}` is not in\n{screen}");
    }
    assert_eq!(fs::read_to_string(folder.path().join(".gitignore")).unwrap(), "mine\n");
    let code = fs::read_to_string(folder.path().join("plugins/dim_shipment/src/lib.rs")).unwrap();
    assert!(!code.contains("created_at") && code.contains("_context: &Context<'_>"), "{code}");
    let screen = makes(folder.path(), &["fact_shipment", "--from", "shipment.jsonl", "--json"]);
    let report: Value = serde_json::from_str(&screen).unwrap();
    assert_eq!(report["columns"][4]["type"], "decimal(18, 2)");
    assert_eq!(report["columns"][6]["rejects"]["first_line"], 9);
    assert_eq!(report["bad_lines"]["lines"], 1);
    assert_eq!(report["written"][0], "plugins/fact_shipment/Cargo.toml");
    assert_eq!(report["next"][0], "host plugin test fact_shipment");
}

#[test]
fn what_can_not_be_made_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_shipments(folder);
    fs::write(folder.join("bad.jsonl"), "\n[1]\n").unwrap();
    fs::write(folder.join("nulls.jsonl"), "{\"a\":null}\n").unwrap();
    let message = "\
error[star-name]: `shipment` begins with neither `fact_` nor `dim_`
hint: a table of events is `fact_shipment`, one of things that events refer to is `dim_shipment`
";
    fails(folder, &["shipment", "--from", "shipment.jsonl"], 4, message);
    let message = "\
error[star-name]: `fact_Shipment` is no name of a star table
hint: a name is `fact_` or `dim_` and words of lower-case ASCII letters and digits with single underscores between, at most 63 \
characters
";
    fails(folder, &["fact_Shipment", "--from", "shipment.jsonl"], 4, message);
    let message = "\
error[input-unreadable]: can't read `nowhere.jsonl`: No such file or directory (os error 2)
hint: `--from` names a file of JSON Lines
";
    fails(folder, &["fact_shipment", "--from", "nowhere.jsonl"], 3, message);
    let message = "\
error[no-file]: `/dev/null` is no file
hint: the rows are read twice: write them to a file, and name that
";
    fails(folder, &["fact_shipment", "--from", "/dev/null"], 3, message);
    let message = "\
error[no-rows]: `bad.jsonl` has no rows: 1 line is no JSON object, or has a column twice, the first is line 2
hint: each line is a JSON object with the columns of one row
";
    fails(folder, &["fact_shipment", "--from", "bad.jsonl"], 3, message);
    let message = "\
error[no-key]: `nulls` has no column that can be a dimension's key: each has nulls, or is a point in time
hint: a dimension has one row for each key; is this table a fact?
";
    fails(folder, &["dim_null", "--from", "nulls.jsonl"], 3, message);
    fs::create_dir(folder.join("sdk-0.1.0")).unwrap();
    fs::write(folder.join("sdk-0.1.0/theirs"), "").unwrap();
    let message = format!(
        "error[exists]: `{}` exists\nhint: nothing is overwritten: take another name, or move it away\n",
        folder.join("sdk-0.1.0").display()
    );
    fails(folder, &["fact_shipment", "--from", "shipment.jsonl"], 3, &message);
    fs::remove_dir_all(folder.join("sdk-0.1.0")).unwrap();
    makes(folder, &["fact_shipment", "--from", "shipment.jsonl"]);
    let message = message.replace("sdk-0.1.0", "plugins/fact_shipment");
    fails(folder, &["fact_shipment", "--from", "shipment.jsonl"], 3, &message);
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest.replace("sdk = \"0.1.0\"", "sdk = \"0.0.9\"")).unwrap();
    let message = format!(
        "error[other-sdk]: the workspace `{}` has the SDK 0.0.9, this host has 0.1.0\n\
         hint: take the host 0.0.9 for this workspace, or make the plugin in a new folder\n",
        folder.display()
    );
    fails(folder, &["dim_shipment", "--from", "shipment.jsonl"], 3, &message);
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"theirs\"\n").unwrap();
    let message = format!(
        "error[other-project]: `{}` is no workspace of plugins\n\
         hint: run this in an empty folder, which becomes a workspace of plugins, or in one made so before\n",
        folder.join("Cargo.toml").display()
    );
    fails(folder, &["dim_shipment", "--from", "shipment.jsonl"], 3, &message);
}

#[test]
fn in_the_project_a_plugin_takes_from_the_workspace_what_all_plugins_share() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    write_shipments(project);
    let members = "[workspace]\nmembers = [\"plugins/sdk\", \"plugins/dim_*\", \"plugins/fact_*\"]\n";
    fs::write(project.join("Cargo.toml"), members).unwrap();
    for inner in ["plugins/sdk/src", "plugins/fact_other"] {
        fs::create_dir_all(project.join(inner)).unwrap();
    }
    fs::write(project.join("plugins/sdk/Cargo.toml"), "[package]\nname = \"sdk\"\n").unwrap();
    fs::write(project.join("plugins/fact_other/Cargo.toml"), "[package]\nname = \"fact_other\"\n").unwrap();
    let before = tree(project);
    let request = NewPlugin {
        name: StarName::parse("fact_shipment").unwrap(),
        from: project.join("shipment.jsonl"),
        table: None,
        folder: project.join("plugins/fact_other"),
    };
    let report = make_plugin(&request, &|_| {}).unwrap();
    assert_eq!((report.workspace.as_path(), report.kept.len()), (project, 0));
    let after = tree(project);
    let new: Vec<_> = after.difference(&before).filter(|path| path.is_file()).collect();
    let crate_folder = project.join("plugins/fact_shipment");
    let files = [
        "Cargo.toml",
        "cases/recorded/case.toml",
        "cases/recorded/expected/fact_shipment.jsonl",
        "cases/recorded/input/shipment.jsonl",
        "src/lib.rs",
    ];
    assert_eq!(new, files.map(|name| crate_folder.join(name)).iter().collect::<Vec<_>>());
    let manifest = fs::read_to_string(crate_folder.join("Cargo.toml")).unwrap();
    let own = fs::read_to_string(tests::tools::workspace().join("plugins/fact_sales_order/Cargo.toml")).unwrap();
    let own = own.replace("fact_sales_order", "fact_shipment");
    assert_eq!(manifest, own.replace("a sales order", "a row of `shipment`"));
}
