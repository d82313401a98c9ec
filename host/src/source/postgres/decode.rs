//! Rows of a binary COPY as lines.

use super::discover::PostgresTable;
use super::types::Decoder;
use crate::packet::values::EPOCH_MICROS;
use crate::source::{LAST_UPDATED, RowBatch, SourceError};
use crate::state::{KeyColumn, encode_integer, encode_number, encode_text};
use std::borrow::Cow;

/// What a binary COPY begins with.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Reads the rows of one table.
pub(super) struct RowDecoder<'a> {
    table: &'a PostgresTable,
    columns: Vec<Column<'a>>,
    /// Each column of the key with its place among the columns.
    key: Vec<(usize, KeyColumn)>,
    /// Where the values of a row stand that belong to its key: in its bytes, or in its line.
    parts: Vec<Part>,
    /// Whether rows are expected in the order of their keys' bytes, and the last one. Those of a key that is not unique come
    /// in some order, so that equal ones follow one another.
    is_ordered: bool,
    last_key: Vec<u8>,
    is_begun: bool,
    is_ended: bool,
}

struct Column<'a> {
    /// What stands before the value: a brace or a comma, and the name.
    prefix: Vec<u8>,
    decoder: &'a Decoder,
    is_key: bool,
    is_last_updated: bool,
}

#[derive(Clone, Copy, Default)]
struct Part {
    column: usize,
    /// The value in the row.
    value: (usize, usize),
    /// The value in the line.
    text: (usize, usize),
}

impl<'a> RowDecoder<'a> {
    pub(super) fn new(table: &'a PostgresTable, is_ordered: bool) -> Self {
        let column = |(index, column): (usize, &'a super::discover::PostgresColumn)| {
            let mut prefix = vec![if index == 0 { b'{' } else { b',' }];
            crate::packet::values::write_text(column.name.as_bytes(), &mut prefix);
            prefix.push(b':');
            let is_moment = matches!(column.decoder, Decoder::Timestamp | Decoder::TimestampTz);
            Column {
                prefix,
                decoder: &column.decoder,
                is_key: table.table.key.contains(&column.name),
                is_last_updated: is_moment && column.name == LAST_UPDATED,
            }
        };
        let columns: Vec<Column<'a>> = table.columns.iter().enumerate().map(column).collect();
        let place = |name: &String| table.columns.iter().position(|column| column.name == *name);
        let layout = table.table.layout();
        let key = layout.columns().iter().filter_map(|part| Some((place(&part.name)?, part.clone()))).collect();
        let (parts, last_key) = (Vec::new(), Vec::new());
        Self { table, columns, key, parts, is_ordered, last_key, is_begun: false, is_ended: false }
    }

    /// Reads what one message holds: the head, a row, the end, or several of them.
    pub(super) fn decode(&mut self, message: &[u8], batch: &mut RowBatch) -> Result<(), SourceError> {
        let mut rest = message;
        if !self.is_begun {
            rest = self.begin(rest)?;
        }
        while !rest.is_empty() {
            let (fields, values) = rest.split_first_chunk().ok_or_else(|| self.broken("a row is cut off"))?;
            match usize::try_from(i16::from_be_bytes(*fields)) {
                Err(_) => {
                    self.is_ended = true;
                    return Ok(());
                }
                Ok(fields) if fields == self.columns.len() => rest = self.decode_row(values, batch)?,
                Ok(_) => return Err(self.broken("a row has another number of columns than the table")),
            }
        }
        Ok(())
    }

    /// Whether all has come.
    pub(super) fn end(&self) -> Result<(), SourceError> {
        if self.is_ended { Ok(()) } else { Err(self.broken("the rows end too early")) }
    }

