//! What a person and a program read of `host ingest`, `reconcile`, `status` and `gc`.

use host::store::FolderStore;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tests::flow::TestLake;
use tests::tools;

/// A folder in which the host runs, with nothing of this machine's settings.
pub(super) struct Scene {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    masks: Vec<(String, String)>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let masks = vec![(folder.path().display().to_string(), "<folder>".to_owned())];
        Self { folder, environment: BTreeMap::new(), masks }
    }

    /// A scene whose source is a folder with two tables.
    pub(super) fn with_tables() -> Self {
        let scene = Self::new().set("HOST_SOURCE_URL", "dir:tables");
        fs::create_dir(scene.path("tables")).unwrap();
        scene.write("tables/currency.jsonl", CURRENCIES);
        scene.write("tables/staff.jsonl", STAFF);
        scene
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    #[must_use]
    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What differs from run to run is shown as `word`.
    #[must_use]
    pub(super) fn mask(mut self, text: &str, word: &str) -> Self {
        self.masks.insert(0, (text.to_owned(), word.to_owned()));
        self
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::host());
        command.args(arguments).current_dir(&self.folder).env_clear().envs(&self.environment);
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a person reads, and the exit code.
    pub(super) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        format!("$ host {}\n{}", arguments.join(" "), self.shown(&output))
    }

    pub(super) fn shown(&self, output: &Output) -> String {
        let stdout = String::from_utf8(output.stdout.clone()).unwrap();
        let stderr = String::from_utf8(output.stderr.clone()).unwrap();
        let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
        let mut text = format!("{stdout}--- stderr\n{stderr}--- exit code {code}\n");
        for (found, word) in &self.masks {
            text = text.replace(found, word);
        }
        // The id of a request is the service's.
        masked(&text.split_inclusive('\n').map(without_request).collect::<String>())
    }

    /// The document of a run with `--json`.
    pub(super) fn json(&self, arguments: &[&str], exit: i32) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{text}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Ingests, and expects all to go well.
    #[track_caller]
    pub(super) fn ingest(&self) {
        let output = self.run(&["ingest"]);
        assert!(output.status.success(), "{}", self.shown(&output));
    }

    /// The lake, in the folder where it is if nothing names another.
    pub(super) fn lake(&self) -> TestLake {
        TestLake::over(Arc::new(FolderStore::open(&self.path("lake/raw")).unwrap()))
    }
}

pub(super) const CURRENCIES: &str = "\
{\"currency_id\":1,\"currency_code\":\"GBP\",\"last_updated\":\"2022-11-03T14:20:49.962\"}
{\"currency_id\":2,\"currency_code\":\"USD\",\"last_updated\":\"2022-11-03T14:20:49.962\"}
{\"currency_id\":3,\"currency_code\":\"EUR\",\"last_updated\":\"2022-11-04T09:00:00\"}
";
pub(super) const STAFF: &str = "\
{\"staff_id\":1,\"name\":\"Ann\"}
{\"staff_id\":2,\"name\":\"Bob\"}
";

/// Holds what was said against the snapshot.
#[track_caller]
pub(super) fn is_told(name: &str, said: impl AsRef<str>) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, said.as_ref());
    });
}

/// Text with what differs from run to run replaced, as far as it has a form: the new text is as long as the old one.
fn masked(text: &str) -> String {
    const FORMS: [&str; 7] = [
        "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        "0000-00-00T00:00:00Z",
        "/0000/00/00/",
        "/0000/00/00:",
        "_000000000000",
        " 0.000 ┆",
        "in 0.000 s",
    ];
    let is_of_form = |form: &str, text: &str| {
        let mut letters = text.chars();
        form.chars().all(|form| {
            letters.next().is_some_and(|letter| match form {
                '0' => letter.is_ascii_digit(),
                'x' => letter.is_ascii_hexdigit(),
                _ => letter == form,
            })
        })
    };
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let form = FORMS.iter().find(|form| is_of_form(form, rest));
        let shown = form.map_or_else(|| letter.to_string(), |form| (*form).to_owned());
        rest = &rest[shown.len()..];
        masked.push_str(&shown);
        for (before, end) in [("seconds=", ' '), ("\"seconds\": ", ','), ("\"lag_seconds\": ", ',')] {
            if masked.ends_with(before) {
                masked.push('0');
                rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || ".e-".contains(letter));
                assert!(rest.starts_with([end, '\n']), "{rest}");
            }
        }
    }
    // How long ago something was, in whole seconds.
    ["1", "2", "3", "4", "5"].iter().fold(masked, |text, second| text.replace(&format!("┆ {second} s "), "┆ 0 s "))
}

fn without_request(line: &str) -> String {
    match line.split_once(" (request ") {
        Some((before, after)) => format!("{before}{}", after.split_once(')').map_or("", |(_, after)| after)),
        None => line.to_owned(),
    }
}

