//! Which tables there are, and what they are made of: from the catalog.
#![allow(clippy::disallowed_types, reason = "Postgres lives here")]

use super::types::Decoder;
use super::{PostgresSource, quote};
use crate::packet::SourceColumn;
use crate::source::{Cursor, SourceError, SourceTable};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// A table, and what it takes to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostgresTable {
    pub(super) table: SourceTable,
    pub(super) columns: Vec<PostgresColumn>,
    /// The table as it stands after FROM.
    pub(super) from: String,
    /// What the bound of a snapshot means anything for: table, columns, labels, partitions.
    pub(super) fingerprint: String,
    /// Whether the database sees to it that keys are unique.
    pub(super) is_key_unique: bool,
    /// Whether rows have the transaction that wrote them.
    pub(super) has_xmin: bool,
    /// Whether the user may keep others from rewriting it.
    pub(super) can_lock: bool,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostgresColumn {
    pub(super) name: String,
    pub(super) decoder: Decoder,
    /// What stands after SELECT.
    pub(super) select: String,
    /// The type, by its oid, of what is sent for it.
    pub(super) sent: u32,
    /// What stands after ORDER BY to get the order of the keys' bytes.
    pub(super) order: String,
    is_not_null: bool,
}

/// This table of Prisma's own is none of the firm's.
const MIGRATIONS: &str = "_prisma_migrations";

/// Whether the user may look into the schema; no row, if there is none.
const SCHEMA: &str = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1";

/// The schemas that there are.
const SCHEMAS: &str =
    "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1";

/// Tables, partitioned tables, and views and the like of the schema. A partition belongs to its table, until it begins to leave
/// it. What was dropped meanwhile has no privileges.
const RELATIONS: &str = "\
    SELECT c.oid, c.relname, c.relkind::text, \
      coalesce(has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'), false), \
      coalesce((SELECT string_agg(h.inhrelid::text, ',' ORDER BY h.inhrelid) FROM \
        (WITH RECURSIVE tree AS (SELECT c.oid AS inhrelid UNION ALL \
          SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON i.inhparent = t.inhrelid \
            WHERE to_jsonb(i) ->> 'inhdetachpending' IS DISTINCT FROM 'true') SELECT inhrelid FROM tree) h), ''), \
      (WITH RECURSIVE tree AS (SELECT c.oid AS inhrelid UNION ALL \
          SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON i.inhparent = t.inhrelid) \
        SELECT bool_or(p.relkind = 'f' OR m.amname <> 'heap') FROM tree JOIN pg_class p ON p.oid = tree.inhrelid \
          LEFT JOIN pg_am m ON m.oid = p.relam AND m.amtype = 't'), \
      coalesce(has_table_privilege(c.oid, 'SELECT'), false) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition ORDER BY c.relname COLLATE \"C\"";

/// The columns of all of them; of domains the types that they are made of.
const COLUMNS: &str = "\
    WITH RECURSIVE base AS ( \
      SELECT oid AS type, oid AS base, -1 AS modifier FROM pg_type WHERE typtype <> 'd' \
      UNION ALL SELECT t.oid, b.base, CASE WHEN t.typtypmod = -1 THEN b.modifier ELSE t.typtypmod END \
        FROM pg_type t JOIN base b ON t.typbasetype = b.type WHERE t.typtype = 'd') \
    SELECT a.attrelid, a.attname, format_type(b.base, CASE WHEN a.atttypmod = -1 THEN b.modifier ELSE a.atttypmod END), \
      a.attnotnull, b.base, t.typtype = 'e', \
      CASE WHEN t.typcategory = 'A' THEN coalesce(e.oid, 0) ELSE 0 END, coalesce(e.typtype = 'e', false), \
      coalesce((SELECT string_agg(l.enumlabel, ',' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid IN (t.oid, e.oid)), ''), \
      a.attnum::int4 \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
      JOIN base b ON b.type = a.atttypid JOIN pg_type t ON t.oid = b.base \
      LEFT JOIN base element ON element.type = t.typelem LEFT JOIN pg_type e ON e.oid = element.base \
    WHERE n.nspname = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

/// Keys: the primary key first, then unique indexes over columns that can't be null, the shortest first. One that is checked as
/// late as at the commit is as good: nobody sees rows before theirs.
const KEYS: &str = "\
    SELECT i.indrelid, i.indisprimary, array_agg(a.attname::text ORDER BY k.place), bool_and(a.attnotnull) \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
      CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place) \
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
    WHERE n.nspname = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = i.indnatts \
    GROUP BY i.indexrelid, i.indrelid, i.indisprimary ORDER BY i.indrelid, i.indisprimary DESC, count(*), i.indexrelid";

