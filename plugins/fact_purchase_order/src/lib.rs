//! Purchase orders: one row for each version.

use sdk::{Context, Date, Decimal, Reject, Source, Star, Time, Timestamp};

/// An order as it stands in ToteSys.
#[derive(Source)]
#[source(table = "purchase_order")]
pub struct PurchaseOrder<'a> {
    purchase_order_id: i32,
    created_at: Timestamp,
    last_updated: Timestamp,
    staff_id: i32,
    counterparty_id: i32,
    item_code: &'a str,
    item_quantity: i32,
    item_unit_price: Decimal<10, 2>,
    currency_id: i32,
    agreed_delivery_date: Date,
    agreed_payment_date: Date,
    agreed_delivery_location_id: i32,
}

/// A version of a purchase order.
#[derive(Star)]
#[star(fact, key = "purchase_record_id")]
pub struct FactPurchaseOrder<'a> {
    /// Numbers the versions 1, 2, 3, ... in the order of arrival; a gap is a rejected version.
    purchase_record_id: i32,
    /// The order; it has a row for each of its versions.
    purchase_order_id: i32,
    /// The day on which the order was made.
    #[star(references = "dim_date.date_id")]
    created_date: Date,
    /// The time of that day.
    created_time: Time,
    /// The day on which the order was last changed, as far as the source says.
    #[star(references = "dim_date.date_id")]
    last_updated_date: Date,
    /// The time of that day.
    last_updated_time: Time,
    /// Who bought.
    #[star(references = "dim_staff.staff_id")]
    staff_id: i32,
    /// Who sold.
    #[star(references = "dim_counterparty.counterparty_id")]
    counterparty_id: i32,
    /// What was bought, by the supplier's code.
    item_code: &'a str,
    /// How many.
    item_quantity: i32,
    /// The price of one, in the order's currency.
    item_unit_price: Decimal<10, 2>,
    /// The currency of the price.
    #[star(references = "dim_currency.currency_id")]
    currency_id: i32,
    /// The day by which to deliver.
    #[star(references = "dim_date.date_id")]
    agreed_delivery_date: Date,
    /// The day by which to pay.
    #[star(references = "dim_date.date_id")]
    agreed_payment_date: Date,
    /// Where to deliver.
    #[star(references = "dim_location.location_id")]
    agreed_delivery_location_id: i32,
}

fn transform<'a>(order: &PurchaseOrder<'a>, context: &Context<'_>) -> Result<FactPurchaseOrder<'a>, Reject> {
    Ok(FactPurchaseOrder {
        purchase_record_id: context.record_id()?,
        purchase_order_id: order.purchase_order_id,
        created_date: order.created_at.date(),
        created_time: order.created_at.time(),
        last_updated_date: order.last_updated.date(),
        last_updated_time: order.last_updated.time(),
        staff_id: order.staff_id,
        counterparty_id: order.counterparty_id,
        item_code: order.item_code,
        item_quantity: order.item_quantity,
        item_unit_price: order.item_unit_price,
        currency_id: order.currency_id,
        agreed_delivery_date: order.agreed_delivery_date,
        agreed_payment_date: order.agreed_payment_date,
        agreed_delivery_location_id: order.agreed_delivery_location_id,
    })
}

sdk::plugin!(transform: PurchaseOrder => FactPurchaseOrder);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
