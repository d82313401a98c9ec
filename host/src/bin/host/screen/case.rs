//! Cases, and the turns of `host dev`.

use super::{grouped, new_table, print, short};
use host::case::{CaseReport, Difference, Outcome, REJECTS};
use host::error::Exit;
use host::fuzz::{Finding, FuzzReport, Rule};
use host::manifest::Manifest;
use host::sandbox::Plugin;
use host::text::shown;
use serde::Serialize;
use serde_json::json;

/// What a cell may hold; more is cut.
const CELL_CHARS_MAX: usize = 100;
/// So many differences of a case are shown.
const DIFFERENCES_MAX: usize = 20;

/// How the cases of a plugin went.
#[derive(Serialize)]
pub(crate) struct PluginTest {
    plugin: String,
    version: String,
    digest: String,
    component: String,
    /// What names the plugin, and its cases, on the command line.
    #[serde(skip)]
    argument: String,
    cases: Vec<CaseReport>,
    fuzz: Option<FuzzReport>,
}

impl PluginTest {
    pub(crate) fn new(plugin: &Plugin, argument: &str, cases: Vec<CaseReport>, fuzz: Option<FuzzReport>) -> Self {
        Self {
            plugin: plugin.manifest().name.clone(),
            version: plugin.manifest().version.clone(),
            digest: plugin.digest().to_owned(),
            component: plugin.path().display().to_string(),
            argument: argument.to_owned(),
            cases,
            fuzz,
        }
    }

    /// Whether all is as expected, or was accepted.
    pub(crate) fn passed(&self) -> bool {
        let cases = self.cases.iter().all(|case| case.passed);
        cases && self.fuzz.as_ref().is_none_or(|fuzz| fuzz.findings.is_empty())
    }
}

/// Shows how the cases went.
pub(crate) fn show_tests(tests: &[PluginTest], json: bool) -> Exit {
    if json {
        let passed = tests.iter().all(PluginTest::passed);
        return print(&format!("{:#}\n", json!({ "passed": passed, "plugins": tests })));
    }
    let mut screen = String::new();
    for test in tests {
        screen += &format!("{}@{} ({})\n", test.plugin, test.version, short(&test.digest));
        test.cases.iter().for_each(|report| screen += &case(report));
        if let Some(report) = &test.fuzz {
            screen += &fuzz(report, test);
        }
    }
    let cases = tests.iter().flat_map(|test| &test.cases);
    let (passed, all) = (cases.clone().filter(|case| case.passed).count(), cases.count());
    screen += &format!("\n{passed} of {all} cases as expected\n");
    if let [test] = tests {
        screen += &format!("the component: {}\n", test.component);
    }
    let findings: usize = tests.iter().filter_map(|test| test.fuzz.as_ref()).map(|fuzz| fuzz.findings.len()).sum();
    if findings > 0 {
        screen += &format!("on hard inputs a rule is broken in {findings} ways\n");
    }
    if passed < all {
        screen += "hint: mend the plugin, or take what it makes as what is expected with `--bless`\n";
    }
    print(&screen)
}

fn case(report: &CaseReport) -> String {
    let word = match (report.passed, report.blessed) {
        (true, true) => "blessed",
        (true, false) => "ok",
        (false, _) => "FAILED",
    };
    let budget = report.fuel_max.map_or_else(String::new, |max| format!(" of {}", grouped(max)));
    let story = report.story.as_ref().map_or_else(String::new, |story| format!("; {}", shown(story, CELL_CHARS_MAX)));
    let mut text = format!(
        "  {word:<8} {}: {} records, {}{budget} fuel{story}\n",
        report.case,
        grouped(report.records),
        grouped(report.fuel)
    );
    if let Some(failure) = &report.failure {
        text += &format!("    {failure}\n");
    }
    if let Some(max) = report.fuel_max.filter(|max| report.fuel > *max) {
        let over = report.fuel as f64 / max as f64 * 100.0 - 100.0;
        text += &format!("    the fuel is {over:.0} % over its budget: `fuel_max` in `case.toml`\n");
    }
    text += &differences(&report.differences, ["expected", "found"]);
    if !report.differences_by_line.is_empty() {
        text += "    with each line in a call of its own:\n";
        text += &differences(&report.differences_by_line, ["expected", "found"]);
    }
    for (table, rows) in report.recorded.iter().filter(|(_, rows)| !rows.is_empty()) {
        text += &format!("    {table}\n");
        rows.iter().for_each(|row| text += &format!("      {}\n", shown(row, 400)));
    }
    text
}

