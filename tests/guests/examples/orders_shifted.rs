//! A later version of `fact_sales_order` that numbers its rows in another way: each key comes from the next line.

use guests::orders::{FactSalesOrder, SalesOrder, row};
use sdk::{Context, Reject};

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    let row = row(order, context)?;
    Ok(FactSalesOrder { sales_record_id: row.sales_record_id - 1, ..row })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
