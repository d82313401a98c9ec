//! What a plugin says of itself, put together from its types.

use crate::bindings::star::transform::types::{Field, Manifest, Reference, SourceColumn, StarKind, StarTable};
use crate::column::StarValue;
use crate::source::Source;
use crate::star::Rows;
use crate::value::Value;

/// The manifest of a plugin that reads `S` and makes `R`.
#[must_use]
pub fn manifest<S: Source, R: Rows>(name: &str, version: &str) -> Manifest {
    Manifest {
        name: name.to_owned(),
        version: version.to_owned(),
        source_table: S::TABLE.to_owned(),
        source_columns: S::source_columns(),
        lookups: S::lookups(),
        star_tables: R::star_tables(),
    }
}

/// A column of a source struct, for the code that `derive(Source)` makes.
#[doc(hidden)]
#[must_use]
pub fn source_column<'a, T: Value<'a>>(name: &str) -> Option<SourceColumn> {
    Some(SourceColumn { name: name.to_owned(), type_: T::column_type()?, nullable: T::NULLABLE })
}

/// A field of a star struct, for the code that `derive(Star)` makes; `references` is `table.field`.
#[doc(hidden)]
#[must_use]
pub fn field<T: StarValue>(name: &str, references: Option<(&str, &str)>, comment: &str) -> Field {
    Field {
        name: name.to_owned(),
        type_: T::column_type(),
        nullable: T::NULLABLE,
        references: references.map(|(table, field)| Reference { table: table.to_owned(), field: field.to_owned() }),
        comment: comment_of(comment),
    }
}

/// A star table, for the code that `derive(Star)` makes.
#[doc(hidden)]
#[must_use]
pub fn star_table(name: &str, is_fact: bool, key: &[&str], fields: Vec<Field>, comment: &str) -> StarTable {
    StarTable {
        name: name.to_owned(),
        kind: if is_fact { StarKind::Fact } else { StarKind::Dimension },
        key: key.iter().map(|&name| name.to_owned()).collect(),
        fields,
        comment: comment_of(comment),
    }
}

fn comment_of(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
