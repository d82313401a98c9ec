//! The rows that two versions made of one chunk.

use super::cells::{pack, packed_json, unpack};
use super::leftover::{Leftover, PackedRows, Side};
use super::report::{CellSample, RejectSample};
use crate::columns::{Column, ColumnValues, cell_json};
use crate::input::Chunk;
use crate::manifest::{ColumnType, Field, StarTable};
use crate::reject::Reject;
use crate::sandbox::{Isolated, Usage};
use std::collections::BTreeMap;

/// How many samples of a kind are kept.
pub(super) const SAMPLES_MAX: usize = 5;

/// A star table that both versions make.
pub(super) struct TablePlan {
    pub(super) name: String,
    /// Its index in each manifest.
    old: usize,
    new: usize,
    /// The names of the key's fields; none where rows are paired by their lines.
    pub(super) key: Vec<String>,
    key_columns: Vec<CommonColumn>,
    /// The fields of both that are not in the key.
    pub(super) columns: Vec<CommonColumn>,
}

/// A field of both.
pub(super) struct CommonColumn {
    pub(super) name: String,
    old: usize,
    new: usize,
    pub(super) old_type: ColumnType,
    pub(super) new_type: ColumnType,
}

impl TablePlan {
    /// How to compare `old`, which is the table with the index `old_index` of its manifest, with `new`.
    pub(super) fn new(old_index: usize, old: &StarTable, new_index: usize, new: &StarTable) -> Self {
        let common = |field: &Field| {
            let at = |table: &StarTable| table.fields.iter().position(|other| other.name == field.name);
            let (old_at, new_at) = (at(old)?, at(new)?);
            Some(CommonColumn {
                name: field.name.clone(),
                old: old_at,
                new: new_at,
                old_type: old.fields[old_at].column_type,
                new_type: new.fields[new_at].column_type,
            })
        };
        let (key_columns, columns): (Vec<_>, Vec<_>) = new
            .fields
            .iter()
            .filter_map(common)
            .partition(|column| old.key == new.key && old.key.contains(&column.name));
        let key = key_columns.iter().map(|column| column.name.clone()).collect();
        Self { name: new.name.clone(), old: old_index, new: new_index, key, key_columns, columns }
    }

    /// Whether rows are paired by the bytes of their keys; else by a text, as the types of the keys differ or there is none.
    fn key_is_packed(&self) -> bool {
        !self.key.is_empty() && self.key_columns.iter().all(|column| column.old_type == column.new_type)
    }

    /// The key of a row without a pair, for people.
    pub(super) fn key_text(&self, key: &[u8]) -> String {
        if !self.key_is_packed() {
            return String::from_utf8_lossy(key).into_owned();
        }
        let parts = self.key_columns.iter().zip(unpack(key));
        let parts = parts.map(|(column, value)| format!("{}={}", column.name, packed_json(value, column.new_type)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// How the rows of a table differ in a chunk.
#[derive(Default)]
pub(super) struct TableChunk {
    pub(super) old_rows: u64,
    pub(super) new_rows: u64,
    pub(super) same: u64,
    pub(super) changed: u64,
    /// For each common column, in how many rows it differs, and the first of them.
    pub(super) columns: Vec<(u64, Vec<CellSample>)>,
    /// Rows whose line has no row with the same key on the other side.
    pub(super) leftovers: PackedRows,
}

/// How a chunk differs.
pub(super) struct ChunkDiff {
    pub(super) tables: Vec<TableChunk>,
    pub(super) rejects: RejectChunk,
    pub(super) records: u64,
    pub(super) input_end: u64,
    pub(super) usage: [Usage; 2],
}

/// How the rejects of a chunk differ.
#[derive(Default)]
pub(super) struct RejectChunk {
    pub(super) new: u64,
    pub(super) vanished: u64,
    pub(super) changed: u64,
    pub(super) groups: BTreeMap<(String, Option<String>), [u64; 2]>,
    pub(super) samples: Vec<RejectSample>,
}

/// An input: its index among all, and what it is called.
#[derive(Clone, Copy)]
pub(super) struct InputName<'a> {
    pub(super) index: u32,
    pub(super) name: &'a str,
}

/// Compares what two versions made of `chunk`.
pub(super) fn compare(
    plans: &[TablePlan],
    input: InputName<'_>,
    chunk: &Chunk,
    old: Isolated,
    new: Isolated,
) -> ChunkDiff {
    let tables = plans.iter().map(|plan| Comparison { plan, input, chunk, old: &old, new: &new }.table()).collect();
    ChunkDiff {
        tables,
        rejects: rejects(input.name, chunk, &old.rejects, &new.rejects),
        records: u64::from(chunk.lines),
        input_end: chunk.input_end,
        usage: [old.usage, new.usage],
    }
}

/// A row: its line, its part and its index there.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    part: usize,
    row: usize,
}

struct Comparison<'a> {
    plan: &'a TablePlan,
    input: InputName<'a>,
    chunk: &'a Chunk,
    old: &'a Isolated,
    new: &'a Isolated,
}

impl Comparison<'_> {
    fn table(&self) -> TableChunk {
        let old = places(self.old, self.plan.old);
        let new = places(self.new, self.plan.new);
        let mut table = TableChunk {
            old_rows: old.len() as u64,
            new_rows: new.len() as u64,
            columns: self.plan.columns.iter().map(|_| (0, Vec::new())).collect(),
            ..TableChunk::default()
        };
        let pairs = self.pair(&old, &new, &mut table.leftovers);
        let mut differs = vec![false; pairs.len()];
        for (column, (count, samples)) in self.plan.columns.iter().zip(&mut table.columns) {
            for (differs, pair) in differs.iter_mut().zip(&pairs) {
                if self.is_same(column, *pair) {
                    continue;
                }
                *differs = true;
                *count += 1;
                if samples.len() < SAMPLES_MAX {
                    samples.push(self.sample(column, *pair));
                }
            }
        }
        table.changed = differs.iter().filter(|differs| **differs).count() as u64;
        table.same = pairs.len() as u64 - table.changed;
        table
    }

