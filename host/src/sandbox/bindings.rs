//! The contract's types, as `wasmtime` makes them, and what they mean to the host.

use crate::manifest;

#[allow(missing_docs, reason = "generated; `wit/` documents every item")]
#[allow(clippy::all, unreachable_pub, reason = "generated")]
mod generated {
    wasmtime::component::bindgen!({ path: "../wit", world: "transform" });
}

pub(super) use generated::star::transform::log;
pub(super) use generated::star::transform::types::{self, Context};
pub(super) use generated::{Transform, TransformPre};

impl From<types::ColumnType> for manifest::ColumnType {
    fn from(column_type: types::ColumnType) -> Self {
        match column_type {
            types::ColumnType::Boolean => Self::Boolean,
            types::ColumnType::Int32 => Self::Int32,
            types::ColumnType::Int64 => Self::Int64,
            types::ColumnType::Float64 => Self::Float64,
            types::ColumnType::Decimal(types::DecimalType { precision, scale }) => Self::Decimal { precision, scale },
            types::ColumnType::Date => Self::Date,
            types::ColumnType::Time => Self::Time,
            types::ColumnType::Timestamp => Self::Timestamp,
            types::ColumnType::Utf8 => Self::Utf8,
        }
    }
}

impl From<types::SourceColumn> for manifest::SourceColumn {
    fn from(column: types::SourceColumn) -> Self {
        Self { name: column.name, column_type: column.type_.into(), nullable: column.nullable }
    }
}

impl From<types::Lookup> for manifest::Lookup {
    fn from(lookup: types::Lookup) -> Self {
        Self {
            table: lookup.table,
            source_column: lookup.source_column,
            key: lookup.key,
            columns: lookup.columns.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<types::Field> for manifest::Field {
    fn from(field: types::Field) -> Self {
        let references = field.references.map(|types::Reference { table, field }| manifest::Reference { table, field });
        Self {
            name: field.name,
            column_type: field.type_.into(),
            nullable: field.nullable,
            references,
            comment: field.comment,
        }
    }
}

impl From<types::StarTable> for manifest::StarTable {
    fn from(table: types::StarTable) -> Self {
        let kind = match table.kind {
            types::StarKind::Fact => manifest::StarKind::Fact,
            types::StarKind::Dimension => manifest::StarKind::Dimension,
        };
        let fields = table.fields.into_iter().map(Into::into).collect();
        Self { name: table.name, kind, key: table.key, fields, comment: table.comment }
    }
}

impl From<types::Manifest> for manifest::Manifest {
    fn from(manifest: types::Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            source_table: manifest.source_table,
            source_columns: manifest.source_columns.into_iter().map(Into::into).collect(),
            lookups: manifest.lookups.into_iter().map(Into::into).collect(),
            star_tables: manifest.star_tables.into_iter().map(Into::into).collect(),
        }
    }
}
