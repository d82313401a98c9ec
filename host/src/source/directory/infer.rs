//! Types of columns, from the values that they hold.

use crate::packet::SourceColumn;
use crate::packet::line::{Members, timestamp_micros};

/// What the rows that were seen say of the columns.
#[derive(Debug, Default)]
pub(super) struct Inference {
    rows: u64,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: Option<Kind>,
    values: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Integer,
    BigInteger,
    Numeric,
    Boolean,
    Timestamp,
    Text,
    Json,
}

impl Inference {
    pub(super) fn add(&mut self, members: &Members<'_>) {
        self.rows += 1;
        for (index, (name, value)) in members.iter().enumerate() {
            // Mostly each line has the columns of the one before.
            let known = self.columns.get(index).filter(|column| column.name == name).map(|_| index);
            let known = known.or_else(|| self.columns.iter().position(|column| column.name == name));
            let index = known.unwrap_or_else(|| {
                self.columns.push(Column { name: name.to_owned(), kind: None, values: 0 });
                self.columns.len() - 1
            });
            if value != "null" {
                let column = &mut self.columns[index];
                column.values += 1;
                column.kind = Some(column.kind.map_or_else(|| Kind::of(value), |kind| kind.with(Kind::of(value))));
            }
        }
    }

    pub(super) fn columns(self) -> Vec<SourceColumn> {
        let column = |column: Column| SourceColumn {
            name: column.name,
            type_name: column.kind.unwrap_or(Kind::Text).type_name().to_owned(),
            nullable: column.values < self.rows,
        };
        self.columns.into_iter().map(column).collect()
    }
}

impl Kind {
    fn of(value: &str) -> Self {
        match value.as_bytes().first() {
            Some(b'"') if timestamp_micros(value).is_some() => Self::Timestamp,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'{' | b'[') => Self::Json,
            _ if value.parse::<i32>().is_ok() => Self::Integer,
            _ if value.parse::<i64>().is_ok() => Self::BigInteger,
            _ => Self::Numeric,
        }
    }

    /// The narrowest type that holds both.
    fn with(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (left, right) if left == right => left,
            (_, right @ (Self::BigInteger | Self::Numeric)) => right,
            (Self::Timestamp, Self::Text) => Self::Text,
            _ => Self::Json,
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::BigInteger => "bigint",
            Self::Numeric => "numeric",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp without time zone",
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}
