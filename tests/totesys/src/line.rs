//! Rows as lines of text.

use std::io::{self, Write};

use crate::calendar::{Day, Instant};
use crate::schema::{ColumnType, Table};

/// Bytes that are gathered before they are handed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// How a line is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// As the raw lake holds lines: no spaces, numeric with its exact digits (`3.40`), timestamps with the fraction
    /// digits of their text form (`.96`, none when zero), UTF-8 as it is.
    #[default]
    Compact,
    /// As Python's `json` prints rows: `", "` and `": "`, numbers as floats (`3.4`), six fraction digits (none when
    /// zero), `\u` escapes for all that is not ASCII.
    Dump,
    /// As Postgres' `COPY` reads text: no names, tabs between values, `\N` for null.
    Copy,
}

/// Writes the rows of one table: a value a column, in table order, then [`Self::end`].
#[derive(Debug)]
pub(crate) struct LineWriter<W> {
    output: W,
    style: Style,
    kinds: Vec<(ColumnType, bool)>,
    /// What stands before each column's value.
    prefixes: Vec<Vec<u8>>,
    column: usize,
    bytes: Vec<u8>,
    rows: u64,
}

impl<W: Write> LineWriter<W> {
    pub(crate) fn new(output: W, table: Table, style: Style) -> Self {
        let prefix = |(position, name): (usize, &str)| {
            let prefix = match (style, position) {
                (Style::Compact, 0) => format!("{{\"{name}\":"),
                (Style::Compact, _) => format!(",\"{name}\":"),
                (Style::Dump, 0) => format!("{{\"{name}\": "),
                (Style::Dump, _) => format!(", \"{name}\": "),
                (Style::Copy, 0) => String::new(),
                (Style::Copy, _) => "\t".to_owned(),
            };
            prefix.into_bytes()
        };
        let columns = table.columns();
        Self {
            output,
            style,
            kinds: columns.iter().map(|column| (column.kind, column.nullable)).collect(),
            prefixes: columns.iter().map(|column| column.name).enumerate().map(prefix).collect(),
            column: 0,
            bytes: Vec::with_capacity(BUFFER_BYTES + 4_096),
            rows: 0,
        }
    }

    /// Starts the next column, of which `is_kind` must hold.
    fn begin(&mut self, is_kind: impl Fn(ColumnType) -> bool) -> &mut Vec<u8> {
        debug_assert!(is_kind(self.kinds[self.column].0), "column {} is of another type", self.column);
        self.bytes.extend_from_slice(&self.prefixes[self.column]);
        self.column += 1;
        &mut self.bytes
    }

    pub(crate) fn null(&mut self) {
        debug_assert!(self.kinds[self.column].1, "column {} is not nullable", self.column);
        let null: &[u8] = if self.style == Style::Copy { b"\\N" } else { b"null" };
        self.begin(|_| true).extend_from_slice(null);
    }

    pub(crate) fn integer(&mut self, value: u64) {
        push_integer(self.begin(|kind| kind == ColumnType::Integer), value);
    }

    pub(crate) fn integer_or_null(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.integer(value),
            None => self.null(),
        }
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.begin(|kind| kind == ColumnType::Boolean).extend_from_slice(text);
    }

    /// Money, given in hundredths.
    pub(crate) fn money(&mut self, hundredths: u64) {
        let style = self.style;
        let bytes = self.begin(|kind| kind == ColumnType::Numeric10_2);
        push_integer(bytes, hundredths / 100);
        bytes.push(b'.');
        push_digits(bytes, hundredths % 100, 2);
        if style == Style::Dump && hundredths.is_multiple_of(10) {
            bytes.pop();
        }
    }

    pub(crate) fn text(&mut self, value: &str) {
        let style = self.style;
        let is_text = |kind| matches!(kind, ColumnType::Text | ColumnType::Varchar3 | ColumnType::Enum { .. });
        let bytes = self.begin(is_text);
        match style {
            Style::Copy => push_copy_text(bytes, value),
            Style::Compact | Style::Dump => push_json_text(bytes, value, style),
        }
    }

    pub(crate) fn text_or_null(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A date that the database keeps as text.
    pub(crate) fn date(&mut self, day: Day) {
        self.text(day.text());
    }

    pub(crate) fn timestamp(&mut self, instant: Instant) {
        let style = self.style;
        let bytes = self.begin(|kind| kind == ColumnType::Timestamp3);
        let (ms, seconds) = (instant.ms_of_day() % 1_000, instant.ms_of_day() / 1_000);
        if style != Style::Copy {
            bytes.push(b'"');
        }
        bytes.extend_from_slice(instant.day().text().as_bytes());
        bytes.push(b'T');
        push_digits(bytes, seconds / 3_600, 2);
        bytes.push(b':');
        push_digits(bytes, seconds / 60 % 60, 2);
        bytes.push(b':');
        push_digits(bytes, seconds % 60, 2);
        if ms > 0 {
            bytes.push(b'.');
            push_digits(bytes, ms, 3);
            match style {
                Style::Dump => bytes.extend_from_slice(b"000"),
                Style::Compact | Style::Copy => bytes.truncate(bytes.len() - trailing_zeros(ms)),
            }
        }
        if style != Style::Copy {
            bytes.push(b'"');
        }
    }

    /// Ends the row.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        debug_assert_eq!(self.prefixes.len(), self.column, "a column is missing");
        let end: &[u8] = if self.style == Style::Copy { b"\n" } else { b"}\n" };
        self.bytes.extend_from_slice(end);
        self.column = 0;
        self.rows += 1;
        if self.bytes.len() >= BUFFER_BYTES { self.hand_on() } else { Ok(()) }
    }

    /// Hands on what is left and tells how many rows were written.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.hand_on()?;
        self.output.flush()?;
        Ok(self.rows)
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.output.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

