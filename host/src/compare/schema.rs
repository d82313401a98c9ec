//! How the manifests of two versions differ, and whether readers of the star tables notice.

use crate::manifest::{Field, Lookup, Manifest, SourceColumn, StarTable};
use serde::Serialize;

/// A difference of two manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SchemaChange {
    /// Where: `fact_sales_order.unit_price`, or `source sales_order.unit_price`.
    pub place: String,
    /// What became of it.
    pub change: String,
    /// Whether it breaks those who read the star table, or the rows that stand in it.
    pub breaking: bool,
}

/// All differences that matter, those of star tables first.
#[must_use]
pub fn schema_changes(old: &Manifest, new: &Manifest) -> Vec<SchemaChange> {
    let mut changes = Changes(Vec::new());
    changes.star_tables(old, new);
    changes.sources(old, new);
    changes.0
}

struct Changes(Vec<SchemaChange>);

impl Changes {
    fn add(&mut self, breaking: bool, place: impl Into<String>, change: impl Into<String>) {
        self.0.push(SchemaChange { place: place.into(), change: change.into(), breaking });
    }

    /// Notes that something became something else.
    fn became(&mut self, breaking: bool, place: &str, what: &str, old: &str, new: &str) {
        if old != new {
            self.add(breaking, place, format!("{what} was {old}, is {new}"));
        }
    }

    fn star_tables(&mut self, old: &Manifest, new: &Manifest) {
        for table in &old.star_tables {
            match new.star_tables.iter().find(|other| other.name == table.name) {
                Some(other) => self.star_table(table, other),
                None => self.add(true, table.name.as_str(), "the star table is gone"),
            }
        }
        let is_new = |table: &&StarTable| old.star_tables.iter().all(|other| other.name != table.name);
        for table in new.star_tables.iter().filter(is_new) {
            self.add(false, table.name.as_str(), "a new star table");
        }
    }

    fn star_table(&mut self, old: &StarTable, new: &StarTable) {
        let kind = |table: &StarTable| format!("{:?}", table.kind).to_lowercase();
        self.became(true, &old.name, "the kind", &kind(old), &kind(new));
        self.became(true, &old.name, "the key", &old.key.join(", "), &new.key.join(", "));
        for field in &old.fields {
            let place = format!("{}.{}", old.name, field.name);
            match new.fields.iter().find(|other| other.name == field.name) {
                Some(other) => self.field(&place, field, other),
                None => self.add(true, place, "the column is gone"),
            }
        }
        let is_new = |field: &&Field| old.fields.iter().all(|other| other.name != field.name);
        for field in new.fields.iter().filter(is_new) {
            let place = format!("{}.{}", old.name, field.name);
            if field.nullable {
                self.add(false, place, format!("a new column, {}", typed(field)));
            } else {
                let why = "the rows that stand in the table have no value of it";
                self.add(true, place, format!("a new column, {}, that takes no null: {why}", typed(field)));
            }
        }
        let kept = |table: &StarTable, other: &StarTable| {
            let names = table.fields.iter().map(|field| field.name.clone());
            names.filter(|name| other.fields.iter().any(|field| field.name == *name)).collect::<Vec<_>>().join(", ")
        };
        self.became(false, &old.name, "the order of the columns", &kept(old, new), &kept(new, old));
    }

    fn field(&mut self, place: &str, old: &Field, new: &Field) {
        self.became(true, place, "the type", &old.column_type.to_string(), &new.column_type.to_string());
        match (old.nullable, new.nullable) {
            (false, true) => self.add(true, place, "took no null, takes nulls"),
            (true, false) => {
                self.add(true, place, "took nulls, takes none: rows that stand in the table may have some")
            }
            _ => {}
        }
        let reference = |field: &Field| {
            field.references.as_ref().map_or("nothing".to_owned(), |to| format!("{}.{}", to.table, to.field))
        };
        self.became(false, place, "the reference", &reference(old), &reference(new));
    }

