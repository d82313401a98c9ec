//! What is wrong with the lake and the star tables.

use super::lake::{TEXT_CHARS_MAX, counted};
use super::{new_table, print};
use host::error::Exit;
use host::text::shown;
use host::verify::VerifyReport;
use serde_json::json;
use std::collections::BTreeSet;

/// Shows what a verification found.
pub(crate) fn show_verify(report: &VerifyReport, json: bool) -> Exit {
    if json {
        let document = json!({
            "findings": report.findings,
            "packets": report.packets,
            "records": report.records,
            "star_tables": report.star_tables,
            "files": report.files,
            "references": report.references,
            "seconds": report.took.as_secs_f64(),
        });
        return print(&format!("{document:#}\n"));
    }
    let mut screen = String::new();
    if !report.findings.is_empty() {
        let mut table = new_table();
        table.set_header(["what", "table", ""]);
        for finding in &report.findings {
            let name = shown(&finding.table, TEXT_CHARS_MAX);
            table.add_row([finding.kind.to_string(), name, shown(&finding.what, TEXT_CHARS_MAX)]);
        }
        screen += &format!("{table}\n");
        let kinds: BTreeSet<_> = report.findings.iter().map(|finding| finding.kind).collect();
        for kind in kinds {
            screen += &format!("hint: {kind}: {}\n", kind.hint());
        }
    }
    screen += &format!(
        "{} with {}, {} with {}, {} followed: {} in {:.3} s\n",
        counted(report.packets, "packet"),
        counted(report.records, "row"),
        counted(report.star_tables, "star table"),
        counted(report.files, "file"),
        counted(report.references, "reference"),
        match report.findings.len() as u64 {
            0 => "all is well".to_owned(),
            findings => counted(findings, "finding"),
        },
        report.took.as_secs_f64()
    );
    print(&screen)
}
