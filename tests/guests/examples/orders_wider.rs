//! A later version of `fact_sales_order` with one column more, which takes nulls.

use guests::orders::{SalesOrder, row};
use sdk::{Context, Date, Decimal, Reject, Star, Time};

/// A version of an order.
#[derive(Star)]
#[star(fact, key = "sales_record_id")]
struct FactSalesOrder {
    sales_record_id: i32,
    sales_order_id: i32,
    created_date: Date,
    created_time: Time,
    last_updated_date: Date,
    last_updated_time: Time,
    sales_staff_id: i32,
    counterparty_id: i32,
    units_sold: i32,
    unit_price: Decimal<10, 2>,
    currency_id: i32,
    design_id: i32,
    agreed_payment_date: Date,
    agreed_delivery_date: Date,
    agreed_delivery_location_id: i32,
    boxes: Option<i32>,
}

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    let row = row(order, context)?;
    Ok(FactSalesOrder {
        sales_record_id: row.sales_record_id,
        sales_order_id: row.sales_order_id,
        created_date: row.created_date,
        created_time: row.created_time,
        last_updated_date: row.last_updated_date,
        last_updated_time: row.last_updated_time,
        sales_staff_id: row.sales_staff_id,
        counterparty_id: row.counterparty_id,
        units_sold: row.units_sold,
        unit_price: row.unit_price,
        currency_id: row.currency_id,
        design_id: row.design_id,
        agreed_payment_date: row.agreed_payment_date,
        agreed_delivery_date: row.agreed_delivery_date,
        agreed_delivery_location_id: row.agreed_delivery_location_id,
        boxes: (row.units_sold > 1_000).then_some(row.units_sold / 100),
    })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
