//! A plugin that keeps the contract: one table with a column of every type.

use crate::types::{
    Column, ColumnType, Context, DecimalType, Failure, Field, Manifest, Output, Reject, Rows, SourceColumn, StarKind,
    StarTable, Text, Values,
};

/// The fields of the table `probe`, in their order.
pub const FIELDS: &[(&str, ColumnType, bool)] = &[
    ("record", ColumnType::Int64, false),
    ("id", ColumnType::Int32, false),
    ("odd", ColumnType::Boolean, true),
    ("ratio", ColumnType::Float64, false),
    ("price", ColumnType::Decimal(DecimalType { precision: 10, scale: 2 }), false),
    ("total", ColumnType::Decimal(DecimalType { precision: 38, scale: 4 }), true),
    ("day", ColumnType::Date, false),
    ("moment", ColumnType::Time, false),
    ("instant", ColumnType::Timestamp, false),
    ("name", ColumnType::Utf8, false),
    ("note", ColumnType::Utf8, true),
];

/// What the innocent plugin says of itself.
#[must_use]
pub fn manifest() -> Manifest {
    Manifest {
        name: "guest".to_owned(),
        version: "0.1.0".to_owned(),
        source_table: "probe_source".to_owned(),
        source_columns: vec![SourceColumn { name: "id".to_owned(), type_: ColumnType::Int32, nullable: false }],
        lookups: Vec::new(),
        star_tables: vec![StarTable {
            name: "probe".to_owned(),
            kind: StarKind::Fact,
            key: vec!["record".to_owned()],
            fields: FIELDS.iter().map(|&(name, type_, nullable)| field(name, type_, nullable)).collect(),
            comment: None,
        }],
    }
}

/// A field that refers to nothing.
#[must_use]
pub fn field(name: &str, type_: ColumnType, nullable: bool) -> Field {
    Field { name: name.to_owned(), type_, nullable, references: None, comment: None }
}

/// Makes a row of each line that has an id, and a reject of each other.
///
/// # Errors
/// None.
pub fn transform(context: &Context, json_lines: &[u8]) -> Result<Output, Failure> {
    let mut rejects = Vec::new();
    let mut rows = Vec::new();
    for (index, line) in crate::lines(json_lines).enumerate() {
        match line.id {
            Some(id) => rows.push((context.first_record + index as u64, id)),
            None => rejects.push(reject(index as u32, "no-id")),
        }
    }
    Ok(Output { tables: vec![table(&rows)], rejects })
}

/// A reject of the line with index `line`.
#[must_use]
pub fn reject(line: u32, code: &str) -> Reject {
    Reject { line, code: code.to_owned(), column: Some("id".to_owned()), message: "the line has no id".to_owned() }
}

/// The rows with these record numbers and ids.
fn table(rows: &[(u64, u32)]) -> Rows {
    let numbers = || rows.iter().map(|&(_, id)| i64::from(id));
    let days = || rows.iter().map(|&(_, id)| (id % 20_000) as i32);
    let has_note = |id: u32| !id.is_multiple_of(3);
    let totals = numbers().flat_map(|id| (i128::from(id) * 10_i128.pow(20)).to_le_bytes());
    let columns = vec![
        valid(Values::Int64(rows.iter().map(|&(record, _)| record as i64).collect())),
        valid(Values::Int32(rows.iter().map(|&(_, id)| id as i32).collect())),
        Column {
            validity: Some(bitmap(rows.iter().map(|&(_, id)| id % 5 != 0))),
            values: Values::Boolean(bitmap(rows.iter().map(|&(_, id)| id % 2 == 1))),
        },
        valid(Values::Float64(numbers().map(|id| id as f64 / 8.0).collect())),
        valid(Values::Decimal64(numbers().map(|id| id * 7).collect())),
        Column {
            validity: Some(bitmap(rows.iter().map(|&(_, id)| id % 7 != 0))),
            values: Values::Decimal128(totals.collect()),
        },
        valid(Values::Date(days().collect())),
        valid(Values::Time(numbers().map(|id| id % 86_400 * 1_000_000).collect())),
        valid(Values::Timestamp(numbers().map(|id| id * 1_000_003).collect())),
        valid(text(rows.iter().map(|&(_, id)| format!("näme {id}")))),
        Column {
            validity: Some(bitmap(rows.iter().map(|&(_, id)| has_note(id)))),
            values: text(rows.iter().map(|&(_, id)| if has_note(id) { format!("€{id}") } else { String::new() })),
        },
    ];
    Rows { count: rows.len() as u32, columns, lines: None }
}

/// A column without nulls.
#[must_use]
pub fn valid(values: Values) -> Column {
    Column { validity: None, values }
}

/// A bitmap, the lowest bit first.
pub fn bitmap(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, bit) in bits.enumerate() {
        if index % 8 == 0 {
            bytes.push(0);
        }
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(bit) << (index % 8);
        }
    }
    bytes
}

/// A column of texts.
pub fn text(texts: impl Iterator<Item = String>) -> Values {
    let mut text = Text { offsets: vec![0], bytes: Vec::new() };
    for row in texts {
        text.bytes.extend_from_slice(row.as_bytes());
        text.offsets.push(text.bytes.len() as i32);
    }
    Values::Utf8(text)
}
