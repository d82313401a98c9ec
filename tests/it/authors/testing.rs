//! `host plugin test`.

use super::{document, stdout};
use std::fs;
use std::path::Path;
use tests::tools::{
    PLUGINS, plugin, plugins_target_folder, run_host, run_host_with_cargo, soak, workspace, write_totesys,
};
use totesys::Style;

/// A folder with the component of `dim_staff` and its cases beside it.
fn staff() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(plugin("dim_staff"), folder.path().join("dim_staff.wasm")).unwrap();
    copy_folder(&workspace().join("plugins/dim_staff/cases"), &folder.path().join("cases"));
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

const TEST: [&str; 3] = ["plugin", "test", "dim_staff.wasm"];

#[test]
fn all_plugins_of_the_project_pass_their_cases_and_hard_inputs() {
    let rounds = (100 * soak()).to_string();
    let arguments = ["plugin", "test", "--fuzz", "--rounds", &rounds, "--json"];
    let output = run_host_with_cargo(workspace(), &plugins_target_folder(), &arguments);
    let report = document(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let plugins = report["plugins"].as_array().unwrap();
    assert_eq!(plugins.len(), PLUGINS.len());
    for plugin in plugins {
        assert!(plugin["cases"].as_array().unwrap().len() >= 3, "{}", plugin["plugin"]);
        assert!(plugin["fuzz"]["chunks"].as_u64().unwrap() >= 100);
    }
}

#[test]
fn a_difference_is_told_by_row_and_column_and_can_be_blessed() {
    let folder = staff();
    let expected = folder.path().join("cases/plain/expected/dim_staff.jsonl");
    let right = fs::read_to_string(&expected).unwrap();
    let wrong = right.replacen("\"first_name\":\"", "\"first_name\":\"x", 1);
    fs::write(
        &expected,
        wrong.lines().take(wrong.lines().count() - 1).map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    let output = run_host(folder.path(), &TEST);
    let screen = stdout(&output);
    assert_eq!(output.status.code(), Some(2), "{screen}");
    assert!(screen.contains("│ dim_staff ┆ staff_id="), "{screen}");
    assert!(screen.contains("┆ first_name ┆ \"x"), "{screen}");
    assert!(screen.contains("┆ (row)      ┆ (no such row)"), "{screen}");
    let blessed = run_host(folder.path(), &[&TEST[..], &["--bless"]].concat());
    assert_eq!(blessed.status.code(), Some(0), "{}", stdout(&blessed));
    assert_eq!(fs::read_to_string(&expected).unwrap(), right);
    let settings = fs::read_to_string(folder.path().join("cases/plain/case.toml")).unwrap();
    assert!(settings.contains("fuel_max = "), "{settings}");
    assert_eq!(run_host(folder.path(), &TEST).status.code(), Some(0));
}

#[test]
fn more_fuel_than_the_budget_of_a_case_fails_it() {
    let folder = staff();
    fs::write(folder.path().join("cases/plain/case.toml"), "story = \"Cheap.\"\nfuel_max = 10\n").unwrap();
    let output = run_host(folder.path(), &TEST);
    assert_eq!(output.status.code(), Some(2));
    let screen = stdout(&output);
    assert!(screen.contains("% over its budget: `fuel_max` in `case.toml`"), "{screen}");
    fs::write(folder.path().join("cases/plain/case.toml"), "fuel = 10\n").unwrap();
    let output = run_host(folder.path(), &TEST);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown field `fuel`"));
}

#[test]
fn real_lines_become_a_case_with_stand_ins_and_the_rows_that_they_refer_to() {
    let folder = staff();
    write_totesys(folder.path(), 60, Style::Compact, false);
    let record = ["--record", "staff.jsonl", "--lines", "7,2", "--lookup", "department=department.jsonl"];
    let masks = ["--mask", "email_address", "--mask", "department.location", "--case", "two"];
    let output = run_host(folder.path(), &[&TEST[..], &record[..], &masks[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let case = folder.path().join("cases/two");
    let (real, recorded) = (lines(&folder.path().join("staff.jsonl")), lines(&case.join("input/staff.jsonl")));
    for (recorded, real) in recorded.iter().zip([&real[1], &real[6]]) {
        let email = |line: &serde_json::Value| line["email_address"].as_str().unwrap().to_owned();
        assert_ne!(email(recorded), email(real));
        assert_eq!(email(recorded).matches(['@', '.']).count(), email(real).matches(['@', '.']).count());
        assert_eq!(recorded["first_name"], real["first_name"]);
    }
    let departments = lines(&case.join("lookup/department.jsonl"));
    assert!(departments.len() <= 2, "only those that are referred to: {departments:?}");
    assert!(recorded.iter().all(|line| departments.iter().any(|row| row["department_id"] == line["department_id"])));
    assert_eq!(lines(&case.join("expected/dim_staff.jsonl")).len(), 2);
    assert_eq!(run_host(folder.path(), &[&TEST[..], &["--case", "two"]].concat()).status.code(), Some(0));
    let again = run_host(folder.path(), &[&TEST[..], &record[..], &masks[..]].concat());
    assert!(String::from_utf8_lossy(&again.stderr).starts_with("error[case-exists]"));
}

#[test]
fn lines_and_columns_that_are_not_there_make_no_case() {
    let folder = staff();
    write_totesys(folder.path(), 60, Style::Compact, false);
    for (lines, mask, code) in [("2,70000", "email_address", "no-line"), ("2", "email", "no-column")] {
        let record = ["--record", "staff.jsonl", "--lines", lines, "--lookup", "department=department.jsonl"];
        let output = run_host(folder.path(), &[&TEST[..], &record[..], &["--mask", mask, "--case", "new"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with(&format!("error[{code}]: ")), "{said}");
        assert_eq!(output.status.code(), Some(3));
        assert!(!folder.path().join("cases/new").exists());
    }
}

#[test]
fn what_cannot_be_masked_is_not_recorded() {
    let folder = staff();
    write_totesys(folder.path(), 60, Style::Compact, false);
    let path = folder.path().join("staff.jsonl");
    let mut lines: Vec<_> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let twice = lines[1].replacen('{', "{\"email_address\":\"secret@example.com\",", 1);
    let cut = lines[1].trim_end_matches('}').to_owned();
    let half = lines[1].replacen("\"email_address\":\"", "\"email_address\":\"secret \\ud834", 1);
    lines.extend([twice, cut, half]);
    fs::write(&path, format!("\u{feff}{}\n", lines.join("\n"))).unwrap();
    let record = |lines: &str, mask: &str| {
        let record = ["--record", "staff.jsonl", "--lines", lines, "--lookup", "department=department.jsonl"];
        let output = run_host(folder.path(), &[&TEST[..], &record[..], &["--mask", mask, "--case", "new"]].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    for line in lines.len() - 2..=lines.len() {
        let said = record(&format!("2,{line}"), "email_address");
        assert!(said.starts_with(&format!("error[unmaskable]: `staff.jsonl`, line {line}: ")), "{said}");
        assert!(!folder.path().join("cases/new").exists());
    }
    assert!(record("2", "department_id").starts_with("error[masked-key]"));
    assert_eq!(record("1", "email_address"), "");
    let recorded = fs::read_to_string(folder.path().join("cases/new/input/staff.jsonl")).unwrap();
    let email = serde_json::from_str::<serde_json::Value>(&lines[0]).unwrap()["email_address"].to_string();
    assert!(recorded.starts_with('{') && !recorded.contains(&email), "{recorded}");
}

#[test]
fn what_an_editor_leaves_beside_the_rows_is_no_packet_and_no_rows_are_no_case() {
    let folder = staff();
    let input = folder.path().join("cases/plain/input");
    fs::write(input.join("notes.txt"), "no row\n").unwrap();
    fs::write(input.join(".staff.jsonl.swp"), "no row\n").unwrap();
    assert_eq!(run_host(folder.path(), &[&TEST[..], &["--case", "plain"]].concat()).status.code(), Some(0));
    fs::remove_file(input.join("staff.jsonl")).unwrap();
    let output = run_host(folder.path(), &[&TEST[..], &["--case", "plain"]].concat());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error[no-input]"));
}

/// The JSON of each line of a file.
fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