#[test]
fn an_ingest_shows_each_table_and_the_next_one_brings_what_changed() {
    let scene = Scene::with_tables();
    is_told("ingest_first", scene.said(&["ingest"]));
    is_told("ingest_nothing_new", scene.said(&["ingest"]));
    scene.write("tables/staff.jsonl", STAFF.replace("Bob", "Bea") + "{\"staff_id\":3,\"name\":\"Cem\"}\n");
    is_told("ingest_one_table", scene.said(&["ingest", "--table", "staff"]));
    scene.write("tables/staff.jsonl", "{\"staff_id\":3,\"name\":\"Cem\"}\n");
    is_told("reconcile", scene.said(&["reconcile"]));
    is_told("status", scene.said(&["status"]));
    is_told("status_one_table", scene.said(&["status", "--table", "staff"]));
    is_told("gc", scene.said(&["gc"]));
    is_told("gc_dry", scene.said(&["gc", "--dry-run"]));
}

#[test]
fn programs_get_one_document() {
    let scene = Scene::with_tables();
    is_told("json_ingest", scene.said(&["ingest", "--json"]));
    is_told("json_nothing_new", scene.said(&["ingest", "--json"]));
    is_told("json_status", scene.said(&["status", "--json"]));
    is_told("json_gc", scene.said(&["gc", "--json", "--dry-run"]));
    scene.write("tables/staff.jsonl", "{\"name\":\"Ann\"}\n");
    is_told("json_failed_table", scene.said(&["ingest", "--json"]));
    is_told("json_failed", scene.said(&["ingest", "--json", "--table", "nothing"]));
}

#[test]
fn a_lake_without_tables_says_how_to_fill_it() {
    is_told("status_empty", Scene::new().said(&["status"]));
    is_told("status_unknown", Scene::with_tables().said(&["status", "--table", "staff"]));
}

#[test]
fn a_manifest_that_can_not_be_read_costs_the_status_of_its_table_alone() {
    let scene = Scene::with_tables();
    scene.ingest();
    scene.write("lake/raw/staff/packets/00000001.packet.json", "{}");
    is_told("status_broken_manifest", scene.said(&["status"]));
    let document = scene.json(&["status"], 3);
    assert_eq!(document["tables"][0]["records"], 3, "{document}");
    assert_eq!(document["tables"][1]["error"]["code"], "lake-manifest", "{document}");
    assert_eq!(scene.run(&["status", "--table", "currency"]).status.code(), Some(0));
}

#[test]
fn a_manifest_with_the_number_0_is_none() {
    let scene = Scene::with_tables();
    scene.ingest();
    let manifest = fs::read(scene.path("lake/raw/staff/packets/00000001.packet.json")).unwrap();
    scene.write("lake/raw/staff/packets/00000000.packet.json", manifest);
    let document = scene.json(&["status"], 0);
    assert_eq!(document["tables"][1]["gaps"], 0, "{document}");
    scene.json(&["gc"], 0);
    scene.ingest();
}

#[test]
fn a_table_that_nobody_knows_is_answered_with_those_that_there_are() {
    let scene = Scene::with_tables();
    is_told("unknown_table", scene.said(&["ingest", "--table", "staf"]));
    assert!(!scene.path("lake/raw/staff").exists());
    scene.ingest();
    is_told("unknown_table_status", scene.said(&["status", "--table", "staf"]));
    is_told("unknown_table_reconcile", scene.said(&["reconcile", "--table", "staf"]));
}

#[test]
fn a_table_that_is_not_there_stops_no_other() {
    let scene = Scene::with_tables();
    let document = scene.json(&["ingest", "--table", "staf", "--table", "currency"], 3);
    let codes: Vec<&Value> =
        document["tables"].as_array().unwrap().iter().map(|table| &table["error"]["code"]).collect();
    assert_eq!(codes, [&Value::from("source-unknown-table"), &Value::Null], "{document}");
    assert_eq!(document["tables"][1]["packet"]["sequence"], 1, "{document}");
}

#[test]
fn a_table_that_the_source_no_longer_has_is_told_until_it_is_excluded() {
    let scene = Scene::with_tables();
    scene.ingest();
    fs::remove_file(scene.path("tables/staff.jsonl")).unwrap();
    is_told("vanished_table", scene.said(&["ingest"]));
    assert_eq!(scene.json(&["ingest"], 0)["vanished"], serde_json::json!(["staff"]));
    let named = scene.json(&["ingest", "--table", "currency"], 0);
    assert_eq!(named["vanished"], serde_json::json!([]), "nobody asked for it");
    let scene = scene.set("HOST_SOURCE_EXCLUDE", "staff");
    assert_eq!(scene.json(&["ingest"], 0)["vanished"], serde_json::json!([]));
}

