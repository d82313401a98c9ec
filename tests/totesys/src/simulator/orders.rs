//! New orders, each with its transaction and payment, and orders that go and come back.

use std::time::SystemTime;

use chrono::{DateTime, Days, Utc};
use tokio_postgres::Error;

use super::Shared;
use super::played::Versions;
use super::session::Session;
use crate::random::Random;
use crate::schema::Table;
use crate::words;

/// Most days from an order to its delivery and to its payment.
const AGREED_DAYS_MAX: u64 = 7;

/// The two kinds of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sale,
    Purchase,
}

impl Kind {
    pub(super) fn pick(random: &mut Random) -> Self {
        // As many as there are of each.
        if random.below(10) < 7 { Self::Sale } else { Self::Purchase }
    }

    pub(super) fn table(self) -> Table {
        match self {
            Self::Sale => Table::SalesOrder,
            Self::Purchase => Table::PurchaseOrder,
        }
    }

    fn statements(self) -> &'static Statements {
        match self {
            Self::Sale => &SALES,
            Self::Purchase => &PURCHASES,
        }
    }
}

/// What is done to orders of a kind.
struct Statements {
    insert: &'static str,
    delete_payment: &'static str,
    delete_transaction: &'static str,
    delete_order: &'static str,
    put_back_order: &'static str,
    /// The column that differs in an order that comes back changed.
    quantity: &'static str,
}

const SALES: Statements = Statements {
    insert: r#"
        WITH ordered AS (
            INSERT INTO sales_order (created_at, last_updated, design_id, staff_id, counterparty_id, units_sold,
                unit_price, currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id)
            SELECT $1::timestamp, $1, design, staff, counterparty, 1000 + quantity,
                price * 0.01, currency, delivery, payment, location
            FROM unnest($2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
                    $8::integer[], $9::text[], $10::text[], $11::integer[])
                AS o(code, design, staff, counterparty, quantity, price, currency, delivery, payment, location)
            RETURNING *
        ), noted AS (
            INSERT INTO "transaction" (transaction_type, sales_order_id, created_at, last_updated)
            SELECT 'SALE'::"TransactionType", sales_order_id, $1, $1 FROM ordered
            RETURNING transaction_id, sales_order_id
        ), due AS (
            INSERT INTO payment (created_at, last_updated, transaction_id, counterparty_id, payment_amount,
                currency_id, payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number)
            SELECT $1, $1, transaction_id, counterparty_id, units_sold * unit_price,
                currency_id, 1, false, agreed_payment_date, 10000000 + units_sold, 20000000 + units_sold
            FROM noted JOIN ordered USING (sales_order_id)
            RETURNING payment_id
        )
        SELECT (SELECT max(sales_order_id) FROM ordered), (SELECT max(transaction_id) FROM noted),
            (SELECT max(payment_id) FROM due)"#,
    delete_payment: r#"
        DELETE FROM payment p USING "transaction" t
        WHERE p.transaction_id = t.transaction_id AND t.sales_order_id = $1 RETURNING p::text"#,
    delete_transaction: r#"DELETE FROM "transaction" t WHERE sales_order_id = $1 RETURNING t::text"#,
    delete_order: "DELETE FROM sales_order o WHERE sales_order_id = $1 RETURNING o::text",
    put_back_order: "
        INSERT INTO sales_order
        SELECT o.* FROM jsonb_populate_record($1::text::sales_order, $2::text::jsonb) o",
    quantity: "units_sold",
};

const PURCHASES: Statements = Statements {
    insert: r#"
        WITH ordered AS (
            INSERT INTO purchase_order (created_at, last_updated, staff_id, counterparty_id, item_code, item_quantity,
                item_unit_price, currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id)
            SELECT $1::timestamp, $1, staff, counterparty, code, 1 + quantity % 999,
                price * 0.01, currency, delivery, payment, location
            FROM unnest($2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
                    $8::integer[], $9::text[], $10::text[], $11::integer[])
                AS o(code, design, staff, counterparty, quantity, price, currency, delivery, payment, location)
            RETURNING *
        ), noted AS (
            INSERT INTO "transaction" (transaction_type, purchase_order_id, created_at, last_updated)
            SELECT 'PURCHASE'::"TransactionType", purchase_order_id, $1, $1 FROM ordered
            RETURNING transaction_id, purchase_order_id
        ), due AS (
            INSERT INTO payment (created_at, last_updated, transaction_id, counterparty_id, payment_amount,
                currency_id, payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number)
            SELECT $1, $1, transaction_id, counterparty_id, item_quantity * item_unit_price,
                currency_id, 3, false, agreed_payment_date, 30000000 + item_quantity, 40000000 + item_quantity
            FROM noted JOIN ordered USING (purchase_order_id)
            RETURNING payment_id
        )
        SELECT (SELECT max(purchase_order_id) FROM ordered), (SELECT max(transaction_id) FROM noted),
            (SELECT max(payment_id) FROM due)"#,
    delete_payment: r#"
        DELETE FROM payment p USING "transaction" t
        WHERE p.transaction_id = t.transaction_id AND t.purchase_order_id = $1 RETURNING p::text"#,
    delete_transaction: r#"DELETE FROM "transaction" t WHERE purchase_order_id = $1 RETURNING t::text"#,
    delete_order: "DELETE FROM purchase_order o WHERE purchase_order_id = $1 RETURNING o::text",
    put_back_order: "
        INSERT INTO purchase_order
        SELECT o.* FROM jsonb_populate_record($1::text::purchase_order, $2::text::jsonb) o",
    quantity: "item_quantity",
};

