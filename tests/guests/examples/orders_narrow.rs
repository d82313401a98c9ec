//! A later version of `fact_sales_order` with a column less, and another that is wider.

use guests::orders::SalesOrder;
use sdk::{Context, Decimal, Reject, Star};

/// A version of an order.
#[derive(Star)]
#[star(fact, key = "sales_record_id")]
struct FactSalesOrder {
    sales_record_id: i32,
    sales_order_id: i64,
    unit_price: Decimal<10, 2>,
}

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    Ok(FactSalesOrder {
        sales_record_id: context.record_id()?,
        sales_order_id: order.sales_order_id.into(),
        unit_price: order.unit_price,
    })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
