//! Keeps a count from line to line, which each new call begins again.

use guests::orders::{FactSalesOrder, SalesOrder, row};
use sdk::{Context, Reject};
use std::sync::atomic::{AtomicI32, Ordering};

static COUNT: AtomicI32 = AtomicI32::new(0);

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    Ok(FactSalesOrder { units_sold: COUNT.fetch_add(1, Ordering::Relaxed), ..row(order, context)? })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