/// Which table refers to which.
const REFERENCES: &str = "\
    SELECT DISTINCT f.conrelid, c.relname FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid \
      JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE f.contype = 'f' AND f.conrelid <> f.confrelid AND n.nspname = $1 ORDER BY 1, 2";

/// What the catalog says of a schema, at one moment.
pub(super) struct Catalog {
    relations: Vec<Row>,
    columns: Vec<Row>,
    keys: Vec<Row>,
    references: Vec<Row>,
}

impl Catalog {
    /// Reads the catalog; within a transaction, as it is in its snapshot.
    pub(super) async fn read(client: &Client, schema: &str) -> Result<Self, SourceError> {
        let failed = |error| {
            let (action, table) = ("list the tables of the schema", schema.to_owned());
            SourceError::Query { action, table, source: error }
        };
        let is_open = client.query_opt(SCHEMA, &[&schema]).await.map_err(failed)?;
        match is_open.map(|row| row.get::<_, bool>(0)) {
            Some(true) => {}
            Some(false) => return Err(SourceError::ClosedSchema { schema: schema.to_owned(), name: quote(schema) }),
            None => {
                let known = client.query(SCHEMAS, &[]).await.map_err(failed)?;
                let known: Vec<String> = known.iter().map(|row| row.get(0)).collect();
                let known = crate::text::listed(&known, "none");
                return Err(SourceError::UnknownSchema { schema: schema.to_owned(), known });
            }
        }
        let query = async |query: &str| client.query(query, &[&schema]).await.map_err(failed);
        let (relations, columns) = (query(RELATIONS).await?, query(COLUMNS).await?);
        let (keys, references) = (query(KEYS).await?, query(REFERENCES).await?);
        Ok(Self { relations, columns, keys, references })
    }

    /// The names of all that could be a table.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.relations.iter().map(|relation| relation.get(1))
    }

    /// The tables that are to be read: views and foreign tables only if the configuration names them.
    pub(super) fn tables(
        &self,
        source: &PostgresSource,
    ) -> impl Iterator<Item = (String, Result<PostgresTable, SourceError>)> {
        let is_wanted = |relation: &&Row| {
            let (name, kind): (String, String) = (relation.get(1), relation.get(2));
            let is_named = source.options.contains_key(&name);
            name != MIGRATIONS && !source.exclude.contains(&name) && (is_named || matches!(kind.as_str(), "r" | "p"))
        };
        let of = |rows: &[Row], oid: u32| -> Vec<Row> {
            rows.iter().filter(|row| row.get::<_, u32>(0) == oid).cloned().collect()
        };
        self.relations.iter().filter(is_wanted).map(move |relation| {
            let oid = relation.get(0);
            let (columns, keys) = (of(&self.columns, oid), of(&self.keys, oid));
            (relation.get(1), table(source, relation, &columns, &keys, &of(&self.references, oid)))
        })
    }
}

fn table(
    source: &PostgresSource,
    relation: &Row,
    columns: &[Row],
    keys: &[Row],
    references: &[Row],
) -> Result<PostgresTable, SourceError> {
    let (oid, name, kind, is_allowed): (u32, String, String, bool) =
        (relation.get(0), relation.get(1), relation.get(2), relation.get(3));
    if !is_allowed {
        let reason = format!("permission denied for table {name}");
        let quoted = format!("{}.{}", quote(&source.schema), quote(&name));
        return Err(SourceError::Denied { table: name, name: quoted, reason });
    }
    let partitions: String = relation.get(4);
    let columns_text: String = columns.iter().map(fingerprint_of).collect();
    let fingerprint = crate::text::sha256(format!("{oid}\n{partitions}\n{columns_text}").as_bytes());
    let source_columns = columns.iter().map(|row| SourceColumn {
        name: row.get(1),
        type_name: row.get(2),
        nullable: !row.get::<_, bool>(3),
    });
    let source_columns: Vec<SourceColumn> = source_columns.collect();
    let columns: Vec<PostgresColumn> = columns.iter().map(column).collect();
    let options = source.options(&name);
    let is_table = matches!(kind.as_str(), "r" | "p");
    let unique: Vec<Vec<String>> = keys.iter().filter(|row| row.get(3)).map(|row| row.get(2)).collect();
    let key = match options.key {
        Some(key) => {
            check_key(&name, &key, &columns, is_table)?;
            key
        }
        None => unique.first().cloned().ok_or_else(|| no_key(&name, is_table, &columns))?,
    };
    if let Some(reason) = key.iter().find_map(|name| unusable(columns.iter().find(|column| column.name == *name)?)) {
        return Err(SourceError::BadKey { table: name, reason });
    }
    let is_key_unique = unique.iter().any(|unique| unique.iter().all(|column| key.contains(column)));
    // A table of another kind may be among the partitions. Tables that inherit are read by themselves.
    let has_others = kind == "p" && relation.get::<_, Option<bool>>(5) == Some(true);
    let has_xmin = matches!(kind.as_str(), "r" | "p" | "m") && !has_others;
    if !has_xmin && matches!(options.cursor, None | Some(Cursor::Snapshot)) {
        let whose = if has_others { "rows of one of its partitions" } else { "its rows" };
        let reason = format!("{whose} do not tell which transaction wrote them");
        return Err(SourceError::BadCursor { table: name, cursor: "snapshot", reason });
    }
    // The rows of tables that inherit from this one are theirs; those of partitions are its own.
    let only = if kind == "r" { "ONLY " } else { "" };
    let from = format!("{only}{}.{}", quote(&source.schema), quote(&name));
    let references = references.iter().map(|row| row.get(1)).collect();
    let table = SourceTable { name, columns: source_columns, key, references };
    let can_lock = is_table && relation.get(6);
    Ok(PostgresTable { table, columns, from, fingerprint, is_key_unique, has_xmin, can_lock })
}

