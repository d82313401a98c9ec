//! Sales and purchase orders, and the transaction of each.

use std::io::{self, Write};

use crate::calendar::{AGREED_DAYS_MAX, Day, Instant};
use crate::generator::{Generator, is_edited};
use crate::later;
use crate::line::LineWriter;
use crate::random::Random;
use crate::reference::{ADDRESSES, COUNTERPARTIES, CURRENCIES, STAFF};
use crate::schema::Table;
use crate::timeline::OrderId;
use crate::words;

/// Delivery is agreed for up to so many days after the order, payment for one day less.
const DELIVERY_DAYS_MAX: u64 = 7;
const PAYMENT_DAYS_MAX: u64 = 6;
/// A transaction is written up to so many milliseconds after its order.
const TRANSACTION_LAG_MS_MAX: u64 = 2;

/// The purpose of an item code's random numbers, beside the tables'.
const PURPOSE: u64 = 19;

/// What orders of both kinds have.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) created: Instant,
    design_id: u64,
    staff_id: u64,
    pub(crate) counterparty_id: u64,
    quantity: u64,
    /// In hundredths.
    price: u64,
    pub(crate) currency_id: u64,
    delivery: Day,
    pub(crate) payment: Day,
    location_id: u64,
}

impl Order {
    /// Computes an order; `event` is its place in the timeline.
    pub(crate) fn of(database: &Generator, order: OrderId, event: u64) -> Self {
        let (table, id) = match order {
            OrderId::Sale(id) => (Table::SalesOrder, id),
            OrderId::Purchase(id) => (Table::PurchaseOrder, id),
        };
        let mut random = Random::of_row(database.seed(), table, id);
        let created = database.instant(event);
        let (quantity, price) = match table {
            Table::SalesOrder => (random.between(1_001, 99_973), random.between(200, 400)),
            _ => (random.between(1, 999), random.between(332, 99_907)),
        };
        // What an edit changed later is mostly a date, and then it may lie years ahead.
        let postponed = is_edited(database.seed(), table, id) && random.below(4) > 0;
        let delivery_days = match postponed {
            true => random.between(DELIVERY_DAYS_MAX + 3, AGREED_DAYS_MAX),
            false => random.between(0, DELIVERY_DAYS_MAX),
        };
        Self {
            created,
            design_id: 1 + random.below(database.designs_at(event)),
            staff_id: random.between(1, STAFF),
            counterparty_id: random.between(1, COUNTERPARTIES),
            quantity,
            price,
            currency_id: random.between(1, CURRENCIES.len() as u64),
            delivery: created.day().plus(delivery_days),
            payment: created.day().plus(random.between(0, PAYMENT_DAYS_MAX)),
            location_id: random.between(1, ADDRESSES),
        }
    }

    /// Changes one column, on one of the days on which nobody moves `last_updated`.
    fn edit(&mut self, database: &Generator, table: Table, id: u64, later_day: u64) {
        match later::edited_column(database.seed(), id, later_day) {
            0 => self.location_id = 1 + self.location_id % ADDRESSES,
            1 => self.staff_id = 1 + self.staff_id % STAFF,
            2 if table == Table::SalesOrder => self.design_id = 1 + self.design_id % database.designs(),
            _ => self.delivery = self.delivery.plus(1),
        }
    }

    /// What has to be paid, in hundredths: exact, and within numeric(10,2).
    pub(crate) fn amount(&self) -> u64 {
        self.quantity * self.price
    }
}

/// When the transaction of an order was written, and its payment with it.
pub(crate) fn transaction_created(seed: u64, event: u64, order_created: Instant) -> Instant {
    order_created.plus_ms(Random::of_row(seed, Table::Transaction, event + 1).below(TRANSACTION_LAG_MS_MAX + 1))
}

pub(crate) fn write_sales_order(
    line: &mut LineWriter<impl Write>,
    database: &Generator,
    id: u64,
    edited_on: &[u64],
) -> io::Result<()> {
    let order_id = OrderId::Sale(id);
    let mut order = Order::of(database, order_id, database.event(order_id));
    edited_on.iter().for_each(|&day| order.edit(database, Table::SalesOrder, id, day));
    line.integer(id);
    line.timestamp(order.created);
    line.timestamp(order.created);
    line.integer(order.design_id);
    line.integer(order.staff_id);
    line.integer(order.counterparty_id);
    line.integer(order.quantity);
    line.money(order.price);
    line.integer(order.currency_id);
    line.date(order.delivery);
    line.date(order.payment);
    line.integer(order.location_id);
    line.end()
}

pub(crate) fn write_purchase_order(
    line: &mut LineWriter<impl Write>,
    database: &Generator,
    id: u64,
    edited_on: &[u64],
) -> io::Result<()> {
    let order_id = OrderId::Purchase(id);
    let mut order = Order::of(database, order_id, database.event(order_id));
    edited_on.iter().for_each(|&day| order.edit(database, Table::PurchaseOrder, id, day));
    let item_code = Random::of(database.seed(), PURPOSE, id).text(words::CODE_ALPHABET, 7);
    line.integer(id);
    line.timestamp(order.created);
    line.timestamp(order.created);
    line.integer(order.staff_id);
    line.integer(order.counterparty_id);
    line.text(&item_code);
    line.integer(order.quantity);
    line.money(order.price);
    line.integer(order.currency_id);
    line.date(order.delivery);
    line.date(order.payment);
    line.integer(order.location_id);
    line.end()
}

pub(crate) fn write_transaction(line: &mut LineWriter<impl Write>, database: &Generator, id: u64) -> io::Result<()> {
    let event = id - 1;
    let created = transaction_created(database.seed(), event, database.instant(event));
    let order = database.order(event);
    // The order behind the event after the timeline's last was deleted, and its id set to null.
    let is_deleted = database.is_orphan(event);
    let (kind, sales_order_id, purchase_order_id) = match order {
        OrderId::Sale(id) => ("SALE", (!is_deleted).then_some(id), None),
        OrderId::Purchase(id) => ("PURCHASE", None, (!is_deleted).then_some(id)),
    };
    line.integer(id);
    line.text(kind);
    line.integer_or_null(sales_order_id);
    line.integer_or_null(purchase_order_id);
    line.timestamp(created);
    line.timestamp(created);
    line.end()
}
