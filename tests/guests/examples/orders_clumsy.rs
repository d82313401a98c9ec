//! Divides by what may be 0, and counts down from below 0.

use guests::orders::{FactSalesOrder, SalesOrder, row};
use sdk::{Context, Reject};
use std::hint::black_box;

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    let boxes = 1_000 / order.units_sold;
    let mut left = i64::from(order.units_sold);
    while left < 0 {
        left = left.wrapping_sub(1).min(-1);
        black_box(left);
    }
    Ok(FactSalesOrder { units_sold: order.units_sold + black_box(boxes) * 0, ..row(order, context)? })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
