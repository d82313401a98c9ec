//! A later version of `fact_sales_order` that breaks its readers: without the price, and with a text for a number.

use guests::orders::SalesOrder;
use sdk::{Context, Reject, Star};

/// A version of an order.
#[derive(Star)]
#[star(fact, key = "sales_record_id")]
struct FactSalesOrder {
    sales_record_id: i32,
    units_sold: String,
}

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    Ok(FactSalesOrder { sales_record_id: context.record_id()?, units_sold: order.units_sold.to_string() })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
