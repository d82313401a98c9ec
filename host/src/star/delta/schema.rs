//! The columns of a star table as Delta's.

use super::TableVersion;
use crate::manifest::{ColumnType, Field, StarTable};
use delta_kernel::KernelResult;
use delta_kernel::schema::{DataType, MetadataValue, SchemaRef, StructField, StructType};
use std::sync::Arc;

/// What a table's columns lack to be those that a plugin makes, or what can't be changed in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaChange {
    /// New columns, which take nulls: earlier rows have none.
    pub(super) added: Vec<Field>,
    /// Columns that are to take nulls from now on.
    pub(super) nullable: Vec<String>,
    /// What can't be changed.
    pub problems: Vec<String>,
    /// The columns of the table, in words.
    pub found: String,
    /// The columns that the plugin makes, in words.
    pub expected: String,
}

/// The table as Delta can hold it: a time of day is text there, as `HH:MM:SS.ffffff`.
#[must_use]
pub fn in_delta(table: &StarTable) -> StarTable {
    let mut table = table.clone();
    for field in &mut table.fields {
        if field.column_type == ColumnType::Time {
            field.column_type = ColumnType::Utf8;
        }
    }
    table
}

pub(super) fn delta_schema(table: &StarTable) -> KernelResult<SchemaRef> {
    let fields = table.fields.iter().map(delta_field).collect::<KernelResult<Vec<_>>>()?;
    Ok(Arc::new(StructType::try_new(fields)?))
}

pub(super) fn delta_field(field: &Field) -> KernelResult<StructField> {
    let delta = StructField::new(&field.name, delta_type(field.column_type)?, field.nullable);
    let reference = field.references.as_ref().map(|reference| format!("{}.{}", reference.table, reference.field));
    let notes = [("comment", field.comment.clone()), ("star.references", reference)];
    let notes = notes.into_iter().filter_map(|(key, value)| Some((key, MetadataValue::String(value?))));
    Ok(delta.with_metadata(notes))
}

fn delta_type(column_type: ColumnType) -> KernelResult<DataType> {
    Ok(match column_type {
        ColumnType::Boolean => DataType::BOOLEAN,
        ColumnType::Int32 => DataType::INTEGER,
        ColumnType::Int64 => DataType::LONG,
        ColumnType::Float64 => DataType::DOUBLE,
        ColumnType::Decimal { precision, scale } => DataType::decimal(precision, scale)?,
        ColumnType::Date => DataType::DATE,
        ColumnType::Timestamp => DataType::TIMESTAMP,
        ColumnType::Time | ColumnType::Utf8 => DataType::STRING,
    })
}

impl TableVersion {
    /// Holds the columns of `expected` against those of the table.
    ///
    /// # Errors
    /// What the kernel says of a type.
    pub(super) fn schema_change(&self, expected: &StarTable) -> KernelResult<SchemaChange> {
        let found = self.snapshot.schema();
        let wanted = delta_schema(expected)?;
        let mut change = SchemaChange { found: words(&found), expected: words(&wanted), ..SchemaChange::default() };
        for (field, delta) in expected.fields.iter().zip(wanted.fields()) {
            let name = &field.name;
            match found.field(name) {
                None if field.nullable => change.added.push(field.clone()),
                None => change
                    .problems
                    .push(format!("the column `{name}` is new and takes no nulls, and earlier rows have none")),
                Some(old) if old.data_type() != delta.data_type() => change.problems.push(format!(
                    "the column `{name}` is {}, and would be {}",
                    old.data_type(),
                    delta.data_type()
                )),
                Some(old) if field.nullable && !old.is_nullable() => change.nullable.push(name.clone()),
                Some(_) => {}
            }
        }
        for old in found.fields().filter(|old| wanted.field(old.name()).is_none()) {
            change.problems.push(format!("the column `{}` is gone", old.name()));
        }
        Ok(change)
    }
}

impl SchemaChange {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.nullable.is_empty() && self.problems.is_empty()
    }
}

/// `id integer not null, name string`.
fn words(schema: &StructType) -> String {
    let word = |field: &StructField| {
        let null = if field.is_nullable() { "" } else { " not null" };
        format!("{} {}{null}", field.name(), field.data_type())
    };
    schema.fields().map(word).collect::<Vec<_>>().join(", ")
}