const PUT_BACK_TRANSACTION: &str =
    r#"INSERT INTO "transaction" SELECT t.* FROM (SELECT ($1::text::"transaction").*) t"#;
const PUT_BACK_PAYMENT: &str = "INSERT INTO payment SELECT p.* FROM (SELECT ($1::text::payment).*) p";

/// Inserts `count` orders of one kind, three rows each.
pub(super) async fn insert(
    session: &mut Session,
    shared: &Shared,
    random: &mut Random,
    count: u64,
) -> Result<Versions, Error> {
    let kind = Kind::pick(random);
    let now = shared.clock.now();
    let mut keys = |table| (0..count).map(|_| shared.keys.pick(table, random)).collect::<Vec<i32>>();
    let (designs, staff, counterparties) = (keys(Table::Design), keys(Table::Staff), keys(Table::Counterparty));
    let (currencies, locations) = (keys(Table::Currency), keys(Table::Address));
    let mut numbers = |low, high| (0..count).map(|_| random.between(low, high) as i32).collect::<Vec<i32>>();
    let (quantities, prices) = (numbers(1, 98_973), numbers(200, 400));
    let codes: Vec<String> = (0..count).map(|_| random.text(words::CODE_ALPHABET, 7)).collect();
    let mut dates = || (0..count).map(|_| date(now, random.between(0, AGREED_DAYS_MAX))).collect::<Vec<String>>();
    let (deliveries, payments) = (dates(), dates());
    let rows = session
        .query(
            kind.statements().insert,
            &[
                &now,
                &codes,
                &designs,
                &staff,
                &counterparties,
                &quantities,
                &prices,
                &currencies,
                &deliveries,
                &payments,
                &locations,
            ],
        )
        .await?;
    for row in rows {
        shared.keys.heard_of(kind.table(), row.get(0));
        shared.keys.heard_of(Table::Transaction, row.get(1));
        shared.keys.heard_of(Table::Payment, row.get(2));
    }
    Ok(Versions { inserted: 3 * count, ..Versions::default() })
}

fn date(now: SystemTime, days: u64) -> String {
    let today = DateTime::<Utc>::from(now).date_naive();
    today.checked_add_days(Days::new(days)).unwrap_or(today).to_string()
}

/// An order that was deleted, its rows as Postgres writes composite values.
#[derive(Debug, Clone)]
pub(super) struct Deleted {
    kind: Kind,
    order: String,
    transaction: Option<String>,
    payment: Option<String>,
}

/// Deletes an order with what belongs to it, if it is there.
pub(super) async fn delete(session: &mut Session, kind: Kind, id: i32) -> Result<(Versions, Option<Deleted>), Error> {
    let statements = kind.statements();
    let payment = deleted_row(session, statements.delete_payment, id).await?;
    let transaction = deleted_row(session, statements.delete_transaction, id).await?;
    let order = deleted_row(session, statements.delete_order, id).await?;
    let rows = [&payment, &transaction, &order].into_iter().flatten().count() as u64;
    let deleted = order.map(|order| Deleted { kind, order, transaction, payment });
    Ok((Versions { deleted: rows, ..Versions::default() }, deleted))
}

/// Deletes an order alone: its transaction stays and loses the order's id.
pub(super) async fn delete_from_under_transaction(
    session: &mut Session,
    kind: Kind,
    id: i32,
) -> Result<Versions, Error> {
    let order = deleted_row(session, kind.statements().delete_order, id).await?;
    Ok(Versions { deleted: u64::from(order.is_some()), ..Versions::default() })
}

async fn deleted_row(session: &mut Session, sql: &'static str, id: i32) -> Result<Option<String>, Error> {
    Ok(session.query(sql, &[&id]).await?.first().map(|row| row.get(0)))
}

/// Puts a deleted order back under its key, as it was or with another quantity.
pub(super) async fn put_back(session: &mut Session, random: &mut Random, deleted: &Deleted) -> Result<Versions, Error> {
    let statements = deleted.kind.statements();
    let changes = match random.below(2) {
        0 => "{}".to_owned(),
        _ => format!("{{\"{}\": {}}}", statements.quantity, random.between(1, 999)),
    };
    let mut rows = session.execute(statements.put_back_order, &[&deleted.order, &changes]).await?;
    if let Some(transaction) = &deleted.transaction {
        rows += session.execute(PUT_BACK_TRANSACTION, &[transaction]).await?;
    }
    if let Some(payment) = &deleted.payment {
        rows += session.execute(PUT_BACK_PAYMENT, &[payment]).await?;
    }
    Ok(Versions { inserted: rows, reinserted: rows, ..Versions::default() })
}
