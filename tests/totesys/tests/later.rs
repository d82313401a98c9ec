//! What later days change in a database, and what they leave alone.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use serde_json::{Map, Value};
use totesys::schema::Key;
use totesys::{Generator, Options, Size, Table};

type Outcome = Result<(), Box<dyn Error>>;
type Rows = BTreeMap<i64, Map<String, Value>>;

fn database(size: Size, hard: bool, days: u64) -> Result<Generator, Box<dyn Error>> {
    Ok(Generator::new(Options { size, hard, ..Options::default() })?.after_days(days)?)
}

fn lines(database: &Generator, table: Table) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut lines = Vec::new();
    assert_eq!(database.rows(table), database.write_table(table, &mut lines)?, "{}", table.name());
    Ok(lines)
}

fn rows(database: &Generator, table: Table) -> Result<Rows, Box<dyn Error>> {
    let mut rows = Rows::new();
    for row in serde_json::Deserializer::from_slice(&lines(database, table)?).into_iter() {
        let row: Map<String, Value> = row?;
        let key = row[table.columns()[0].name].as_i64().ok_or("a key")?;
        assert!(rows.insert(key, row).is_none(), "{} {key} twice", table.name());
    }
    Ok(rows)
}

/// What became of the rows of a table.
#[derive(Debug, Default)]
struct Difference {
    added: Rows,
    deleted: BTreeSet<i64>,
    /// By key: the columns that changed.
    edited: BTreeMap<i64, Vec<String>>,
}

fn difference(before: &Rows, after: &Rows) -> Difference {
    let mut difference = Difference {
        added: after
            .iter()
            .filter(|(key, _)| !before.contains_key(key))
            .map(|(key, row)| (*key, row.clone()))
            .collect(),
        ..Difference::default()
    };
    for (key, row) in before {
        match after.get(key) {
            None => drop(difference.deleted.insert(*key)),
            Some(now) if now != row => {
                let columns = row.keys().filter(|&column| row[column] != now[column]).cloned().collect();
                difference.edited.insert(*key, columns);
            }
            Some(_) => {}
        }
    }
    difference
}

#[test]
fn no_day_changes_nothing() -> Outcome {
    for hard in [false, true] {
        let options = Options { size: Size::Scale(0.1), hard, ..Options::default() };
        for table in Table::ALL {
            let database = Generator::new(options)?;
            assert_eq!(lines(&database, table)?, lines(&database.after_days(0)?, table)?, "{}", table.name());
        }
    }
    Ok(())
}

#[test]
fn a_day_brings_orders_payments_edits_a_move_and_a_deletion() -> Outcome {
    for hard in [false, true] {
        let (before, after) = (database(Size::Scale(1.0), hard, 0)?, database(Size::Scale(1.0), hard, 1)?);
        let mut differences = BTreeMap::new();
        for table in Table::ALL {
            differences.insert(table, difference(&rows(&before, table)?, &rows(&after, table)?));
        }
        let counts = |table: Table| {
            let difference = &differences[&table];
            (difference.added.len(), difference.deleted.len(), difference.edited.len())
        };
        for table in [Table::Address, Table::Counterparty, Table::Currency, Table::Staff, Table::PaymentType] {
            assert_eq!((0, 0, 0), counts(table), "{}", table.name());
        }
        assert_eq!((0, 0, 1), counts(Table::Department));
        assert_eq!((0, 0, 2), counts(Table::Design));
        assert_eq!((22, 1, 3), counts(Table::SalesOrder));
        assert_eq!((9, 0, 1), counts(Table::PurchaseOrder));
        assert_eq!((31, 1, 0), counts(Table::Transaction));
        let (added, deleted, paid) = counts(Table::Payment);
        // A Monday pays what fell due on three days.
        assert!((added, deleted) == (31, 1) && (10..120).contains(&paid), "{paid} are paid");

        for columns in differences[&Table::Department].edited.values() {
            assert_eq!(["last_updated", "location"].as_slice(), columns);
        }
        for table in [Table::Design, Table::SalesOrder, Table::PurchaseOrder] {
            for columns in differences[&table].edited.values() {
                assert!(columns.len() == 1 && columns[0] != "last_updated", "{}: {columns:?}", table.name());
            }
        }
        let payments = rows(&after, Table::Payment)?;
        let mut mornings = BTreeSet::new();
        for (key, columns) in &differences[&Table::Payment].edited {
            assert_eq!(["last_updated", "paid"].as_slice(), columns);
            mornings.insert(payments[key]["last_updated"].as_str().ok_or("a timestamp")?);
        }
        assert!(mornings.len() == 1 && mornings.iter().all(|at| at.starts_with("2024-11-18T07:55:11")), "{mornings:?}");
        for table in [Table::SalesOrder, Table::PurchaseOrder, Table::Transaction, Table::Payment] {
            let mut next = before.rows(table) as i64;
            for (key, row) in &differences[&table].added {
                next += 1;
                assert_eq!(next, *key, "{}", table.name());
                let created = row["created_at"].as_str().ok_or("a timestamp")?;
                assert!(("2024-11-18T08".."2024-11-18T19").contains(&created), "{created}");
            }
        }
    }
    Ok(())
}

#[test]
fn references_hold_on_every_day_of_every_size() -> Outcome {
    let sizes =
        [(Size::SalesOrders(0), 3), (Size::SalesOrders(1), 2), (Size::SalesOrders(40), 30), (Size::Scale(0.1), 260)];
    for ((size, days), hard) in sizes.into_iter().flat_map(|case| [(case, false), (case, true)]) {
        let database = database(size, hard, days)?;
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            let rows = rows(&database, table)?;
            for column in table.columns() {
                let Key::Foreign { table: parent, unique } = column.key else { continue };
                let mut seen = BTreeSet::new();
                let parents: &Rows = &tables[&parent];
                for key in rows.values().filter_map(|row| row[column.name].as_i64()) {
                    assert!(parents.contains_key(&key), "{} {key} of {}", column.name, table.name());
                    assert!(seen.insert(key) || !unique, "{} {key} of {}", column.name, table.name());
                }
            }
            tables.insert(table, rows);
        }
        let orphans = tables[&Table::Transaction].values();
        let orphans = orphans.filter(|row| row["sales_order_id"].is_null() && row["purchase_order_id"].is_null());
        assert_eq!(usize::from(hard), orphans.count());
        for payment in tables[&Table::Payment].values() {
            let transaction = &tables[&Table::Transaction][&payment["transaction_id"].as_i64().ok_or("a key")?];
            assert_eq!(transaction["created_at"], payment["created_at"]);
        }
    }
    Ok(())
}

#[test]
fn a_day_more_keeps_the_orders_of_the_days_before() -> Outcome {
    let (one, two) = (database(Size::Scale(0.2), false, 1)?, database(Size::Scale(0.2), false, 2)?);
    for (table, added) in [(Table::SalesOrder, 22), (Table::PurchaseOrder, 9), (Table::Transaction, 31)] {
        let difference = difference(&rows(&one, table)?, &rows(&two, table)?);
        assert_eq!(added, difference.added.len(), "{}", table.name());
        assert!(difference.deleted.len() <= 1 && difference.edited.len() <= 3, "{difference:?}");
    }
    Ok(())
}

#[test]
fn more_than_a_year_is_refused() -> Outcome {
    let refusal = database(Size::Scale(0.0), false, 261).expect_err("too many days");
    assert_eq!("`261` working days later is not possible; there can be 0 to 260", refusal.to_string());
    Ok(())
}