    fn sources(&mut self, old: &Manifest, new: &Manifest) {
        self.became(true, "source", "the table", &old.source_table, &new.source_table);
        let place = format!("source {}", new.source_table);
        self.source_columns(&place, &old.source_columns, &new.source_columns);
        for lookup in &old.lookups {
            match new.lookups.iter().find(|other| other.table == lookup.table) {
                Some(other) => {
                    let place = format!("lookup {}", lookup.table);
                    let by = |lookup: &Lookup| format!("{} = {}", lookup.source_column, lookup.key);
                    self.became(false, &place, "the join", &by(lookup), &by(other));
                    self.source_columns(&place, &lookup.columns, &other.columns);
                }
                None => self.add(false, format!("lookup {}", lookup.table), "no longer looked up"),
            }
        }
        let is_new = |lookup: &&Lookup| old.lookups.iter().all(|other| other.table != lookup.table);
        for lookup in new.lookups.iter().filter(is_new) {
            self.add(false, format!("lookup {}", lookup.table), "now looked up");
        }
    }

    fn source_columns(&mut self, place: &str, old: &[SourceColumn], new: &[SourceColumn]) {
        for column in old {
            let place = format!("{place}.{}", column.name);
            match new.iter().find(|other| other.name == column.name) {
                Some(other) => {
                    let (before, after) = (column.column_type.to_string(), other.column_type.to_string());
                    self.became(false, &place, "read as", &before, &after);
                    let nulls = |column: &SourceColumn| if column.nullable { "taken" } else { "rejected" };
                    self.became(false, &place, "a null", nulls(column), nulls(other));
                }
                None => self.add(false, place, "no longer read"),
            }
        }
        for column in new.iter().filter(|column| old.iter().all(|other| other.name != column.name)) {
            self.add(false, format!("{place}.{}", column.name), format!("now read, as {}", column.column_type));
        }
    }
}

fn typed(field: &Field) -> String {
    field.column_type.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ColumnType, StarKind};

    fn field(name: &str, column_type: ColumnType, nullable: bool) -> Field {
        Field { name: name.to_owned(), column_type, nullable, references: None, comment: None }
    }

    fn manifest(fields: Vec<Field>) -> Manifest {
        let table =
            StarTable { name: "t".to_owned(), kind: StarKind::Fact, key: vec!["id".to_owned()], fields, comment: None };
        Manifest { star_tables: vec![table], ..Manifest::default() }
    }

    fn changes(old: Vec<Field>, new: Vec<Field>) -> Vec<(String, bool)> {
        let changes = schema_changes(&manifest(old), &manifest(new));
        changes.into_iter().map(|change| (format!("{}: {}", change.place, change.change), change.breaking)).collect()
    }

    #[test]
    fn columns_that_go_or_change_their_type_break_readers_and_new_nullable_ones_do_not() {
        let old = vec![field("id", ColumnType::Int32, false), field("a", ColumnType::Int32, false)];
        let new = vec![field("id", ColumnType::Int64, false), field("b", ColumnType::Utf8, true)];
        assert_eq!(
            changes(old.clone(), new),
            [
                ("t.id: the type was int32, is int64".to_owned(), true),
                ("t.a: the column is gone".to_owned(), true),
                ("t.b: a new column, utf8".to_owned(), false),
            ]
        );
        let required = [old.clone(), vec![field("b", ColumnType::Utf8, false)]].concat();
        assert!(changes(old.clone(), required)[0].1);
        assert_eq!(changes(old.clone(), old), []);
    }

    #[test]
    fn another_order_is_told_and_breaks_nothing() {
        let (id, a) = (field("id", ColumnType::Int32, false), field("a", ColumnType::Int32, true));
        assert_eq!(
            changes(vec![id.clone(), a.clone()], vec![a, id]),
            [("t: the order of the columns was id, a, is a, id".to_owned(), false)]
        );
    }
}