    fn begin<'b>(&mut self, message: &'b [u8]) -> Result<&'b [u8], SourceError> {
        let head = message.strip_prefix(SIGNATURE).and_then(|rest| rest.split_first_chunk::<8>());
        let (head, rest) = head.ok_or_else(|| self.broken("it does not begin as a binary COPY"))?;
        let [_, _, _, _, extension @ ..] = head;
        let extension = usize::try_from(u32::from_be_bytes(*extension)).unwrap_or(usize::MAX);
        self.is_begun = true;
        rest.get(extension..).ok_or_else(|| self.broken("its head is cut off"))
    }

    fn decode_row<'b>(&mut self, row: &'b [u8], batch: &mut RowBatch) -> Result<&'b [u8], SourceError> {
        let mut at = 0;
        self.parts.clear();
        for (index, column) in self.columns.iter().enumerate() {
            let length = row.get(at..at + 4).and_then(|length| length.first_chunk());
            let length = i32::from_be_bytes(*length.ok_or_else(|| self.broken("a row is cut off"))?);
            at += 4;
            batch.lines.extend_from_slice(&column.prefix);
            let start = batch.lines.len();
            let Ok(length) = usize::try_from(length) else {
                batch.lines.extend_from_slice(b"null");
                continue;
            };
            let value = row.get(at..at + length).ok_or_else(|| self.broken("a row is cut off"))?;
            if let Err(malformed) = column.decoder.write(value, &mut batch.lines) {
                return Err(self.malformed(index, malformed.0));
            }
            if column.is_key {
                self.parts.push(Part { column: index, value: (at, at + length), text: (start, batch.lines.len()) });
            }
            if column.is_last_updated {
                // Infinite ones count as no moment.
                let micros = value.try_into().map(i64::from_be_bytes).ok().filter(|micros| *micros < i64::MAX);
                batch.newest = batch.newest.max(micros.and_then(|micros| micros.checked_add(EPOCH_MICROS)));
            }
            at += length;
        }
        batch.lines.push(b'}');
        self.write_key(row, batch)?;
        batch.seal_line();
        Ok(&row[at..])
    }

    fn write_key(&mut self, row: &[u8], batch: &mut RowBatch) -> Result<(), SourceError> {
        for (index, column) in &self.key {
            let Some(part) = self.parts.iter().find(|part| part.column == *index) else {
                let (table, column) = (self.table.table.name.clone(), &self.table.columns[*index].name);
                return Err(SourceError::BadKey { table, reason: format!("`{column}` is null in a row") });
            };
            let value = &row[part.value.0..part.value.1];
            let key = batch.keys.buffer();
            let text = &batch.lines[part.text.0..part.text.1];
            let is_bare = !column.is_quoted || !text.starts_with(b"\"");
            if column.is_integer {
                encode_integer(integer(value), key);
            } else if column.is_number {
                encode_number(text, key);
            } else if *self.columns[*index].decoder == Decoder::Text {
                encode_text(value, key);
            } else if is_bare {
                encode_text(text, key);
            } else if let Ok(text) = serde_json::from_slice::<Cow<'_, str>>(text) {
                encode_text(text.as_bytes(), key);
            }
        }
        batch.keys.seal();
        if self.is_ordered || !self.table.is_key_unique {
            let key = batch.keys.last().unwrap_or_default();
            let order = self.last_key[..].cmp(key);
            if order.is_eq() || self.is_ordered && order.is_gt() {
                return Err(self.out_of_order(key));
            }
            self.last_key.clear();
            self.last_key.extend_from_slice(key);
        }
        Ok(())
    }

    fn out_of_order(&self, key: &[u8]) -> SourceError {
        let table = self.table.table.name.clone();
        if *key == self.last_key && !self.table.is_key_unique {
            let reason = format!("two rows have the same one, {}", self.table.table.layout().to_json(key));
            return SourceError::BadKey { table, reason };
        }
        SourceError::Unordered { table }
    }

    #[cold]
    fn broken(&self, reason: &str) -> SourceError {
        SourceError::Decode { table: self.table.table.name.clone(), column: "*".to_owned(), reason: reason.to_owned() }
    }

    #[cold]
    fn malformed(&self, column: usize, reason: &str) -> SourceError {
        let (table, column) = (self.table.table.name.clone(), self.table.columns[column].name.clone());
        SourceError::Decode { table, column, reason: reason.to_owned() }
    }
}

/// A whole number of 2, 4 or 8 bytes; the decoder has seen to the size.
fn integer(value: &[u8]) -> i64 {
    match *value {
        [a, b] => i16::from_be_bytes([a, b]).into(),
        [a, b, c, d] => i32::from_be_bytes([a, b, c, d]).into(),
        _ => value.try_into().map_or(0, i64::from_be_bytes),
    }
}
