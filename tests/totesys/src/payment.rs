//! Payments: one for each transaction, paid in the morning run of the working day on which it was due.

use std::io::{self, Write};

use crate::calendar::{Day, Instant};
use crate::generator::Generator;
use crate::line::LineWriter;
use crate::orders::{Order, transaction_created};
use crate::random::Random;
use crate::schema::Table;
use crate::timeline::OrderId;

/// The payment types in use, by their ids.
const SALES_RECEIPT: u64 = 1;
const PURCHASE_PAYMENT: u64 = 3;
/// The morning run starts at 07:55:11.
const PAID_MS: u64 = ((7 * 60 + 55) * 60 + 11) * 1_000;
/// The purpose of a morning run's random numbers, beside the tables'.
const PURPOSE: u64 = 18;

pub(crate) fn write_payment(line: &mut LineWriter<impl Write>, database: &Generator, id: u64) -> io::Result<()> {
    let event = id - 1;
    let order_id = database.order(event);
    let order = Order::of(database, order_id, event);
    let created = transaction_created(database.seed(), event, order.created);
    let paid_at = paid_at(database.seed(), created.day(), order.payment);
    let is_paid = paid_at <= Instant::end(database.later().days());
    let mut random = Random::of_row(database.seed(), Table::Payment, id);
    line.integer(id);
    line.timestamp(created);
    line.timestamp(if is_paid { paid_at } else { created });
    line.integer(id);
    line.integer(order.counterparty_id);
    line.money(order.amount());
    line.integer(order.currency_id);
    line.integer(match order_id {
        OrderId::Sale(_) => SALES_RECEIPT,
        OrderId::Purchase(_) => PURCHASE_PAYMENT,
    });
    line.boolean(is_paid);
    line.date(order.payment);
    line.integer(random.between(10_000_000, 99_999_999));
    line.integer(random.between(10_000_000, 99_999_999));
    line.end()
}

/// The first morning run after the payment was made and not before it was due: one statement, so all that it pays share
/// the millisecond.
fn paid_at(seed: u64, created: Day, due: Day) -> Instant {
    let day = due.max(created.plus(1)).or_next_working_day();
    day.at_ms(PAID_MS + Random::of(seed, PURPOSE, day.0).below(1_000))
}