#[test]
fn a_partial_failure_exits_with_the_worst_of_its_parts_and_the_other_tables_go_on() {
    let scene = Scene::with_tables();
    scene.write("tables/odd.jsonl", "{\"name\":\"no key\"}\n");
    scene.write("tables/staff.jsonl", format!("{STAFF}nonsense\n"));
    fs::create_dir_all(scene.path("lake/raw")).unwrap();
    is_told("partial_failure", scene.said(&["ingest"]));
    // A file where a folder is needed: the surroundings.
    scene.write("lake/raw/wide", "");
    scene.write("tables/wide.jsonl", "{\"wide_id\":1}\n");
    assert_eq!(scene.run(&["ingest"]).status.code(), Some(5));
    fs::remove_file(scene.path("lake/raw/wide")).unwrap();
    assert_eq!(scene.run(&["ingest"]).status.code(), Some(3));
    scene.write("tables/staff.jsonl", STAFF);
    fs::remove_file(scene.path("tables/odd.jsonl")).unwrap();
    assert_eq!(scene.run(&["ingest"]).status.code(), Some(0));
    assert_eq!(scene.run(&["status", "--table", "wide"]).status.code(), Some(0));
}

#[test]
fn a_wrong_command_line_exits_with_4_and_says_what_is_right() {
    let scene = Scene::with_tables();
    for (name, arguments) in [
        ("usage_from_alone", &["ingest", "--from", "2024-11-14"][..]),
        ("usage_bad_moment", &["ingest", "--from", "yesterday", "--to", "2024-11-15"]),
        ("usage_empty_range", &["ingest", "--from", "2024-11-15", "--to", "2024-11-15"]),
        ("usage_format", &["ingest", "--format", "csv"]),
        ("usage_object_rows", &["ingest", "--object-rows", "0"]),
    ] {
        is_told(name, scene.said(arguments));
    }
    assert!(!scene.path("lake").exists());
}

#[test]
fn help_tells_what_the_commands_do() {
    let scene = Scene::new();
    for command in ["ingest", "reconcile", "status", "gc"] {
        is_told(&format!("help_{command}"), scene.said(&[command, "--help"]));
    }
}

