//! What a table's log says of the table itself, for those who work on tables whoever makes them.

use super::{TableError, TableVersion};
use crate::manifest::{ColumnType, Field, StarKind, StarTable};
use delta_kernel::schema::{DataType, PrimitiveType, StructField};

impl TableVersion {
    /// Whether it is a table of facts or a dimension; `None` if the host has not made it.
    #[must_use]
    pub fn kind(&self) -> Option<StarKind> {
        match self.property("star.kind")? {
            "fact" => Some(StarKind::Fact),
            "dimension" => Some(StarKind::Dimension),
            _ => None,
        }
    }

    /// The table with the columns that its files have now, without what is said of them.
    ///
    /// # Errors
    /// [`TableError::Log`] if the host has not made it.
    pub fn star_table(&self) -> Result<StarTable, TableError> {
        let failed = |reason: String| TableError::Log {
            action: "read the columns of",
            table: self.name.clone(),
            source: reason.into(),
        };
        let fields = self.snapshot.schema().fields().map(field).collect::<Result<_, _>>().map_err(failed)?;
        let kind = self.kind().ok_or_else(|| failed("it does not say what kind of table it is".to_owned()))?;
        let key = self.property("star.key").unwrap_or_default().split(',').filter(|name| !name.is_empty());
        Ok(StarTable { name: self.name.clone(), kind, key: key.map(str::to_owned).collect(), fields, comment: None })
    }
}

fn field(delta: &StructField) -> Result<Field, String> {
    let column_type = column_type(delta.data_type())
        .ok_or_else(|| format!("no plugin makes a column like `{}`: {}", delta.name(), delta.data_type()))?;
    Ok(Field {
        name: delta.name().to_owned(),
        column_type,
        nullable: delta.is_nullable(),
        references: None,
        comment: None,
    })
}

fn column_type(delta: &DataType) -> Option<ColumnType> {
    let DataType::Primitive(primitive) = delta else { return None };
    Some(match primitive {
        PrimitiveType::Boolean => ColumnType::Boolean,
        PrimitiveType::Integer => ColumnType::Int32,
        PrimitiveType::Long => ColumnType::Int64,
        PrimitiveType::Double => ColumnType::Float64,
        PrimitiveType::Decimal(decimal) => {
            ColumnType::Decimal { precision: decimal.precision(), scale: decimal.scale() }
        }
        PrimitiveType::Date => ColumnType::Date,
        PrimitiveType::Timestamp => ColumnType::Timestamp,
        PrimitiveType::String => ColumnType::Utf8,
        _ => return None,
    })
}
