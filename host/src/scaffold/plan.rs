//! Which fields the plugin's two structs have, and where each field of the star row comes from.

use super::counted::SomeLines;
use super::error::ScaffoldError;
use super::infer::InferredColumn;
use super::names::{Names, StarName, field_name, is_keyword, pascal_case, snake_case};
use crate::manifest::{COLUMNS_MAX, ColumnType, NAME_BYTES_MAX, StarKind};

/// Columns that say when a row was made and changed: a dimension, which holds the latest rows, has no use for them.
const BOOKKEEPING: [&str; 2] = ["created_at", "last_updated"];
/// Names that the code of a plugin has already.
const TYPES_TAKEN: [&str; 19] = [
    "Box",
    "Context",
    "Date",
    "Decimal",
    "Err",
    "Fn",
    "None",
    "Ok",
    "Option",
    "Plugin",
    "Reject",
    "Result",
    "Self",
    "Some",
    "Source",
    "Star",
    "String",
    "Time",
    "Timestamp",
];

/// The plugin to be written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: StarName,
    /// The source table.
    pub(super) table: String,
    /// The source struct's name.
    pub(super) source_type: String,
    /// The star struct's name.
    pub(super) star_type: String,
    /// What the function calls the source row.
    pub(super) row: String,
    pub(super) source: Vec<SourceField>,
    pub(super) star: Vec<StarField>,
    /// The star field that is the key.
    pub(super) key: String,
    /// Columns that the source struct leaves out, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// A field of the source struct.
#[derive(Debug)]
pub(super) struct SourceField {
    pub(super) column: String,
    /// The field's name, which is the column's unless that is no name.
    pub(super) name: String,
    pub(super) column_type: ColumnType,
    pub(super) nullable: bool,
    pub(super) seen: String,
    pub(super) rejects: Option<SomeLines>,
}

/// A field of the star struct.
#[derive(Debug)]
pub(super) struct StarField {
    pub(super) name: String,
    pub(super) origin: Origin,
}

/// Where a star field comes from; the number is the index of a source field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    RecordId,
    Column(usize),
    DateOf(usize),
    TimeOf(usize),
}

impl Plan {
    /// Plans the plugin that makes the star table `name` of a `table` with the columns `columns`.
    pub(super) fn new(name: &StarName, table: &str, columns: &[InferredColumn]) -> Result<Self, ScaffoldError> {
        let (source, left_out) = source_fields(name.kind(), columns);
        let (star, key) = match name.kind() {
            StarKind::Fact => fact_fields(name, &source),
            StarKind::Dimension => dimension_fields(table, &source)?,
        };
        if source.is_empty() {
            return Err(ScaffoldError::NoColumns { table: table.to_owned() });
        }
        if star.len() > COLUMNS_MAX {
            return Err(ScaffoldError::TooManyFields { fields: star.len() });
        }
        let star_type = pascal_case(name.as_str());
        let source_type = source_type(table, &star_type);
        let row = row_name(table);
        let (name, table) = (name.clone(), table.to_owned());
        Ok(Self { name, table, source_type, star_type, row, source, star, key, left_out })
    }

    /// Whether the structs hold texts, which live as long as the line.
    pub(super) fn has_texts(&self) -> bool {
        self.source.iter().any(|field| field.column_type == ColumnType::Utf8)
    }

    /// The name of the file with the case's lines, without its ending.
    pub(super) fn file_stem(&self) -> String {
        Some(snake_case(&self.table)).filter(|name| !name.is_empty()).unwrap_or_else(|| "rows".to_owned())
    }
}

fn source_fields(kind: StarKind, columns: &[InferredColumn]) -> (Vec<SourceField>, Vec<(String, String)>) {
    let mut names = Names::default();
    let (mut fields, mut left_out) = (Vec::new(), Vec::new());
    let is_kept = |column: &&InferredColumn| kind == StarKind::Fact || !BOOKKEEPING.contains(&column.name.as_str());
    let wanted: Vec<_> = columns.iter().zip(1..).filter(|(column, _)| is_kept(column)).collect();
    // Columns that can keep their names come first.
    for (column, number) in &wanted {
        if field_name(&column.name, *number) == column.name {
            names.reserve(&column.name);
        }
    }
    for (column, number) in wanted {
        let Some(column_type) = column.column_type else {
            left_out.push((column.name.clone(), column.seen.clone()));
            continue;
        };
        let wanted = field_name(&column.name, number);
        fields.push(SourceField {
            name: if wanted == column.name { wanted } else { names.take(&wanted) },
            column: column.name.clone(),
            column_type,
            nullable: column.nullable,
            seen: column.seen.clone(),
            rejects: column.rejects,
        });
    }
    (fields, left_out)
}

fn fact_fields(name: &StarName, source: &[SourceField]) -> (Vec<StarField>, String) {
    let mut names = Names::default();
    let subject =
        if name.subject().starts_with(|first: char| first.is_ascii_digit()) { name.as_str() } else { name.subject() };
    let key = names.take(&with_suffix(subject, "_record_id"));
    let mut fields = vec![StarField { name: key.clone(), origin: Origin::RecordId }];
    fields.extend(columns_as_fields(&mut names, source, 0..source.len()));
    (fields, key)
}

