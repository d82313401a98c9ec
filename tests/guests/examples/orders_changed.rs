//! A later version of `fact_sales_order`: other units for some staff, other prices for some designs, no orders of one
//! counterparty, and a row for orders without a price.

use guests::orders::{FactSalesOrder, SalesOrder, row};
use sdk::{Context, Decimal, Reject};

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    if order.counterparty_id == 5 {
        return Err(
            Reject::new("counterparty", "orders of counterparty 5 are booked elsewhere").column("counterparty_id")
        );
    }
    let row = row(order, context)?;
    Ok(FactSalesOrder {
        units_sold: if order.staff_id % 7 == 0 { order.units_sold + 1 } else { order.units_sold },
        unit_price: if order.design_id % 10 == 3 { Decimal::default() } else { order.unit_price },
        ..row
    })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