#[test]
fn a_range_brings_what_lies_in_it_and_nothing_twice() {
    let scene = Scene::with_tables();
    let range = ["ingest", "--table", "currency", "--from", "2022-11-04", "--to", "2022-11-04T09:00:00.001"];
    let packet = |document: &Value| document["tables"][0]["packet"]["rows"].as_u64();
    assert_eq!(packet(&scene.json(&range, 0)), Some(1));
    assert_eq!(packet(&scene.json(&range, 0)), None);
    assert_eq!(packet(&scene.json(&["ingest", "--table", "currency"], 0)), Some(2));
    is_told("range_without_last_updated", scene.said(&["ingest", "--from", "2022-11-04", "--to", "2022-11-05"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_kept_as_parquet_if_asked_for_and_are_the_same_lines() {
    let scene = Scene::with_tables();
    scene.json(&["ingest", "--format", "parquet", "--object-rows", "2"], 0);
    let packets = scene.lake().packets("currency").await;
    assert_eq!(packets[0].lines.join("\n") + "\n", CURRENCIES);
    assert_eq!(packets[0].manifest.data.len(), 2);
    assert!(packets[0].manifest.data.iter().all(|object| object.key.ends_with(".parquet")));
    // The other form finds nothing new.
    is_told("parquet_then_jsonl", scene.said(&["ingest"]));
}

#[test]
fn the_log_tells_the_run_on_the_standard_error_and_leaves_the_screen_alone() {
    let scene = Scene::with_tables().set("HOST_LOG", "info");
    scene.write("tables/odd.jsonl", "{\"name\":\"no key\"}\n");
    is_told("log_first", scene.said(&["ingest"]));
    is_told("log_second", scene.said(&["ingest"]));
    // With `--json` the screen is the document alone.
    scene.json(&["ingest"], 3);
}

#[test]
fn without_a_configuration_the_hint_is_how_to_make_one() {
    is_told("no_config", Scene::new().said(&["ingest"]));
    is_told("no_config_file", Scene::new().said(&["ingest", "--config", "there.toml"]));
    is_told("no_source_folder", Scene::new().set("HOST_SOURCE_URL", "dir:nowhere").said(&["ingest"]));
}

#[test]
fn keys_of_the_configuration_that_are_wrong_are_named_with_what_is_right() {
    for (name, config) in [
        ("config_section", "[sorce]\nurl = \"dir:tables\"\n"),
        ("config_key", "[source]\nuri = \"dir:tables\"\n"),
        ("config_lake_key", "[lake]\nrow = \"file:lake\"\n"),
        ("config_lake", "[lake]\nraw = \"lake/raw\"\n"),
        ("config_checkpoints", "[checkpoints]\nurl = \"s3://bucket/x\"\n"),
        ("config_source", "[source]\nurl = \"mysql://reader:hunter2@db/totesys\"\n"),
        ("config_table_key", "[tables.staff]\nkeys = [\"staff_id\"]\n"),
        ("config_table_cursor", "[tables.staff]\ncursor = \"xmin\"\n"),
        ("config_table_lag", "[tables.staff]\nlag_seconds = 3\n"),
        ("config_table_empty_key", "[tables.staff]\nkey = []\n"),
        ("config_table_key_twice", "[tables.staff]\nkey = [\"staff_id\", \"staff_id\"]\n"),
        ("config_folder_cursor", "[source]\nurl = \"dir:tables\"\n[tables.staff]\ncursor = \"snapshot\"\n"),
        ("config_no_column", "[source]\nurl = \"dir:tables\"\n[tables.staff]\nkey = [\"id\"]\n"),
        ("config_syntax", "[source\n"),
        ("config_source_unclosed", "[source]\nurl = \"postgres://reader:hunter2@db/totesys\n"),
        ("config_source_unquoted", "source.url = postgres://reader:hunter2@db/totesys\n"),
        ("config_source_list", "[source]\nurl = [\"postgres://reader:hunter2@db/totesys\"]\n"),
        ("config_source_password", "[source]\nurl = \"hunter2\"\n"),
    ] {
        let mut scene = Scene::with_tables();
        scene.environment.clear();
        scene.write("host.toml", config);
        let said = scene.said(&["ingest", "--table", "staff"]);
        assert!(said.contains("exit code 3"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        is_told(name, format!("{config}\n{said}"));
    }
}

#[test]
fn tables_of_the_configuration_and_the_environment_before_the_file() {
    let scene = Scene::with_tables().set("HOST_LAKE_RAW", "file:mine/raw").set("HOST_SOURCE_EXCLUDE", "staff, other");
    scene.write(
        "host.toml",
        "[source]\nurl = \"dir:nowhere\"\nexclude = [\"currency\"]\n[lake]\nraw = \"file:theirs\"\n\
         [checkpoints]\nurl = \"file:checkpoints\"\n[tables.currency]\nkey = [\"currency_code\"]\ncursor = \"full\"\n",
    );
    let document = scene.json(&["ingest"], 0);
    assert_eq!(document["tables"].as_array().unwrap().len(), 1);
    assert_eq!(document["tables"][0]["table"], "currency");
    let manifest = fs::read_to_string(scene.path("mine/raw/currency/packets/00000001.packet.json")).unwrap();
    assert!(manifest.contains("\"currency_code\""), "{manifest}");
    assert!(scene.path("checkpoints/currency.json").is_file());
    assert!(!scene.path("theirs").exists());
    is_told("excluded_table", scene.said(&["ingest", "--table", "staff"]));
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let scene = Scene::new().set("HOST_SOURCE_URL", "dir:tables").set("HOST_LOG", "info");
    fs::create_dir(scene.path("tables")).unwrap();
    let name = "a\u{1b}[31m\nb\u{202e}";
    scene.write(&format!("tables/{name}.jsonl"), "{\"id\":1}\n");
    let is_clean = |output: &Output| {
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains('\u{1b}'), "{text:?}");
        // A document is for programs, and has names as they are.
        assert!(text.starts_with('{') || !text.contains('\u{202e}'), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with('b')), "{text}");
    };
    is_clean(&scene.run(&["ingest"]));
    is_clean(&scene.run(&["ingest", "--table", "\u{1b}[31m\u{202e}"]));
    scene.write("host.toml", "[tables.\"a\\u001B[31m\\nb\\u202E\"]\nkey = [\"id\"]\n");
    scene.ingest();
    for arguments in [&["ingest"][..], &["status"], &["status", "--json"], &["gc"], &["status", "--table", name]] {
        let output = scene.run(arguments);
        is_clean(&output);
        assert!(output.status.success());
    }
    is_told("hostile_name", scene.said(&["ingest"]));
}

#[test]
fn a_screen_that_cannot_be_shown_is_the_surroundings() {
    let scene = Scene::with_tables();
    let run = |arguments: &str| {
        let command = format!("{} {arguments}", tools::host().display());
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &command]).current_dir(scene.path("")).env_clear().env("HOST_SOURCE_URL", "dir:tables");
        shell.output().unwrap().status.code()
    };
    assert_eq!(run("ingest > /dev/full 2> /dev/full"), Some(5));
    assert_eq!(run("status --json > /dev/full"), Some(5));
    // What was committed is committed.
    assert!(Path::new(&scene.path("lake/raw/staff/packets/00000001.packet.json")).is_file());
    assert_eq!(run("ingest | head -c 1"), Some(0));
}