fn differences(differences: &[Difference], sides: [&str; 2]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let mut table = new_table();
    let [before, after] = sides;
    let any_message = differences.iter().any(|difference| difference.message.is_some());
    let mut header = vec!["table", "row", "column", before, after];
    header.extend(any_message.then_some("what was said"));
    table.set_header(header);
    // Rejects are few, and matter most.
    let (rejects, rows): (Vec<_>, Vec<_>) = differences.iter().partition(|difference| difference.table == REJECTS);
    for difference in rejects.into_iter().chain(rows).take(DIFFERENCES_MAX) {
        let value = |side: &Option<String>| match (side, &difference.column) {
            (Some(text), _) => shown(text, CELL_CHARS_MAX),
            (None, Some(_)) => "(no such column)".to_owned(),
            (None, None) => "(no such row)".to_owned(),
        };
        let mut cells = vec![
            difference.table.clone(),
            shown(&difference.row, CELL_CHARS_MAX),
            difference.column.clone().unwrap_or_else(|| "(row)".to_owned()),
            value(&difference.expected),
            value(&difference.found),
        ];
        cells.extend(any_message.then(|| shown(difference.message.as_deref().unwrap_or_default(), CELL_CHARS_MAX)));
        table.add_row(cells);
    }
    let mut text = format!("{table}\n");
    if differences.len() > DIFFERENCES_MAX {
        let more = grouped((differences.len() - DIFFERENCES_MAX) as u64);
        text += &format!("    and {more} more; in all {}; `--json` has them\n", by_column(differences));
    }
    text
}

/// How many differences each column has.
fn by_column(differences: &[Difference]) -> String {
    let mut counts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for difference in differences {
        let column = difference.column.as_deref().unwrap_or("(row)");
        *counts.entry(format!("{}.{column}", difference.table)).or_default() += 1;
    }
    let counts = counts.into_iter().map(|(column, count)| format!("{} of {column}", grouped(count)));
    counts.collect::<Vec<_>>().join(", ")
}

fn fuzz(report: &FuzzReport, test: &PluginTest) -> String {
    let (chunks, lines) = (grouped(report.chunks), grouped(report.lines));
    if report.findings.is_empty() {
        return format!("  ok       hard inputs: {chunks} chunks of {lines} lines, no rule broken\n");
    }
    let mut text = format!("  FAILED   hard inputs: {chunks} chunks of {lines} lines\n");
    report.findings.iter().for_each(|found| text += &finding(found, &test.argument));
    text
}

fn finding(finding: &Finding, argument: &str) -> String {
    let rule = match finding.rule {
        Rule::Fault => "a bad row must be a reject, and never end the call",
        Rule::Cut => "where the lines are cut into calls must change nothing",
        Rule::Order => "a row must come of its own line, whatever the lines around it",
        Rule::Repeat => "the same lines must give the same rows",
    };
    let mut text = format!("    {rule}\n      {}\n", finding.message.replace('\n', "\n      "));
    for (index, (line, change)) in finding.lines.iter().zip(&finding.changes).enumerate() {
        let change = if change.is_empty() { "as in a case" } else { change };
        text +=
            &format!("      line {} ({change}): {}\n", index + 1, shown(String::from_utf8_lossy(line).trim_end(), 300));
    }
    if let Some(kept) = &finding.kept {
        let numbers: Vec<_> = (1..=finding.lines.len()).map(|number| number.to_string()).collect();
        let (path, numbers) = (kept.display(), numbers.join(","));
        text += &format!(
            "      hint: once mended, keep it as a case: host plugin test {argument} --record {path} --lines {numbers}\n"
        );
    }
    text
}

/// A turn of `host dev`.
pub(crate) struct DevTurn<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) outcome: &'a Outcome,
    /// How the rows differ from those of the turn before; `None` at the first one.
    pub(crate) changes: Option<Vec<Difference>>,
    pub(crate) seconds: f64,
}

/// Shows a turn.
pub(crate) fn show_dev(turn: &DevTurn<'_>, json: bool) -> Exit {
    let rows = |name: &str| turn.outcome.files.get(name).map_or(0, Vec::len) as u64;
    let tables: Vec<_> =
        turn.manifest.star_tables.iter().map(|table| (table.name.as_str(), rows(&table.name))).collect();
    if json {
        let tables: serde_json::Map<_, _> =
            tables.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))).collect();
        let document = json!({
            "records": turn.outcome.records,
            "rows": tables,
            "rejects": rows(REJECTS),
            "fuel": turn.outcome.usage.fuel,
            "seconds": turn.seconds,
            "changes": turn.changes,
        });
        return print(&format!("{document}\n"));
    }
    let counts: Vec<_> = tables.iter().map(|(name, rows)| format!("{} rows of {name}", grouped(*rows))).collect();
    let mut screen = format!(
        "{} records: {}, {} rejects, {} fuel, {:.1} s\n",
        grouped(turn.outcome.records),
        counts.join(", "),
        grouped(rows(REJECTS)),
        grouped(turn.outcome.usage.fuel),
        turn.seconds
    );
    match &turn.changes {
        None => {
            const FIRST_ROWS: usize = 3;
            for (name, _) in &tables {
                let first = turn.outcome.files.get(*name).into_iter().flatten().take(FIRST_ROWS);
                first.for_each(|row| screen += &format!("  {}\n", shown(row, 600)));
            }
            let rejects = turn.outcome.files.get(REJECTS).into_iter().flatten().zip(&turn.outcome.messages);
            for (reject, message) in rejects.take(FIRST_ROWS) {
                screen += &format!("  reject {reject} {}\n", shown(message, 200));
            }
            screen += "watching; save a change to see which rows it changes\n";
        }
        Some(changes) if changes.is_empty() => screen += "no row changed\n",
        Some(changes) => screen += &differences(changes, ["before", "now"]),
    }
    print(&screen)
}