/// Why a column can't be a part of a key, if it can't.
fn unusable(column: &PostgresColumn) -> Option<String> {
    let name = &column.name;
    match column.decoder {
        // Lines do not tell where the numbers of its elements begin.
        Decoder::Array(_) => Some(format!("`{name}` is an array")),
        Decoder::Json | Decoder::Jsonb => {
            Some(format!("`{name}` is JSON, of which one value has many spellings, and `null` is one"))
        }
        _ => None,
    }
}

fn fingerprint_of(column: &Row) -> String {
    let (name, type_name, labels, number): (String, String, String, i32) =
        (column.get(1), column.get(2), column.get(8), column.get(9));
    format!("{number} {name} {type_name} {labels}\n")
}

fn column(row: &Row) -> PostgresColumn {
    let (name, is_not_null, base, is_enum): (String, bool, u32, bool) =
        (row.get(1), row.get(3), row.get(4), row.get(5));
    let (element, is_enum_element): (u32, bool) = (row.get(6), row.get(7));
    let quoted = quote(&name);
    let (decoder, select, sent) = if element != 0 {
        match Decoder::of(element, is_enum_element) {
            Some(decoder) => (Decoder::Array(Box::new(decoder)), quoted.clone(), base),
            None => (Decoder::Array(Box::new(Decoder::Text)), format!("{quoted}::text[]"), Type::TEXT_ARRAY.oid()),
        }
    } else {
        match Decoder::of(base, is_enum) {
            Some(decoder) => (decoder, quoted.clone(), base),
            None => (Decoder::Text, format!("{quoted}::text"), Type::TEXT.oid()),
        }
    };
    let order = match decoder {
        Decoder::Int2 | Decoder::Int4 | Decoder::Int8 | Decoder::Uuid => quoted,
        // A zero has no sign in keys.
        Decoder::Float4 => format!("({quoted} + 0::real)::text COLLATE \"C\""),
        Decoder::Float8 => format!("({quoted} + 0::float8)::text COLLATE \"C\""),
        _ => format!("{quoted}::text COLLATE \"C\""),
    };
    PostgresColumn { name, decoder, select, sent, order, is_not_null }
}

/// A key of the configuration: columns that exist and, in a table, are never null.
fn check_key(table: &str, key: &[String], columns: &[PostgresColumn], is_table: bool) -> Result<(), SourceError> {
    let bad = |reason: String| Err(SourceError::BadKey { table: table.to_owned(), reason });
    if key.is_empty() {
        return bad("it names no column".to_owned());
    }
    if let Some(name) = crate::text::twice(key) {
        return bad(format!("it names `{name}` twice"));
    }
    for name in key {
        match columns.iter().find(|column| column.name == *name) {
            None => return bad(format!("there is no column `{name}`")),
            Some(column) if is_table && !column.is_not_null => return bad(format!("`{name}` can be null")),
            Some(_) => {}
        }
    }
    Ok(())
}

fn no_key(table: &str, is_table: bool, columns: &[PostgresColumn]) -> SourceError {
    let columns = columns.iter().map(|column| format!("`{}`", column.name)).collect::<Vec<_>>().join(", ");
    let alternatives = if is_table {
        "give it a primary key, or a unique index over columns that are NOT NULL; or name the columns that tell its rows apart"
    } else {
        "name the columns that tell its rows apart"
    };
    let key = crate::text::toml_key(table);
    let hint = format!(
        "{alternatives}: `[tables.{key}] key = [\"...\"]` (it has {columns}); or leave it out: `[source] exclude = [\"{table}\"]`"
    );
    SourceError::NoKey { table: table.to_owned(), hint }
}