    /// Pairs the rows of each line by their key, in their order; the others are left over.
    fn pair(&self, old: &[Place], new: &[Place], leftovers: &mut PackedRows) -> Vec<(Place, Place)> {
        let mut pairs = Vec::with_capacity(new.len());
        let (mut old_at, mut new_at) = (0, 0);
        while old_at < old.len() || new_at < new.len() {
            let line = match (old.get(old_at), new.get(new_at)) {
                (Some(old), Some(new)) => old.line.min(new.line),
                (Some(place), None) | (None, Some(place)) => place.line,
                (None, None) => break,
            };
            let of_line = |places: &[Place]| places.iter().take_while(|place| place.line == line).count();
            let old_of_line = &old[old_at..old_at + of_line(&old[old_at..])];
            let new_of_line = &new[new_at..new_at + of_line(&new[new_at..])];
            old_at += old_of_line.len();
            new_at += new_of_line.len();
            if let ([old], [new]) = (old_of_line, new_of_line)
                && self.has_same_key((*old, *new))
            {
                // Nearly every line.
                pairs.push((*old, *new));
                continue;
            }
            let mut unpaired: Vec<_> = new_of_line.iter().map(Some).collect();
            for place in old_of_line {
                let other = unpaired.iter_mut().find(|new| new.is_some_and(|new| self.has_same_key((*place, *new))));
                match other.and_then(Option::take) {
                    Some(new) => pairs.push((*place, *new)),
                    None => self.leave(Side::Old, *place, leftovers),
                }
            }
            unpaired.into_iter().flatten().for_each(|place| self.leave(Side::New, *place, leftovers));
        }
        pairs
    }

    fn has_same_key(&self, pair: (Place, Place)) -> bool {
        self.plan.key_columns.iter().all(|column| self.is_same(column, pair))
    }

    fn is_same(&self, column: &CommonColumn, (old, new): (Place, Place)) -> bool {
        let (old_column, old_type) = self.column(Side::Old, column, old);
        let (new_column, new_type) = self.column(Side::New, column, new);
        match (old_column.is_null(old.row), new_column.is_null(new.row)) {
            (true, true) => return true,
            (false, false) => {}
            _ => return false,
        }
        if old_type == new_type {
            return is_same_value(&old_column.values, old.row, &new_column.values, new.row);
        }
        is_same_text(&cell_json(old_column, old_type, old.row), &cell_json(new_column, new_type, new.row))
    }

    /// The column of the part that a row stands in, and its type.
    fn column(&self, side: Side, column: &CommonColumn, place: Place) -> (&Column, ColumnType) {
        let (isolated, table, index, column_type) = match side {
            Side::Old => (self.old, self.plan.old, column.old, column.old_type),
            Side::New => (self.new, self.plan.new, column.new, column.new_type),
        };
        (&isolated.parts[place.part].tables[table].columns[index], column_type)
    }

    fn sample(&self, column: &CommonColumn, (old, new): (Place, Place)) -> CellSample {
        CellSample {
            input: self.input.name.to_owned(),
            line: self.chunk.line_number(new.line),
            row: self.key_text(Side::New, new),
            old: self.cell(Side::Old, column, old),
            new: self.cell(Side::New, column, new),
        }
    }

    fn cell(&self, side: Side, column: &CommonColumn, place: Place) -> String {
        let (values, column_type) = self.column(side, column, place);
        cell_json(values, column_type, place.row)
    }

