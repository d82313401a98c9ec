//! Whether what a plugin handed back is what its manifest says, so that a plugin can't hand the host bad memory.
//!
//! Everything is looked at before anything is used: counts, lengths, offsets, UTF-8, nulls, the range of decimals, dates and
//! times, the lines of rows and rejects.

use super::bindings::types::{self, Output, Values};
use super::output_error::OutputError;
use crate::columns::{Column, ColumnValues, Rows};
use crate::manifest::{ColumnType, Field, Manifest, NAME_BYTES_MAX, SHORT_PRECISION_MAX, StarTable};
use crate::reject::Reject;
use crate::text::{REJECT_CHARS_MAX, shown};

/// Rows of each star table, and the lines that made none: checked.
#[derive(Clone, Debug, Default)]
pub struct Transformed {
    /// The rows, a table each, in the order of the manifest.
    pub tables: Vec<Rows>,
    /// The rejects; their lines are counted from the first of the call.
    pub rejects: Vec<Reject>,
    /// How many lines they were made of.
    pub lines: u32,
    /// The index of the first of these lines, where they are a stretch of a longer call.
    pub first_line: u64,
}

impl Transformed {
    /// The index of the line that each row of the table with the index `table` was made from, counted as the lines of
    /// `rejects` are, which are all that were rejected.
    #[must_use]
    pub fn row_lines(&self, table: usize, rejects: &[Reject]) -> Vec<u64> {
        if let Some(lines) = &self.tables[table].lines {
            return lines.iter().map(|line| self.first_line + u64::from(*line)).collect();
        }
        let first = rejects.partition_point(|reject| reject.line < self.first_line);
        let mut rejected = rejects[first..].iter().map(|reject| reject.line).peekable();
        let lines = self.first_line..self.first_line + u64::from(self.lines);
        lines.filter(|line| rejected.next_if_eq(line).is_none()).collect()
    }
}

/// Checks what a call with `lines` lines handed back.
pub(super) fn check(output: Output, manifest: &Manifest, lines: u32) -> Result<Transformed, OutputError> {
    let rejects = check_rejects(output.rejects, lines)?;
    if output.tables.len() != manifest.star_tables.len() {
        return Err(OutputError::Tables { found: output.tables.len(), expected: manifest.star_tables.len() });
    }
    let tables = output.tables.into_iter().zip(&manifest.star_tables);
    let tables = tables.map(|(rows, table)| check_table(rows, table, &rejects, lines)).collect::<Result<_, _>>()?;
    Ok(Transformed { tables, rejects, lines, first_line: 0 })
}

/// The longest code of a reject.
const CODE_BYTES_MAX: usize = 40;

fn check_rejects(rejects: Vec<types::Reject>, lines: u32) -> Result<Vec<Reject>, OutputError> {
    let mut next_line = 0;
    let mut checked = Vec::with_capacity(rejects.len());
    for types::Reject { line, code, column, message } in rejects {
        if line < next_line || line >= lines {
            return Err(OutputError::RejectLine { line, lines });
        }
        next_line = line + 1;
        let is_word = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_word || code.is_empty() || code.len() > CODE_BYTES_MAX {
            return Err(OutputError::RejectCode { code: shown(&code, CODE_BYTES_MAX) });
        }
        let message = shown(&message, REJECT_CHARS_MAX);
        let column = column.map(|column| shown(&column, NAME_BYTES_MAX));
        checked.push(Reject { line: u64::from(line), code, column, message, by_host: false });
    }
    Ok(checked)
}

fn check_table(rows: types::Rows, table: &StarTable, rejects: &[Reject], lines: u32) -> Result<Rows, OutputError> {
    let count = rows.count as usize;
    match &rows.lines {
        None if count + rejects.len() != lines as usize => {
            return Err(OutputError::Count { table: table.name.clone(), rows: count, rejects: rejects.len(), lines });
        }
        None => {}
        Some(row_lines) => check_row_lines(row_lines, count, table, rejects, lines)?,
    }
    if rows.columns.len() != table.fields.len() {
        let (found, expected) = (rows.columns.len(), table.fields.len());
        return Err(OutputError::Columns { table: table.name.clone(), found, expected });
    }
    let columns = rows.columns.into_iter().zip(&table.fields);
    let check = |(column, field)| ColumnCheck { table, field, rows: count }.check(column);
    Ok(Rows { count, columns: columns.map(check).collect::<Result<_, _>>()?, lines: rows.lines })
}

