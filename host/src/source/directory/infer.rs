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
    /// How many values there are of each kind.
    values: [u64; KINDS.len()],
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

/// The kinds, in their order.
const KINDS: [Kind; 7] =
    [Kind::Integer, Kind::BigInteger, Kind::Numeric, Kind::Boolean, Kind::Timestamp, Kind::Text, Kind::Json];

impl Inference {
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn add(&mut self, members: &Members<'_>) {
        self.rows += 1;
        for (index, (name, value)) in members.iter().enumerate() {
            // Mostly each line has the columns of the one before.
            let known = self.columns.get(index).filter(|column| column.name == name).map(|_| index);
            let known = known.or_else(|| self.columns.iter().position(|column| column.name == name));
            let index = known.unwrap_or_else(|| {
                self.columns.push(Column { name: name.to_owned(), values: [0; KINDS.len()] });
                self.columns.len() - 1
            });
            if value != "null" {
                self.columns[index].values[Kind::of(value) as usize] += 1;
            }
        }
    }

    /// The columns. Those of `key` are what most of their values are: a single line that is wrong must not give all the others
    /// another key.
    pub(super) fn columns(self, key: &[String]) -> Vec<SourceColumn> {
        let column = |column: Column| {
            let kind = if key.contains(&column.name) { column.usual_kind() } else { column.common_kind() };
            SourceColumn {
                type_name: kind.unwrap_or(Kind::Text).type_name().to_owned(),
                nullable: column.values.iter().sum::<u64>() < self.rows,
                name: column.name,
            }
        };
        self.columns.into_iter().map(column).collect()
    }
}

impl Column {
    /// The narrowest kind that holds all values.
    fn common_kind(&self) -> Option<Kind> {
        let found = KINDS.into_iter().zip(self.values).filter(|(_, values)| *values > 0).map(|(kind, _)| kind);
        found.reduce(Kind::with)
    }

    /// The kind that most values are of; whole numbers count together, whatever their size, and so do texts.
    fn usual_kind(&self) -> Option<Kind> {
        let values = |kind: Kind| self.values[kind as usize];
        let together = [
            (values(Kind::Integer) + values(Kind::BigInteger), [Kind::Integer, Kind::BigInteger]),
            (values(Kind::Timestamp) + values(Kind::Text), [Kind::Timestamp, Kind::Text]),
            (values(Kind::Numeric), [Kind::Numeric; 2]),
            (values(Kind::Boolean), [Kind::Boolean; 2]),
            (values(Kind::Json), [Kind::Json; 2]),
        ];
        let most = together.into_iter().filter(|(count, _)| *count > 0).rev().max_by_key(|(count, _)| *count);
        most.map(|(_, [narrow, wide])| if values(wide) > 0 { wide } else { narrow })
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
