//! Star rows, and the tables that they are collected in.

use crate::bindings::star::transform::types::{self, Column, StarTable};

/// A row of a star table; derive it.
///
/// Each field is a column, with a type of [`crate::column::StarValue`]; `Option` makes it nullable. The struct's and the
/// fields' doc comments become the comments of the table and its columns. Container attributes: `#[star(fact)]` or
/// `#[star(dimension)]`, `key = "a, b"`, and `table = "..."` where the table is not the struct's name in snake_case. Field
/// attributes: `#[star(references = "table.field")]` and `#[star(rename = "...")]`.
pub trait Star {
    /// What collects the rows: the same for each lifetime that the row's texts have.
    type Columns: Default;
    /// The row with texts that live for ever. It names the rows of a call, each of which borrows from its own line.
    type Static: Star<Columns = Self::Columns>;

    /// The table for the manifest.
    fn star_table() -> StarTable;
    /// Makes room for `rows` rows.
    fn reserve(columns: &mut Self::Columns, rows: usize);
    /// Adds the row.
    fn append(self, columns: &mut Self::Columns);
    /// Hands the columns over.
    fn finish(columns: Self::Columns) -> Vec<Column>;
}

/// What a transform function returns for a line: a [`Star`] row, an `Option` or a `Vec` of them, or a tuple of these.
pub trait Rows {
    /// What collects the rows.
    type Columns: Collect;

    /// The tables for the manifest.
    fn star_tables() -> Vec<StarTable>;
    /// Adds the rows of the line with index `line`.
    fn append(self, columns: &mut Self::Columns, line: u32);
}

/// Collects the rows of one call.
pub trait Collect: Default {
    /// Makes room for the rows of `lines` lines.
    fn reserve(&mut self, lines: usize);
    /// Hands the rows over, a table each.
    fn finish(self) -> Vec<types::Rows>;
}

/// The rows of one star table, exactly one a line.
pub struct OneToOne<S: Star> {
    columns: S::Columns,
    count: u32,
}

/// The rows of one star table, any number a line.
pub struct OneToMany<S: Star> {
    rows: OneToOne<S>,
    lines: Vec<u32>,
}

impl<S: Star> Default for OneToOne<S> {
    fn default() -> Self {
        Self { columns: S::Columns::default(), count: 0 }
    }
}

impl<S: Star> Default for OneToMany<S> {
    fn default() -> Self {
        Self { rows: OneToOne::default(), lines: Vec::new() }
    }
}

impl<S: Star> OneToOne<S> {
    #[inline(always)]
    fn append(&mut self, row: impl Star<Columns = S::Columns>) {
        row.append(&mut self.columns);
        self.count += 1;
    }
}

impl<S: Star> OneToMany<S> {
    fn append(&mut self, row: impl Star<Columns = S::Columns>, line: u32) {
        self.rows.append(row);
        self.lines.push(line);
    }
}

impl<S: Star> Collect for OneToOne<S> {
    fn reserve(&mut self, lines: usize) {
        S::reserve(&mut self.columns, lines);
    }

    fn finish(self) -> Vec<types::Rows> {
        vec![types::Rows { count: self.count, columns: S::finish(self.columns), lines: None }]
    }
}

impl<S: Star> Collect for OneToMany<S> {
    fn reserve(&mut self, _lines: usize) {}

    fn finish(self) -> Vec<types::Rows> {
        let lines = Some(self.lines);
        self.rows.finish().into_iter().map(|rows| types::Rows { lines: lines.clone(), ..rows }).collect()
    }
}

/// Adds the row of a line that makes exactly one, for the code that `derive(Star)` makes.
#[doc(hidden)]
#[inline(always)]
pub fn append_one<S: Star>(row: S, columns: &mut OneToOne<S::Static>) {
    columns.append(row);
}

impl<S: Star> Rows for Option<S> {
    type Columns = OneToMany<S::Static>;

    fn star_tables() -> Vec<StarTable> {
        vec![S::star_table()]
    }

    fn append(self, columns: &mut Self::Columns, line: u32) {
        if let Some(row) = self {
            columns.append(row, line);
        }
    }
}

impl<S: Star> Rows for Vec<S> {
    type Columns = OneToMany<S::Static>;

    fn star_tables() -> Vec<StarTable> {
        vec![S::star_table()]
    }

    fn append(self, columns: &mut Self::Columns, line: u32) {
        for row in self {
            columns.append(row, line);
        }
    }
}

macro_rules! tuples {
    ($($part:ident: $index:tt),+) => {
        impl<$($part: Rows),+> Rows for ($($part,)+) {
            type Columns = ($($part::Columns,)+);

            fn star_tables() -> Vec<StarTable> {
                [$($part::star_tables()),+].concat()
            }

            fn append(self, columns: &mut Self::Columns, line: u32) {
                $(self.$index.append(&mut columns.$index, line);)+
            }
        }

        impl<$($part: Collect),+> Collect for ($($part,)+) {
            fn reserve(&mut self, lines: usize) {
                $(self.$index.reserve(lines);)+
            }

            fn finish(self) -> Vec<types::Rows> {
                let mut tables = Vec::new();
                $(tables.extend(self.$index.finish());)+
                tables
            }
        }
    };
}

tuples!(A: 0, B: 1);
tuples!(A: 0, B: 1, C: 2);
tuples!(A: 0, B: 1, C: 2, D: 3);