fn check_row_lines(
    row_lines: &[u32],
    count: usize,
    table: &StarTable,
    rejects: &[Reject],
    lines: u32,
) -> Result<(), OutputError> {
    if row_lines.len() != count {
        let (found, expected) = (row_lines.len(), count);
        return Err(OutputError::Length {
            table: table.name.clone(),
            field: "(lines)".to_owned(),
            what: "lines",
            found,
            expected,
            rows: count,
        });
    }
    let mut rejected = rejects.iter().map(|reject| reject.line).peekable();
    let mut line_before = 0;
    for (row, &line) in row_lines.iter().enumerate() {
        while rejected.next_if(|&rejected| rejected < u64::from(line)).is_some() {}
        if line < line_before || line >= lines || rejected.peek() == Some(&u64::from(line)) {
            return Err(OutputError::RowLine { table: table.name.clone(), row, line, lines });
        }
        line_before = line;
    }
    Ok(())
}

/// The check of one column.
struct ColumnCheck<'a> {
    table: &'a StarTable,
    field: &'a Field,
    rows: usize,
}

impl ColumnCheck<'_> {
    fn check(&self, column: types::Column) -> Result<Column, OutputError> {
        let validity = self.validity(column.validity)?;
        let column_type = self.field.column_type;
        let values = match (column_type, column.values) {
            (ColumnType::Boolean, Values::Boolean(bits)) => {
                self.length("bytes of a bitmap", bits.len(), self.rows.div_ceil(8))?;
                ColumnValues::Boolean(bits)
            }
            (ColumnType::Int32, Values::Int32(values)) => ColumnValues::Int32(self.counted(values)?),
            (ColumnType::Int64, Values::Int64(values)) => ColumnValues::Int64(self.counted(values)?),
            (ColumnType::Float64, Values::Float64(values)) => ColumnValues::Float64(self.counted(values)?),
            (ColumnType::Decimal { precision, .. }, Values::Decimal64(values)) if precision <= SHORT_PRECISION_MAX => {
                let limit = 10_i64.pow(u32::from(precision));
                ColumnValues::Decimal64(self.within(values, validity.as_deref(), 1 - limit, limit - 1)?)
            }
            (ColumnType::Decimal { precision, .. }, Values::Decimal128(bytes)) if precision > SHORT_PRECISION_MAX => {
                self.length("bytes", bytes.len(), self.rows * 16)?;
                let values = bytes.as_chunks::<16>().0.iter().map(|bytes| i128::from_le_bytes(*bytes)).collect();
                let limit = 10_i128.pow(u32::from(precision));
                ColumnValues::Decimal128(self.within(values, validity.as_deref(), 1 - limit, limit - 1)?)
            }
            (ColumnType::Date, Values::Date(values)) => {
                ColumnValues::Date(self.within(values, validity.as_deref(), DAYS_MIN, DAYS_MAX)?)
            }
            (ColumnType::Time, Values::Time(values)) => {
                ColumnValues::Time(self.within(values, validity.as_deref(), 0, MICROS_PER_DAY - 1)?)
            }
            (ColumnType::Timestamp, Values::Timestamp(values)) => {
                let (first, last) =
                    (i64::from(DAYS_MIN) * MICROS_PER_DAY, (i64::from(DAYS_MAX) + 1) * MICROS_PER_DAY - 1);
                ColumnValues::Timestamp(self.within(values, validity.as_deref(), first, last)?)
            }
            (ColumnType::Utf8, Values::Utf8(types::Text { offsets, bytes })) => {
                self.text(&offsets, &bytes)?;
                ColumnValues::Utf8 { offsets, bytes }
            }
            (expected, values) => {
                let (table, field) = self.names();
                return Err(OutputError::Type { table, field, found: type_name(&values), expected });
            }
        };
        Ok(Column { validity, values })
    }

    fn names(&self) -> (String, String) {
        (self.table.name.clone(), self.field.name.clone())
    }

    fn length(&self, what: &'static str, found: usize, expected: usize) -> Result<(), OutputError> {
        if found == expected {
            return Ok(());
        }
        let (table, field) = self.names();
        Err(OutputError::Length { table, field, what, found, expected, rows: self.rows })
    }

    fn counted<T>(&self, values: Vec<T>) -> Result<Vec<T>, OutputError> {
        self.length("values", values.len(), self.rows)?;
        Ok(values)
    }

    fn validity(&self, validity: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, OutputError> {
        let Some(bits) = validity else { return Ok(None) };
        self.length("bytes of a bitmap", bits.len(), self.rows.div_ceil(8))?;
        let null = (0..self.rows).find(|&row| !Column::bit(&bits, row));
        match null {
            Some(row) if !self.field.nullable => {
                let (table, field) = self.names();
                Err(OutputError::Null { table, field, row })
            }
            Some(_) => Ok(Some(bits)),
            None => Ok(None),
        }
    }

    /// Checks that each value that is no null lies in a range.
    fn within<T>(&self, values: Vec<T>, validity: Option<&[u8]>, least: T, most: T) -> Result<Vec<T>, OutputError>
    where
        T: Copy + PartialOrd + Into<i128>,
    {
        self.length("values", values.len(), self.rows)?;
        // Without early exit, so that the compiler makes vector instructions of it; the culprit is looked for only then.
        let all = values.iter().fold(true, |all, value| all & (*value >= least) & (*value <= most));
        if all {
            return Ok(values);
        }
        let is_bad = |(row, value): &(usize, &T)| {
            !(least..=most).contains(*value) && validity.is_none_or(|bits| Column::bit(bits, *row))
        };
        match values.iter().enumerate().find(is_bad) {
            None => Ok(values),
            Some((row, &value)) => {
                let (table, field) = self.names();
                let column_type = self.field.column_type;
                Err(OutputError::Range { table, field, row, value: value.into(), column_type })
            }
        }
    }

    fn text(&self, offsets: &[i32], bytes: &[u8]) -> Result<(), OutputError> {
        self.length("offsets", offsets.len(), self.rows + 1)?;
        let ascending = offsets.windows(2).fold(true, |all, pair| all & (pair[0] <= pair[1]));
        let first = offsets.first().copied() == Some(0);
        let last = offsets.last().and_then(|&last| usize::try_from(last).ok()) == Some(bytes.len());
        if !(ascending && first && last) {
            return Err(self.offset_error(offsets, bytes));
        }
        let Err(invalid) = std::str::from_utf8(bytes) else {
            return self.character_borders(offsets, bytes);
        };
        let row = offsets.partition_point(|&offset| offset as usize <= invalid.valid_up_to()).saturating_sub(1);
        let (table, field) = self.names();
        Err(OutputError::Utf8 { table, field, row })
    }

    /// That no row begins in the middle of a character.
    fn character_borders(&self, offsets: &[i32], bytes: &[u8]) -> Result<(), OutputError> {
        let inside = |offset: i32| bytes.get(offset as usize).is_some_and(|byte| byte & 0xc0 == 0x80);
        match offsets.iter().position(|&offset| inside(offset)) {
            None => Ok(()),
            Some(row) => {
                let (table, field) = self.names();
                Err(OutputError::Utf8 { table, field, row })
            }
        }
    }

    fn offset_error(&self, offsets: &[i32], bytes: &[u8]) -> OutputError {
        let mut before = 0;
        let is_bad = |&(row, &offset): &(usize, &i32)| {
            let bad = offset < before || offset as usize > bytes.len() || (row == 0 && offset != 0);
            before = offset;
            bad
        };
        let last = offsets.len().saturating_sub(1);
        let (row, offset) =
            offsets.iter().enumerate().find(is_bad).map_or((last, offsets[last]), |(row, &offset)| (row, offset));
        let (table, field) = self.names();
        OutputError::Offset { table, field, row, offset, bytes: bytes.len() }
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// 0001-01-01 as days since 1970-01-01.
const DAYS_MIN: i32 = -719_162;
/// 9999-12-31 as days since 1970-01-01.
const DAYS_MAX: i32 = 2_932_896;

fn type_name(values: &Values) -> &'static str {
    match values {
        Values::Boolean(_) => "boolean",
        Values::Int32(_) => "int32",
        Values::Int64(_) => "int64",
        Values::Float64(_) => "float64",
        Values::Decimal64(_) => "decimal64",
        Values::Decimal128(_) => "decimal128",
        Values::Date(_) => "date",
        Values::Time(_) => "time",
        Values::Timestamp(_) => "timestamp",
        Values::Utf8(_) => "utf8",
    }
}
