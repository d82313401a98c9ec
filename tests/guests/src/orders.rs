//! What the plugins have in common that read sales orders and break one rule, or are a later version of another.

use sdk::{Context, Date, Decimal, Reject, Source, Star, Time, Timestamp};

/// An order.
#[derive(Source)]
#[source(table = "sales_order")]
#[expect(missing_docs, reason = "the columns of ToteSys")]
pub struct SalesOrder {
    pub sales_order_id: i32,
    pub created_at: Timestamp,
    pub last_updated: Timestamp,
    pub design_id: i32,
    pub staff_id: i32,
    pub counterparty_id: i32,
    pub units_sold: i32,
    pub unit_price: Decimal<10, 2>,
    pub currency_id: i32,
    pub agreed_delivery_date: Date,
    pub agreed_payment_date: Date,
    pub agreed_delivery_location_id: i32,
}

/// A version of an order.
#[derive(Star)]
#[star(fact, key = "sales_record_id")]
#[expect(missing_docs, reason = "the columns of the star schema")]
pub struct FactSalesOrder {
    pub sales_record_id: i32,
    pub sales_order_id: i32,
    pub created_date: Date,
    pub created_time: Time,
    pub last_updated_date: Date,
    pub last_updated_time: Time,
    pub sales_staff_id: i32,
    pub counterparty_id: i32,
    pub units_sold: i32,
    pub unit_price: Decimal<10, 2>,
    pub currency_id: i32,
    pub design_id: i32,
    pub agreed_payment_date: Date,
    pub agreed_delivery_date: Date,
    pub agreed_delivery_location_id: i32,
}

/// The row of an order.
///
/// # Errors
/// A record number that is no integer of 32 bits.
pub fn row(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    Ok(FactSalesOrder {
        sales_record_id: context.record_id()?,
        sales_order_id: order.sales_order_id,
        created_date: order.created_at.date(),
        created_time: order.created_at.time(),
        last_updated_date: order.last_updated.date(),
        last_updated_time: order.last_updated.time(),
        sales_staff_id: order.staff_id,
        counterparty_id: order.counterparty_id,
        units_sold: order.units_sold,
        unit_price: order.unit_price,
        currency_id: order.currency_id,
        design_id: order.design_id,
        agreed_payment_date: order.agreed_payment_date,
        agreed_delivery_date: order.agreed_delivery_date,
        agreed_delivery_location_id: order.agreed_delivery_location_id,
    })
}