    /// The key, for people; the number of the line where rows are paired by that.
    fn key_text(&self, side: Side, place: Place) -> String {
        if self.plan.key_columns.is_empty() {
            return format!("line {}", self.chunk.line_number(place.line));
        }
        let part = |column: &CommonColumn| format!("{}={}", column.name, self.cell(side, column, place));
        self.plan.key_columns.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    /// Leaves a row without a pair for later.
    fn leave(&self, side: Side, place: Place, leftovers: &mut PackedRows) {
        let packed = |common: &[CommonColumn]| {
            let mut cells = Vec::new();
            common.iter().for_each(|column| pack(&mut cells, self.column(side, column, place).0, place.row));
            cells
        };
        let line = self.chunk.line_number(place.line);
        let key = match self.plan.key_is_packed() {
            true => packed(&self.plan.key_columns),
            false if self.plan.key_columns.is_empty() => {
                format!("line {line} of input {}", self.input.index + 1).into()
            }
            false => self.key_text(side, place).into(),
        };
        leftovers.add(&Leftover {
            side,
            place: (self.input.index, line),
            key: &key,
            cells: &packed(&self.plan.columns),
        });
    }
}

/// All rows of the table with the index `table`, in the order of their lines.
fn places(isolated: &Isolated, table: usize) -> Vec<Place> {
    let rows = |(part, transformed): (usize, &crate::sandbox::Transformed)| {
        let lines = transformed.row_lines(table, &isolated.rejects);
        lines.into_iter().enumerate().map(move |(row, line)| Place { line, part, row }).collect::<Vec<_>>()
    };
    isolated.parts.iter().enumerate().flat_map(rows).collect()
}

fn is_same_value(old: &ColumnValues, old_row: usize, new: &ColumnValues, new_row: usize) -> bool {
    match (old, new) {
        (ColumnValues::Int32(old), ColumnValues::Int32(new)) | (ColumnValues::Date(old), ColumnValues::Date(new)) => {
            old[old_row] == new[new_row]
        }
        (ColumnValues::Int64(old), ColumnValues::Int64(new))
        | (ColumnValues::Decimal64(old), ColumnValues::Decimal64(new))
        | (ColumnValues::Time(old), ColumnValues::Time(new))
        | (ColumnValues::Timestamp(old), ColumnValues::Timestamp(new)) => old[old_row] == new[new_row],
        // NaN is the same as NaN, and 0 is not -0: what is written would differ.
        (ColumnValues::Float64(old), ColumnValues::Float64(new)) => old[old_row].to_bits() == new[new_row].to_bits(),
        (ColumnValues::Decimal128(old), ColumnValues::Decimal128(new)) => old[old_row] == new[new_row],
        (ColumnValues::Boolean(old), ColumnValues::Boolean(new)) => {
            Column::bit(old, old_row) == Column::bit(new, new_row)
        }
        (
            ColumnValues::Utf8 { offsets: old_offsets, bytes: old },
            ColumnValues::Utf8 { offsets: new_offsets, bytes: new },
        ) => text(old_offsets, old, old_row) == text(new_offsets, new, new_row),
        _ => false,
    }
}

fn text<'a>(offsets: &[i32], bytes: &'a [u8], row: usize) -> &'a [u8] {
    &bytes[offsets[row] as usize..offsets[row + 1] as usize]
}

/// Whether two values of different types are written the same, zeros at the end of a fraction apart.
pub(super) fn is_same_text(old: &str, new: &str) -> bool {
    let plain = |text: &str| match text.contains('.') && !text.contains(['"', 'e', 'E']) {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    plain(old) == plain(new)
}

fn rejects(input: &str, chunk: &Chunk, old: &[Reject], new: &[Reject]) -> RejectChunk {
    let mut diff = RejectChunk::default();
    let mut by_line: BTreeMap<u64, [Option<&Reject>; 2]> = BTreeMap::new();
    for (side, rejects) in [old, new].into_iter().enumerate() {
        for reject in rejects {
            diff.groups.entry((reject.code.clone(), reject.column.clone())).or_default()[side] += 1;
            by_line.entry(reject.line).or_default()[side] = Some(reject);
        }
    }
    for (line, [old, new]) in by_line {
        match (old, new) {
            (Some(old), Some(new)) if (&old.code, &old.column) == (&new.code, &new.column) => continue,
            (Some(_), Some(_)) => diff.changed += 1,
            (Some(_), None) => diff.vanished += 1,
            (None, _) => diff.new += 1,
        }
        if diff.samples.len() < SAMPLES_MAX {
            let said = |reject: Option<&Reject>| {
                reject.map(|reject| match &reject.column {
                    Some(column) => format!("{} {column}: {}", reject.code, reject.message),
                    None => format!("{}: {}", reject.code, reject.message),
                })
            };
            let line = chunk.line_number(line);
            diff.samples.push(RejectSample { input: input.to_owned(), line, old: said(old), new: said(new) });
        }
    }
    diff
}
