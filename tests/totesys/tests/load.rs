//! What is in Postgres after a load: the schema to the letter, and the rows to the last character.
#![allow(clippy::disallowed_types, reason = "tests look into databases themselves")]

use std::error::Error;

use tokio_postgres::{Client, NoTls};
use totesys::load::{LoadError, load, load_tables};
use totesys::schema::Key;
use totesys::server::{Options as ServerOptions, Server};
use totesys::{Generator, Options, Size, Style, Table};

type Outcome = Result<(), Box<dyn Error>>;

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn texts(client: &Client, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    Ok(client.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn the_catalog_says_what_the_schema_says() -> Outcome {
    let server = Server::start(ServerOptions::default())?;
    let client = connect(&server.create_database("totesys")?).await?;
    client.batch_execute(&totesys::ddl::schema_sql()).await?;

    let tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                  ORDER BY relname";
    let mut expected: Vec<&str> = Table::ALL.iter().map(|table| table.name()).chain(["_prisma_migrations"]).collect();
    expected.sort_unstable();
    assert_eq!(expected, texts(&client, tables).await?);

    let columns = "SELECT format('%s %s %s %s', attname, format_type(atttypid, atttypmod), not attnotnull,
                          coalesce(pg_get_expr(adbin, adrelid), 'no default'))
                   FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                   WHERE attrelid = format('%I', $1::text)::regclass AND attnum > 0 ORDER BY attnum";
    for table in Table::ALL {
        let describe = |column: &totesys::schema::Column| {
            let default = match (column.key, column.name) {
                (Key::Primary, name) => format!("nextval('{}_{name}_seq'::regclass)", table.name()),
                (_, "created_at") => "CURRENT_TIMESTAMP".to_owned(),
                _ => "no default".to_owned(),
            };
            let nullable = if column.nullable { "t" } else { "f" };
            format!("{} {} {nullable} {default}", column.name, column.kind)
        };
        let expected: Vec<String> = table.columns().iter().map(describe).collect();
        let found = client.query(columns, &[&table.name()]).await?;
        assert_eq!(expected, found.iter().map(|row| row.get(0)).collect::<Vec<String>>());
    }

    let mut expected = Vec::new();
    for table in Table::ALL {
        let name = table.name();
        for column in table.columns() {
            let key = column.name;
            match column.key {
                Key::None => {}
                Key::Primary => expected.push(format!("{name} {name}_pkey PRIMARY KEY ({key})")),
                Key::Foreign { table: parent, unique } => {
                    if unique {
                        expected.push(format!("{name} {name}_{key}_key UNIQUE ({key})"));
                    }
                    let parent_key = parent.columns()[0].name;
                    let parent = parent.name();
                    let on_delete = if column.nullable { "SET NULL" } else { "RESTRICT" };
                    expected.push(format!(
                        "{name} {name}_{key}_fkey FOREIGN KEY ({key}) REFERENCES {parent}({parent_key}) \
                         ON UPDATE CASCADE ON DELETE {on_delete}"
                    ));
                }
            }
        }
    }
    expected.push("_prisma_migrations _prisma_migrations_pkey PRIMARY KEY (id)".to_owned());
    expected.sort_unstable();
    let constraints = "SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
                       FROM pg_constraint WHERE connamespace = 'public'::regnamespace";
    let mut found = texts(&client, constraints).await?;
    found.sort_unstable();
    assert_eq!(expected, found);

    let labels = "SELECT format('%s %s', enumtypid::regtype, string_agg(enumlabel, ' ' ORDER BY enumsortorder))
                  FROM pg_enum GROUP BY enumtypid ORDER BY 1";
    let expected = [
        "\"PaymentTypeName\" SALES_RECEIPT SALES_REFUND PURCHASE_PAYMENT PURCHASE_REFUND",
        "\"TransactionType\" SALE PURCHASE",
    ];
    assert_eq!(expected.as_slice(), texts(&client, labels).await?);
    assert_eq!(["1"].as_slice(), texts(&client, "SELECT count(*)::text FROM _prisma_migrations").await?);
    Ok(())
}

/// A table's rows as Postgres makes JSON of them, which is how the generator spells them but for spaces.
async fn json_rows(client: &Client, table: Table) -> Result<String, tokio_postgres::Error> {
    let sql = format!("SELECT row_to_json(t)::text || E'\\n' FROM \"{}\" t ORDER BY ctid", table.name());
    Ok(texts(client, &sql).await?.concat())
}

#[tokio::test]
async fn every_row_arrives_as_it_was_made() -> Outcome {
    let server = Server::start(ServerOptions::default())?;
    for hard in [false, true] {
        let client = connect(&server.create_database(&format!("hard {hard}"))?).await?;
        let generator =
            Generator::new(Options { size: Size::Scale(0.05), hard, style: Style::Dump, ..Options::default() })?;
        let loaded = load(&client, &generator).await?;
        let expected: Vec<(Table, u64)> = Table::ALL.into_iter().map(|table| (table, generator.rows(table))).collect();
        assert_eq!(expected, loaded.rows);
        for table in Table::ALL {
            let mut lines = Vec::new();
            generator.with_style(Style::Compact).write_table(table, &mut lines)?;
            let lines = String::from_utf8(lines)?;
            // Postgres leaves out the escape of what JSON lets stand.
            let found = json_rows(&client, table).await?;
            for (line, found) in lines.lines().zip(found.lines()) {
                assert_eq!(line, found, "{}", table.name());
            }
            assert_eq!(lines.lines().count(), found.lines().count());
            let key = table.columns()[0].name;
            let next = format!("SELECT (nextval('{}_{key}_seq') - 1)::text", table.name());
            assert_eq!([generator.rows(table).to_string()].as_slice(), texts(&client, &next).await?);
        }
        let analyzed = "SELECT count(DISTINCT relname)::text FROM pg_class WHERE relkind = 'r' AND reltuples > 0
                        AND relnamespace = 'public'::regnamespace";
        assert_eq!(["11"].as_slice(), texts(&client, analyzed).await?);
    }
    Ok(())
}

#[tokio::test]
async fn some_tables_load_alone_and_a_second_load_leaves_all_as_it_was() -> Outcome {
    let server = Server::start(ServerOptions::default())?;
    let client = connect(&server.create_database("totesys")?).await?;
    let generator = Generator::new(Options { size: Size::SalesOrders(500), ..Options::default() })?;
    let loaded = load_tables(&client, &generator, &[Table::Payment, Table::SalesOrder]).await?;
    assert_eq!([(Table::Payment, 708), (Table::SalesOrder, 500)].as_slice(), loaded.rows);
    let constraints = "SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1";
    let expected = ["payment_pkey", "payment_transaction_id_key", "sales_order_pkey"];
    assert_eq!(expected.as_slice(), texts(&client, constraints).await?);

    let refusal = load_tables(&client, &generator, &[Table::Design]).await.expect_err("the enums are there");
    assert!(matches!(refusal, LoadError::Postgres { table: None, .. }), "{refusal}");
    assert_eq!(["500"].as_slice(), texts(&client, "SELECT count(*)::text FROM sales_order").await?);
    assert_eq!(["true"].as_slice(), texts(&client, "SELECT (to_regclass('design') IS NULL)::text").await?);

    let empty = connect(&server.create_database("empty")?).await?;
    load(&empty, &Generator::new(Options { size: Size::SalesOrders(0), ..Options::default() })?).await?;
    assert_eq!(["1"].as_slice(), texts(&empty, "SELECT nextval('sales_order_sales_order_id_seq')::text").await?);
    Ok(())
}
