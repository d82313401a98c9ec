//! Divides by what may be 0, and counts steps that have no end for a number below 0.

use guests::orders::{FactSalesOrder, SalesOrder, row};
use sdk::{Context, Reject};

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    let boxes = 100_000 / order.units_sold;
    Ok(FactSalesOrder { units_sold: boxes + steps(order.units_sold), ..row(order, context)? })
}

/// How many steps it takes to 1: half of an even number, three times an odd one and one more.
fn steps(units: i32) -> i32 {
    let mut number = i64::from(units);
    let mut steps = 0;
    while number != 1 {
        number = if number % 2 == 0 { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
