//! What a plugin says of itself, as the host knows it: checked, and independent of the contract's encoding.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

/// The most star tables a plugin can make.
pub const STAR_TABLES_MAX: usize = 16;
/// The most tables that the host joins in.
pub const LOOKUPS_MAX: usize = 16;
/// The most columns a table can have: more than any star table needs, and few enough for a plan to stay small.
pub const COLUMNS_MAX: usize = 1_000;
/// The longest name; Postgres' own limit.
pub const NAME_BYTES_MAX: usize = 63;
/// The longest comment.
pub const COMMENT_BYTES_MAX: usize = 4_096;
/// The most digits of a decimal.
pub const PRECISION_MAX: u8 = 38;
/// The most digits of a decimal that crosses the border as 64 bits.
pub const SHORT_PRECISION_MAX: u8 = 18;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// A signed integer of 32 bits.
    Int32,
    /// A signed integer of 64 bits.
    Int64,
    /// An IEEE 754 number of 64 bits.
    Float64,
    /// An exact number of `precision` digits, `scale` of them behind the point.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, 0 to `precision`.
        scale: u8,
    },
    /// A day.
    Date,
    /// A time of day, in microseconds.
    Time,
    /// A point in time, in microseconds, UTC.
    Timestamp,
    /// Text in UTF-8.
    Utf8,
}

impl fmt::Display for ColumnType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Boolean => "boolean",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Decimal { precision, scale } => return write!(formatter, "decimal({precision}, {scale})"),
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Utf8 => "utf8",
        };
        formatter.write_str(name)
    }
}

impl From<ColumnType> for String {
    fn from(column_type: ColumnType) -> Self {
        column_type.to_string()
    }
}

impl TryFrom<String> for ColumnType {
    type Error = String;

    /// The type of a name, as it is shown.
    fn try_from(name: String) -> Result<Self, String> {
        const PLAIN: [ColumnType; 8] = [
            ColumnType::Boolean,
            ColumnType::Int32,
            ColumnType::Int64,
            ColumnType::Float64,
            ColumnType::Date,
            ColumnType::Time,
            ColumnType::Timestamp,
            ColumnType::Utf8,
        ];
        let decimal = || {
            let digits = name.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(", ")?;
            Some(Self::Decimal { precision: precision.parse().ok()?, scale: scale.parse().ok()? })
        };
        let plain = PLAIN.into_iter().find(|plain| plain.to_string() == name);
        plain.or_else(decimal).ok_or_else(|| format!("`{}` is no type of a column", crate::text::shown(&name, 40)))
    }
}

/// A column that a plugin reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// The name, as it stands in the JSON line.
    pub name: String,
    /// The type that the plugin reads it as.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether the plugin takes a null, or a line without the column.
    pub nullable: bool,
}

/// A table whose rows the host joins into the lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// The looked-up table, and the name of the nested object.
    pub table: String,
    /// The column of the source table that refers to it.
    pub source_column: String,
    /// The key column of the looked-up table.
    pub key: String,
    /// The columns of the looked-up table that the plugin reads.
    pub columns: Vec<SourceColumn>,
}

/// What a star table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StarKind {
    /// One row for each version of a source row.
    Fact,
    /// One row for each key.
    Dimension,
}

/// A reference to the key of another star table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The star table.
    pub table: String,
    /// Its key field.
    pub field: String,
}

/// A column of a star table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether the column may hold nulls.
    pub nullable: bool,
    /// The star table that the field refers to.
    pub references: Option<Reference>,
    /// What the column means.
    pub comment: Option<String>,
}

/// A table that a plugin makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarTable {
    /// The name.
    pub name: String,
    /// Whether it is a fact or a dimension table.
    pub kind: StarKind,
    /// The fields that identify a row.
    pub key: Vec<String>,
    /// The fields, in the order of the table.
    pub fields: Vec<Field>,
    /// What a row is.
    pub comment: Option<String>,
}

/// What a plugin reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// The table that it reads.
    pub source_table: String,
    /// The columns that it reads.
    pub source_columns: Vec<SourceColumn>,
    /// The tables that the host joins in.
    pub lookups: Vec<Lookup>,
    /// The tables that it makes.
    pub star_tables: Vec<StarTable>,
}

impl Manifest {
    /// The tables whose rows the plugin sees: the one that it reads, then those that are joined in.
    pub fn inputs(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.source_table).chain(self.lookups.iter().map(|lookup| &lookup.table))
    }
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ManifestError {
    /// Where: a path of names, as `star table `x`, field `y``.
    pub place: String,
    /// What is wrong there, and what is right.
    pub problem: String,
}

fn wrong<T>(place: impl Into<String>, problem: impl Into<String>) -> Result<T, ManifestError> {
    Err(ManifestError { place: place.into(), problem: problem.into() })
}

