//! What a transaction can do to rows that are there.

use tokio_postgres::Error;

use super::Shared;
use super::played::Versions;
use super::session::Session;
use crate::random::Random;
use crate::schema::Table;

/// The most payments that turned paid in one morning.
const FLIPPED_MAX: u64 = 37;
/// Payments that turn paid are among so many of the newest.
const FLIPPED_AMONG: u64 = 2_000;
/// The most rows that one statement edits silently.
const EDITED_MAX: u64 = 20;

/// An edit of one column: of the rows with the keys `$1`, to the values `$2`.
#[derive(Debug)]
pub(super) struct SilentEdit {
    table: Table,
    value: Value,
    sql: &'static str,
}

/// What a column takes.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// A key of that table.
    Key(Table),
    /// A number from 1 to that one.
    UpTo(u64),
}

impl Value {
    fn pick(self, shared: &Shared, random: &mut Random) -> i32 {
        match self {
            Self::Key(table) => shared.keys.pick(table, random),
            Self::UpTo(max) => random.between(1, max) as i32,
        }
    }
}

/// What the application edits without moving `last_updated`.
const SILENT_EDITS: &[SilentEdit] = &[
    SilentEdit {
        table: Table::SalesOrder,
        value: Value::Key(Table::Address),
        sql: "UPDATE sales_order SET agreed_delivery_location_id = value
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE sales_order_id = id",
    },
    SilentEdit {
        table: Table::SalesOrder,
        value: Value::Key(Table::Staff),
        sql: "UPDATE sales_order SET staff_id = value
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE sales_order_id = id",
    },
    SilentEdit {
        table: Table::SalesOrder,
        value: Value::Key(Table::Design),
        sql: "UPDATE sales_order SET design_id = value
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE sales_order_id = id",
    },
    SilentEdit {
        table: Table::SalesOrder,
        value: Value::UpTo(894),
        sql: "UPDATE sales_order SET agreed_delivery_date = (created_at::date + value)::text
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE sales_order_id = id",
    },
    SilentEdit {
        table: Table::PurchaseOrder,
        value: Value::UpTo(999),
        sql: "UPDATE purchase_order SET item_quantity = value
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE purchase_order_id = id",
    },
    SilentEdit {
        table: Table::PurchaseOrder,
        value: Value::Key(Table::Address),
        sql: "UPDATE purchase_order SET agreed_delivery_location_id = value
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE purchase_order_id = id",
    },
    SilentEdit {
        table: Table::Design,
        value: Value::UpTo(1_000),
        sql: "UPDATE design SET file_location = '/srv/totes/' || value
              FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE design_id = id",
    },
    SilentEdit {
        table: Table::Transaction,
        value: Value::UpTo(2),
        sql: r#"UPDATE "transaction" SET transaction_type =
                    CASE value WHEN 1 THEN 'SALE'::"TransactionType" ELSE 'PURCHASE'::"TransactionType" END
                FROM unnest($1::integer[], $2::integer[]) AS edits(id, value) WHERE transaction_id = id"#,
    },
];

/// What the application edits together with `last_updated`, which is `$1`: the row with the key `$2`, to the value `$3`.
const VISIBLE_EDITS: &[(Table, Value, &str)] = &[
    (
        Table::Staff,
        Value::Key(Table::Department),
        "UPDATE staff SET department_id = $3::integer, last_updated = $1 WHERE staff_id = $2",
    ),
    (
        Table::Staff,
        Value::UpTo(99),
        "UPDATE staff SET email_address = 'staff.' || $3::integer || '@terrifictotes.com', last_updated = $1
         WHERE staff_id = $2",
    ),
    (
        Table::Department,
        Value::UpTo(9),
        "UPDATE department SET location = 'Leeds ' || $3::integer, last_updated = $1 WHERE department_id = $2",
    ),
    (
        Table::Address,
        Value::UpTo(999_999),
        "UPDATE address SET phone = to_char($3::integer, 'FM0113 000000'), last_updated = $1 WHERE address_id = $2",
    ),
    (
        Table::Address,
        Value::UpTo(9),
        "UPDATE address SET address_line_2 = nullif('Unit ' || $3::integer, 'Unit 9'), last_updated = $1
         WHERE address_id = $2",
    ),
    (
        Table::Counterparty,
        Value::Key(Table::Address),
        "UPDATE counterparty SET legal_address_id = $3::integer, last_updated = $1 WHERE counterparty_id = $2",
    ),
    (
        Table::Counterparty,
        Value::UpTo(999),
        "UPDATE counterparty SET commercial_contact = 'Contact O''' || $3::integer, last_updated = $1
         WHERE counterparty_id = $2",
    ),
];