fn push_integer(bytes: &mut Vec<u8>, value: u64) {
    push_digits(bytes, value, value.checked_ilog10().map_or(1, |log| log as usize + 1));
}

fn push_digits(bytes: &mut Vec<u8>, mut value: u64, digits: usize) {
    let start = bytes.len();
    bytes.resize(start + digits, b'0');
    for byte in bytes[start..].iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn trailing_zeros(ms: u64) -> usize {
    usize::from(ms.is_multiple_of(10)) + usize::from(ms.is_multiple_of(100))
}

/// A tab would end the value, a line end the row, and a backslash starts an escape; all else stands for itself.
fn push_copy_text(bytes: &mut Vec<u8>, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'\\' => bytes.extend_from_slice(b"\\\\"),
            b'\t' => bytes.extend_from_slice(b"\\t"),
            b'\n' => bytes.extend_from_slice(b"\\n"),
            b'\r' => bytes.extend_from_slice(b"\\r"),
            _ => bytes.push(byte),
        }
    }
}

fn push_json_text(bytes: &mut Vec<u8>, value: &str, style: Style) {
    bytes.push(b'"');
    for character in value.chars() {
        match character {
            '"' => bytes.extend_from_slice(b"\\\""),
            '\\' => bytes.extend_from_slice(b"\\\\"),
            '\n' => bytes.extend_from_slice(b"\\n"),
            '\r' => bytes.extend_from_slice(b"\\r"),
            '\t' => bytes.extend_from_slice(b"\\t"),
            '\u{8}' => bytes.extend_from_slice(b"\\b"),
            '\u{c}' => bytes.extend_from_slice(b"\\f"),
            _ if character < ' ' || (style == Style::Dump && !character.is_ascii()) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    bytes.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
            _ if character.is_ascii() => bytes.push(character as u8),
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design_line(style: Style, ms: u64, name: &str) -> String {
        let mut bytes = Vec::new();
        let mut line = LineWriter::new(&mut bytes, Table::Design, style);
        line.integer(10);
        line.timestamp(Day(0).at_ms(ms));
        line.text(name);
        line.text("/");
        line.text("");
        line.timestamp(Day(1).at_ms(0));
        line.end().expect("memory takes any line");
        assert_eq!(1, line.finish().expect("memory takes any line"));
        String::from_utf8(bytes).expect("lines are UTF-8")
    }

    #[test]
    fn compact_keeps_utf8_and_strips_zeros() {
        let expected = "{\"design_id\":10,\"created_at\":\"2021-01-04T00:00:01.96\",\"design_name\":\"é\\\"\\\\\\t\\u0001😀\",\
                        \"file_location\":\"/\",\"file_name\":\"\",\"last_updated\":\"2021-01-05T00:00:00\"}\n";
        assert_eq!(expected, design_line(Style::Compact, 1_960, "é\"\\\t\u{1}😀"));
    }

    #[test]
    fn dump_escapes_and_keeps_six_digits() {
        let expected = "{\"design_id\": 10, \"created_at\": \"2021-01-04T00:00:01.960000\", \"design_name\": \"\\u00e9\\ud83d\\ude00\", \
             \"file_location\": \"/\", \"file_name\": \"\", \"last_updated\": \"2021-01-05T00:00:00\"}\n";
        assert_eq!(expected, design_line(Style::Dump, 1_960, "é😀"));
    }

    #[test]
    fn copy_escapes_what_ends_values_and_rows() {
        let expected = "10\t2021-01-04T00:00:01.96\té\"\\\\\\t\\n\u{1}\\r😀\t/\t\t2021-01-05T00:00:00\n";
        assert_eq!(expected, design_line(Style::Copy, 1_960, "é\"\\\t\n\u{1}\r😀"));
    }

    #[test]
    fn money_has_two_digits_or_those_of_a_float() {
        let money = |style, hundredths| {
            let mut line = LineWriter::new(Vec::new(), Table::Payment, style);
            line.column = 5;
            line.money(hundredths);
            String::from_utf8_lossy(&line.bytes).rsplit(':').next().map(|text| text.trim().to_owned())
        };
        for (hundredths, compact, dump) in [(340, "3.40", "3.4"), (400, "4.00", "4.0"), (5, "0.05", "0.05")] {
            assert_eq!(Some(compact.to_owned()), money(Style::Compact, hundredths));
            assert_eq!(Some(dump.to_owned()), money(Style::Dump, hundredths));
        }
    }
}