impl Manifest {
    /// Checks that names, types, keys and sizes are such as the host can work with.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ManifestError> {
        check_name("plugin name", &self.name)?;
        let is_visible = self.version.bytes().all(|byte| byte.is_ascii_graphic());
        if self.version.is_empty() || self.version.len() > NAME_BYTES_MAX || !is_visible {
            return wrong("plugin version", format!("must be 1 to {NAME_BYTES_MAX} visible ASCII characters"));
        }
        check_source_name("source table", &self.source_table)?;
        check_source_columns("source column", &self.source_columns)?;
        if self.lookups.len() > LOOKUPS_MAX {
            return wrong("lookups", format!("there are {}, must be at most {LOOKUPS_MAX}", self.lookups.len()));
        }
        for lookup in &self.lookups {
            self.check_lookup(lookup)?;
        }
        check_distinct("lookups", self.lookups.iter().map(|lookup| lookup.table.as_str()))?;
        if !(1..=STAR_TABLES_MAX).contains(&self.star_tables.len()) {
            let problem = format!("there are {}, must be 1 to {STAR_TABLES_MAX}", self.star_tables.len());
            return wrong("star tables", problem);
        }
        check_distinct("star tables", self.star_tables.iter().map(|table| table.name.as_str()))?;
        self.star_tables.iter().try_for_each(StarTable::check)
    }

    fn check_lookup(&self, lookup: &Lookup) -> Result<(), ManifestError> {
        let place = format!("lookup `{}`", shown(&lookup.table));
        check_source_name(&place, &lookup.table)?;
        check_source_name(&place, &lookup.key)?;
        check_source_columns(&format!("{place}, column"), &lookup.columns)?;
        if self.source_columns.iter().any(|column| column.name == lookup.table) {
            return wrong(place, "a source column has the same name");
        }
        if let Some(fact) = self.star_tables.iter().find(|table| table.kind == StarKind::Fact) {
            let problem = format!(
                "the fact table `{}` can't have a lookup; make a dimension of it and join it in the query",
                fact.name
            );
            return wrong(place, problem);
        }
        Ok(())
    }
}

impl StarTable {
    /// The column that can hold the number of the record: the key, if it is one column of whole numbers.
    pub(crate) fn record_key(&self) -> Option<&str> {
        let [key] = self.key.as_slice() else { return None };
        let field = self.fields.iter().find(|field| field.name == *key)?;
        matches!(field.column_type, ColumnType::Int32 | ColumnType::Int64).then_some(key)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let place = format!("star table `{}`", shown(&self.name));
        check_name(&place, &self.name)?;
        check_comment(&place, self.comment.as_deref())?;
        if !(1..=COLUMNS_MAX).contains(&self.fields.len()) {
            return wrong(place, format!("it has {} fields, must have 1 to {COLUMNS_MAX}", self.fields.len()));
        }
        for field in &self.fields {
            let place = format!("{place}, field `{}`", shown(&field.name));
            check_name(&place, &field.name)?;
            check_type(&place, field.column_type)?;
            check_comment(&place, field.comment.as_deref())?;
            if let Some(reference) = &field.references {
                check_name(&format!("{place}, referenced table"), &reference.table)?;
                check_name(&format!("{place}, referenced field"), &reference.field)?;
            }
        }
        check_distinct(&format!("{place}, fields"), self.fields.iter().map(|field| field.name.as_str()))?;
        if self.key.is_empty() {
            return wrong(place, "it has no key; name the fields that identify a row");
        }
        // Before the parts are looked for: a field can't be in the key twice, so there are no more parts than fields.
        if self.key.len() > self.fields.len() {
            return wrong(
                place,
                format!("its key has {} parts, and it has {} fields", self.key.len(), self.fields.len()),
            );
        }
        check_distinct(&format!("{place}, key"), self.key.iter().map(String::as_str))?;
        for part in &self.key {
            match self.fields.iter().find(|field| field.name == *part) {
                None => return wrong(place, format!("its key names `{}`, which is no field", shown(part))),
                Some(field) if field.nullable => {
                    return wrong(place, format!("its key field `{part}` is nullable; a key must have a value"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A name that is safe to show: at most some dozen characters of it, control characters escaped.
fn shown(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 80;
    name.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

/// Whether a plugin, a star table or a field can have this name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let first_is_letter = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    letters && first_is_letter && name.len() <= NAME_BYTES_MAX
}

fn check_name(place: &str, name: &str) -> Result<(), ManifestError> {
    if is_name(name) {
        return Ok(());
    }
    let rule = "a name has lower-case ASCII letters, digits and underscores, at most 63, and no digit first";
    wrong(place, format!("`{}` is no name: {rule}", shown(name)))
}

/// Names of the source are what the database lets them be; they must only be short and visible.
fn check_source_name(place: &str, name: &str) -> Result<(), ManifestError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return wrong(
            place,
            format!("`{}` is no name: 1 to {NAME_BYTES_MAX} bytes, none a control character", shown(name)),
        );
    }
    Ok(())
}

fn check_source_columns(place: &str, columns: &[SourceColumn]) -> Result<(), ManifestError> {
    if columns.len() > COLUMNS_MAX {
        return wrong(format!("{place}s"), format!("there are {}, must be at most {COLUMNS_MAX}", columns.len()));
    }
    for column in columns {
        check_source_name(place, &column.name)?;
        check_type(&format!("{place} `{}`", column.name), column.column_type)?;
    }
    check_distinct(&format!("{place}s"), columns.iter().map(|column| column.name.as_str()))
}

fn check_type(place: &str, column_type: ColumnType) -> Result<(), ManifestError> {
    match column_type {
        ColumnType::Decimal { precision, scale } if !(1..=PRECISION_MAX).contains(&precision) || scale > precision => {
            wrong(
                place,
                format!(
                    "`{column_type}` is no type: a decimal has 1 to {PRECISION_MAX} digits, and a scale within them"
                ),
            )
        }
        _ => Ok(()),
    }
}

fn check_comment(place: &str, comment: Option<&str>) -> Result<(), ManifestError> {
    match comment {
        Some(comment) if comment.len() > COMMENT_BYTES_MAX => {
            wrong(place, format!("its comment has {} bytes, must have at most {COMMENT_BYTES_MAX}", comment.len()))
        }
        _ => Ok(()),
    }
}

fn check_distinct<'a>(place: &str, names: impl Iterator<Item = &'a str>) -> Result<(), ManifestError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return wrong(place, format!("`{}` comes twice", shown(name)));
        }
    }
    Ok(())
}