const FLIP: &str = "UPDATE payment SET paid = true, last_updated = $1 WHERE payment_id = ANY($2)";

/// Tables with rows that refer to them by an index, so that a key can change quickly.
const KEY_CHANGES: &[(Table, &str)] = &[
    (
        Table::SalesOrder,
        "UPDATE sales_order SET sales_order_id = nextval('sales_order_sales_order_id_seq')
         WHERE sales_order_id = $1 RETURNING sales_order_id",
    ),
    (
        Table::PurchaseOrder,
        "UPDATE purchase_order SET purchase_order_id = nextval('purchase_order_purchase_order_id_seq')
         WHERE purchase_order_id = $1 RETURNING purchase_order_id",
    ),
    (
        Table::Transaction,
        r#"UPDATE "transaction" SET transaction_id = nextval('transaction_transaction_id_seq')
           WHERE transaction_id = $1 RETURNING transaction_id"#,
    ),
    (
        Table::Payment,
        "UPDATE payment SET payment_id = nextval('payment_payment_id_seq')
         WHERE payment_id = $1 RETURNING payment_id",
    ),
];

/// Rows that were edited, to edit them again.
#[derive(Debug, Clone)]
pub(super) struct Edited {
    edit: &'static SilentEdit,
    keys: Vec<i32>,
}

impl Edited {
    /// Any column of any rows, up to `rows_max`.
    pub(super) fn pick(shared: &Shared, random: &mut Random, rows_max: u64) -> Self {
        let edit = pick(random, SILENT_EDITS);
        let rows = match random.below(2) {
            0 => 1,
            _ => random.between(1, EDITED_MAX.min(rows_max)),
        };
        let mut keys: Vec<i32> = (0..rows).map(|_| shared.keys.pick(edit.table, random)).collect();
        // In one order for all writers, as an application does that wants few deadlocks.
        keys.sort_unstable();
        Self { edit, keys }
    }
}

/// Edits rows and leaves their `last_updated`.
pub(super) async fn edit_silently(
    session: &mut Session,
    shared: &Shared,
    random: &mut Random,
    edited: &Edited,
) -> Result<Versions, Error> {
    let values: Vec<i32> = edited.keys.iter().map(|_| edited.edit.value.pick(shared, random)).collect();
    let rows = session.execute(edited.edit.sql, &[&edited.keys, &values]).await?;
    Ok(Versions { silently_edited: rows, ..Versions::default() })
}

/// Edits a row of a small table and its `last_updated`.
pub(super) async fn edit_visibly(
    session: &mut Session,
    shared: &Shared,
    random: &mut Random,
) -> Result<Versions, Error> {
    let &(table, value, sql) = pick(random, VISIBLE_EDITS);
    let (key, value) = (shared.keys.pick(table, random), value.pick(shared, random));
    let rows = session.execute(sql, &[&shared.clock.now(), &key, &value]).await?;
    Ok(Versions { updated: rows, ..Versions::default() })
}

/// Pays what is due, all in one millisecond.
pub(super) async fn flip_payments(
    session: &mut Session,
    shared: &Shared,
    random: &mut Random,
) -> Result<Versions, Error> {
    let newest = shared.keys.max(Table::Payment);
    let first = newest - random.below(FLIPPED_AMONG.min(newest as u64)) as i32;
    let keys: Vec<i32> = (first..).take(random.between(1, FLIPPED_MAX) as usize).collect();
    let rows = session.execute(FLIP, &[&shared.clock.now(), &keys]).await?;
    Ok(Versions { flipped: rows, ..Versions::default() })
}

/// Gives a row the next key; the rows that refer to it follow.
pub(super) async fn change_key(session: &mut Session, shared: &Shared, random: &mut Random) -> Result<Versions, Error> {
    let &(table, sql) = pick(random, KEY_CHANGES);
    let rows = session.query(sql, &[&shared.keys.pick(table, random)]).await?;
    for row in &rows {
        shared.keys.heard_of(table, row.get(0));
    }
    let rows = rows.len() as u64;
    Ok(Versions { updated: rows, keys_changed: rows, ..Versions::default() })
}

fn pick<'a, T>(random: &mut Random, choices: &'a [T]) -> &'a T {
    &choices[random.below(choices.len() as u64) as usize]
}