fn dimension_fields(table: &str, source: &[SourceField]) -> Result<(Vec<StarField>, String), ScaffoldError> {
    let can_be_key = |field: &&SourceField| !field.nullable && field.column_type != ColumnType::Timestamp;
    let usual = format!("{table}_id");
    let key = source.iter().filter(can_be_key).find(|field| field.column == usual);
    let key = key.or_else(|| source.iter().find(can_be_key));
    let Some(key) = key.and_then(|key| source.iter().position(|field| field.name == key.name)) else {
        return Err(ScaffoldError::NoKey { table: table.to_owned() });
    };
    let order = std::iter::once(key).chain((0..source.len()).filter(move |index| *index != key));
    let fields = columns_as_fields(&mut Names::default(), source, order);
    let key = fields.first().map(|field| field.name.clone()).unwrap_or_default();
    Ok((fields, key))
}

/// The star fields of the source fields with the indices `order`: a point in time becomes a day and a time of day.
fn columns_as_fields(names: &mut Names, source: &[SourceField], order: impl Iterator<Item = usize>) -> Vec<StarField> {
    let mut fields = Vec::new();
    for index in order {
        let SourceField { name, column_type, .. } = &source[index];
        if *column_type != ColumnType::Timestamp {
            fields.push(StarField { name: names.take(name), origin: Origin::Column(index) });
            continue;
        }
        let event = name.strip_suffix("_at").filter(|event| !event.is_empty()).unwrap_or(name);
        for (suffix, origin) in [("_date", Origin::DateOf(index)), ("_time", Origin::TimeOf(index))] {
            fields.push(StarField { name: names.take(&with_suffix(event, suffix)), origin });
        }
    }
    fields
}

/// `name` with `suffix` behind, cut between them where that is too long: the end is what tells such names apart.
fn with_suffix(name: &str, suffix: &str) -> String {
    name.get(..NAME_BYTES_MAX - suffix.len()).unwrap_or(name).to_owned() + suffix
}

fn source_type(table: &str, star_type: &str) -> String {
    let name = pascal_case(&snake_case(table));
    match name.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() => {
            if name == star_type || TYPES_TAKEN.contains(&name.as_str()) {
                name + "Row"
            } else {
                name
            }
        }
        _ => "SourceRow".to_owned(),
    }
}

/// The last word of the table's name, where it can be a variable's: `order` for `sales_order`.
fn row_name(table: &str) -> String {
    const LENGTH_MAX: usize = 16;
    let words = snake_case(table);
    let word = words.rsplit('_').next().unwrap_or_default();
    let starts = word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let is_free = starts && word.len() <= LENGTH_MAX && word != "context" && word != "sdk" && !is_keyword(word);
    if is_free { word.to_owned() } else { "row".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, column_type: Option<ColumnType>, nullable: bool) -> InferredColumn {
        InferredColumn { name: name.to_owned(), column_type, nullable, seen: "seen".to_owned(), rejects: None }
    }

    fn fields(plan: &Plan) -> Vec<&str> {
        plan.star.iter().map(|field| field.name.as_str()).collect()
    }

    #[test]
    fn a_fact_has_its_record_id_first_and_a_day_and_a_time_for_a_timestamp() {
        let timestamp = Some(ColumnType::Timestamp);
        let columns = [
            column("order_id", Some(ColumnType::Int32), false),
            column("created_at", timestamp, false),
            column("Created Date", Some(ColumnType::Date), false),
            column("created_date", Some(ColumnType::Date), false),
            column("last_updated", timestamp, true),
            column("tags", None, false),
        ];
        let plan = Plan::new(&StarName::parse("fact_order").unwrap(), "order", &columns).unwrap();
        assert_eq!(
            fields(&plan),
            [
                "order_record_id",
                "order_id",
                "created_date",
                "created_time",
                "created_date_2",
                "created_date_3",
                "last_updated_date",
                "last_updated_time"
            ]
        );
        let source: Vec<_> = plan.source.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(source, ["order_id", "created_at", "created_date_2", "created_date", "last_updated"]);
        assert_eq!(plan.left_out, [("tags".to_owned(), "seen".to_owned())]);
        assert_eq!(
            (plan.source_type.as_str(), plan.star_type.as_str(), plan.row.as_str()),
            ("Order", "FactOrder", "order")
        );
    }

    #[test]
    fn a_dimension_has_its_key_first_and_no_bookkeeping() {
        let text = Some(ColumnType::Utf8);
        let columns = [
            column("name", text, false),
            column("created_at", Some(ColumnType::Timestamp), false),
            column("type_id", text, false),
            column("last_updated", Some(ColumnType::Timestamp), false),
        ];
        let name = StarName::parse("dim_type").unwrap();
        let plan = Plan::new(&name, "type", &columns).unwrap();
        assert_eq!((fields(&plan), plan.key.as_str(), plan.row.as_str()), (vec!["type_id", "name"], "type_id", "row"));
        let plan = Plan::new(&name, "other", &columns).unwrap();
        assert_eq!(fields(&plan), ["name", "type_id"]);
        let nullable = [column("type_id", text, true)];
        assert!(matches!(Plan::new(&name, "type", &nullable), Err(ScaffoldError::NoKey { .. })));
    }

    #[test]
    fn the_structs_of_a_table_have_names_that_are_free() {
        assert_eq!(source_type("sales_order", "FactSale"), "SalesOrder");
        assert_eq!(source_type("Date", "DimDay"), "DateRow");
        assert_eq!(source_type("dim_day", "DimDay"), "DimDayRow");
        assert_eq!(source_type("3d", "DimDay"), "SourceRow");
    }
}
