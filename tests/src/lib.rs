//! What the tests share: plugins that do what no plugin should, built once, and what they are compared by.
#![allow(clippy::disallowed_types, reason = "tests look into databases themselves")]

pub mod flow;
pub mod function;
pub mod moto;
pub mod proxy;
pub mod tools;

use host::columns::{Column, ColumnValues, Rows};
use host::sandbox::{Call, Transformed};
use std::path::PathBuf;
use std::sync::OnceLock;

/// The plugin that is built from `tests/guests/examples/<name>.rs`.
///
/// # Panics
/// If the guests can't be built.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(build_guests).join(format!("{name}.wasm"));
    assert!(path.is_file(), "there is no guest `{name}`");
    path
}

/// The plugin that is built from `tests/guests/examples/<name>.rs` as plugins ship, with the lines of its source.
///
/// # Panics
/// If it can't be built.
#[must_use]
pub fn shipped_guest(name: &str) -> PathBuf {
    const NAMES: [&str; 7] = [
        "orders_changed",
        "orders_clumsy",
        "orders_counted",
        "orders_latest",
        "orders_narrow",
        "orders_shifted",
        "orders_wider",
    ];
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let examples = NAMES.iter().flat_map(|name| ["--example", name]);
        let arguments = ["--package", "guests", "--profile", "plugin", "--target", "wasm32-wasip2"];
        tools::build(&arguments.into_iter().chain(examples).collect::<Vec<_>>());
    });
    target_folder().join("wasm32-wasip2/plugin/examples").join(format!("{name}.wasm"))
}

/// Builds all guests, in the folder that the tests themselves were built in.
fn build_guests() -> PathBuf {
    const PROFILE: &str = "guest";
    const TARGET: &str = "wasm32-wasip2";
    tools::build(&["--package", "guests", "--examples", "--profile", PROFILE, "--target", TARGET]);
    target_folder().join(TARGET).join(PROFILE).join("examples")
}

/// The target folder: the tests run as `<target folder>/<profile>/deps/<test>`.
pub(crate) fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own program");
    test.ancestors().nth(3).expect("cargo puts tests three folders deep").to_owned()
}

/// `count` lines as the guests read them, the line with index `i` with the id `i + 1` and the mark that `mark` gives it.
pub fn json_lines<'a>(count: usize, mark: impl Fn(usize) -> Option<&'a str>) -> Vec<u8> {
    let line = |index| match mark(index) {
        Some(mark) => format!("{{\"id\":{},\"bad\":\"{mark}\"}}\n", index + 1),
        None => format!("{{\"id\":{}}}\n", index + 1),
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

/// The call of all `json_lines` of a packet.
#[must_use]
pub fn call(json_lines: &[u8]) -> Call<'_> {
    let lines = json_lines.iter().filter(|byte| **byte == b'\n').count();
    let lines = u32::try_from(lines).expect("a test has few lines");
    Call { sequence: 1, first_record: 1, first_line: 0, lines, json_lines }
}

/// The calls of the same lines, `lines_max` a call.
#[must_use]
pub fn calls(json_lines: &[u8], lines_max: usize) -> Vec<Call<'_>> {
    let lines: Vec<&[u8]> = json_lines.split_inclusive(|byte| *byte == b'\n').collect();
    let mut calls: Vec<Call<'_>> = Vec::new();
    let (mut line, mut byte) = (0, 0);
    for chunk in lines.chunks(lines_max) {
        let bytes: usize = chunk.iter().map(|line| line.len()).sum();
        let part = call(&json_lines[byte..byte + bytes]);
        calls.push(Call { first_record: 1 + line, first_line: line, ..part });
        line += chunk.len() as u64;
        byte += bytes;
    }
    calls
}

/// The rows of all tables and parts, each as text.
#[must_use]
pub fn rows(parts: &[Transformed]) -> Vec<String> {
    let tables = parts.iter().flat_map(|part| &part.tables);
    tables.flat_map(|rows| (0..rows.count).map(|row| row_text(rows, row))).collect()
}

fn row_text(rows: &Rows, row: usize) -> String {
    rows.columns.iter().map(|column| value_text(column, row)).collect::<Vec<_>>().join(" | ")
}

fn value_text(column: &Column, row: usize) -> String {
    let bit = |bits: &[u8]| bits[row / 8] >> (row % 8) & 1 == 1;
    if column.validity.as_ref().is_some_and(|bits| !bit(bits)) {
        return "null".to_owned();
    }
    match &column.values {
        ColumnValues::Boolean(bits) => bit(bits).to_string(),
        ColumnValues::Int32(values) | ColumnValues::Date(values) => values[row].to_string(),
        ColumnValues::Float64(values) => format!("{:?} {:016x}", values[row], values[row].to_bits()),
        ColumnValues::Int64(values)
        | ColumnValues::Decimal64(values)
        | ColumnValues::Time(values)
        | ColumnValues::Timestamp(values) => values[row].to_string(),
        ColumnValues::Decimal128(values) => values[row].to_string(),
        ColumnValues::Utf8 { offsets, bytes } => {
            let text = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
            String::from_utf8_lossy(text).into_owned()
        }
    }
}
