//! The database's schema as SQL: what Prisma's migrations leave behind.
//!
//! The parts stand apart, because rows load fastest into tables without keys: first [`types_sql`] and [`tables_sql`],
//! then the rows, then [`keys_sql`] and [`foreign_keys_sql`].

use crate::schema::{Column, ColumnType, Key, Table};

/// The whole schema of an empty database, the table of Prisma's migrations included.
pub fn schema_sql() -> String {
    let all = &Table::ALL;
    [types_sql(), tables_sql(all), keys_sql(all), foreign_keys_sql(all), migrations_sql()].concat()
}

/// The enums.
pub fn types_sql() -> String {
    let columns = Table::ALL.iter().flat_map(|table| table.columns());
    let create = |column: &Column| match column.kind {
        ColumnType::Enum { name, labels } => {
            let labels: Vec<String> = labels.iter().map(|label| format!("'{label}'")).collect();
            Some(format!("CREATE TYPE \"{name}\" AS ENUM ({});\n", labels.join(", ")))
        }
        _ => None,
    };
    columns.filter_map(create).collect()
}

/// Tables with their columns, defaults and sequences, without keys.
pub fn tables_sql(tables: &[Table]) -> String {
    let create = |table: &Table| {
        let columns: Vec<String> = table.columns().iter().map(column_sql).collect();
        format!("CREATE TABLE \"{}\" (\n    {}\n);\n", table.name(), columns.join(",\n    "))
    };
    tables.iter().map(create).collect()
}

/// The primary and the unique keys of tables.
pub fn keys_sql(tables: &[Table]) -> String {
    let key = |(table, column): (Table, &Column)| {
        let (table, name) = (table.name(), column.name);
        match column.key {
            Key::Primary => {
                Some(format!("ALTER TABLE \"{table}\" ADD CONSTRAINT \"{table}_pkey\" PRIMARY KEY (\"{name}\");\n"))
            }
            Key::Foreign { unique: true, .. } => {
                Some(format!("ALTER TABLE \"{table}\" ADD CONSTRAINT \"{table}_{name}_key\" UNIQUE (\"{name}\");\n"))
            }
            Key::Foreign { .. } | Key::None => None,
        }
    };
    columns_of(tables).filter_map(key).collect()
}

/// The foreign keys of tables; the tables that they refer to must have their keys.
pub fn foreign_keys_sql(tables: &[Table]) -> String {
    let foreign_key = |(table, column): (Table, &Column)| {
        let Key::Foreign { table: parent, .. } = column.key else { return None };
        let on_delete = if column.nullable { "SET NULL" } else { "RESTRICT" };
        Some(format!(
            "ALTER TABLE \"{table}\" ADD CONSTRAINT \"{table}_{name}_fkey\" FOREIGN KEY (\"{name}\") \
             REFERENCES \"{parent}\" (\"{parent_key}\") ON DELETE {on_delete} ON UPDATE CASCADE;\n",
            table = table.name(),
            name = column.name,
            parent = parent.name(),
            parent_key = parent.columns()[0].name,
        ))
    };
    columns_of(tables).filter_map(foreign_key).collect()
}

/// Prisma's own table with one migration, which is no part of the data.
pub fn migrations_sql() -> String {
    format!(
        r#"CREATE TABLE "_prisma_migrations" (
    "id" varchar(36) NOT NULL PRIMARY KEY,
    "checksum" varchar(64) NOT NULL,
    "finished_at" timestamptz,
    "migration_name" varchar(255) NOT NULL,
    "logs" text,
    "rolled_back_at" timestamptz,
    "started_at" timestamptz NOT NULL DEFAULT now(),
    "applied_steps_count" integer NOT NULL DEFAULT 0
);
INSERT INTO "_prisma_migrations" VALUES ('0f8c7d53-3c1b-4b52-9d0a-5f2f6c1e7a90', '{checksum}',
    '2022-11-03 14:20:48.702391+00', '20221103142048_init', NULL, NULL, '2022-11-03 14:20:48.311027+00', 1);
"#,
        checksum = "5e1f".repeat(16),
    )
}

fn columns_of(tables: &[Table]) -> impl Iterator<Item = (Table, &'static Column)> {
    tables.iter().flat_map(|&table| table.columns().iter().map(move |column| (table, column)))
}

fn column_sql(column: &Column) -> String {
    let name = column.name;
    if column.key == Key::Primary {
        // Makes the sequence `<table>_<column>_seq` and takes the default from it.
        return format!("\"{name}\" serial NOT NULL");
    }
    let not_null = if column.nullable { "" } else { " NOT NULL" };
    let default = if name == "created_at" { " DEFAULT CURRENT_TIMESTAMP" } else { "" };
    format!("\"{name}\" {}{not_null}{default}", column.kind)
}
