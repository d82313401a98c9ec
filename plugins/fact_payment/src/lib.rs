//! Payments: one row for each version, without the account numbers.

use sdk::{Context, Date, Decimal, Reject, Source, Star, Time, Timestamp};

/// A payment as it stands in ToteSys.
#[derive(Source)]
#[source(table = "payment")]
pub struct Payment {
    payment_id: i32,
    created_at: Timestamp,
    last_updated: Timestamp,
    transaction_id: i32,
    counterparty_id: i32,
    payment_amount: Decimal<10, 2>,
    currency_id: i32,
    payment_type_id: i32,
    paid: bool,
    payment_date: Date,
}

/// A version of a payment.
#[derive(Star)]
#[star(fact, key = "payment_record_id")]
pub struct FactPayment {
    /// Numbers the versions 1, 2, 3, ... in the order of arrival; a gap is a rejected version.
    payment_record_id: i32,
    /// The payment; it has a row for each of its versions.
    payment_id: i32,
    /// The day on which the payment was entered.
    #[star(references = "dim_date.date_id")]
    created_date: Date,
    /// The time of that day.
    created_time: Time,
    /// The day on which the payment was last changed, as far as the source says.
    #[star(references = "dim_date.date_id")]
    last_updated_date: Date,
    /// The time of that day.
    last_updated_time: Time,
    /// What is paid for.
    #[star(references = "dim_transaction.transaction_id")]
    transaction_id: i32,
    /// Who pays, or is paid.
    #[star(references = "dim_counterparty.counterparty_id")]
    counterparty_id: i32,
    /// How much, in the payment's currency.
    payment_amount: Decimal<10, 2>,
    /// The currency of the amount.
    #[star(references = "dim_currency.currency_id")]
    currency_id: i32,
    /// Whether money comes in or goes out, and why.
    #[star(references = "dim_payment_type.payment_type_id")]
    payment_type_id: i32,
    /// Whether the money has been paid.
    paid: bool,
    /// The day on which the payment is due.
    #[star(references = "dim_date.date_id")]
    payment_date: Date,
}

fn transform(payment: &Payment, context: &Context<'_>) -> Result<FactPayment, Reject> {
    Ok(FactPayment {
        payment_record_id: context.record_id()?,
        payment_id: payment.payment_id,
        created_date: payment.created_at.date(),
        created_time: payment.created_at.time(),
        last_updated_date: payment.last_updated.date(),
        last_updated_time: payment.last_updated.time(),
        transaction_id: payment.transaction_id,
        counterparty_id: payment.counterparty_id,
        payment_amount: payment.payment_amount,
        currency_id: payment.currency_id,
        payment_type_id: payment.payment_type_id,
        paid: payment.paid,
        payment_date: payment.payment_date,
    })
}

sdk::plugin!(transform: Payment => FactPayment);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
