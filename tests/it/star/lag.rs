//! How far star tables are behind, as the functions' metrics tell it.

use super::explain::{Workplace, order};
use chrono::{TimeDelta, Utc};
use host::checkpoint::FileCheckpoints;
use host::lake::Lake;
use host::process::{Lag, lag};
use host::store::FolderStore;
use std::sync::Arc;

/// The lag in an hour from now.
fn in_an_hour(workplace: &Workplace) -> Lag {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lake = Lake::new(Arc::new(FolderStore::open(&workplace.path("lake/raw")).unwrap()));
    let checkpoints = ["lake/checkpoints", "lake/checkpoints/star"].map(|path| workplace.path(path));
    let [checkpoints, stars] = checkpoints.map(|path| FileCheckpoints::open(&path).unwrap());
    #[expect(clippy::disallowed_methods, reason = "the time of the test")]
    let now = Utc::now() + TimeDelta::hours(1);
    runtime.block_on(lag(&lake, &checkpoints, &stars, now)).unwrap()
}

#[test]
fn the_oldest_packet_that_waits_is_the_lag_and_what_is_held_is_counted() {
    let workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
    assert_eq!(in_an_hour(&workplace), Lag::default());
    let mut orders: Vec<String> = (1..=3).map(|id| order(id, 1, "2024-03-01")).collect();
    workplace.ingest("sales_order", &orders);
    // No star table has ever been made.
    assert!(in_an_hour(&workplace).oldest >= TimeDelta::hours(1));
    workplace.text(&["process"], 0);
    assert_eq!(in_an_hour(&workplace), Lag::default());
    orders.extend((4..=40).map(|id| order(id, 1, "2024-02-30")));
    workplace.ingest("sales_order", &orders);
    workplace.text(&["process"], 1);
    let behind = in_an_hour(&workplace);
    assert!(behind.oldest >= TimeDelta::hours(1) && behind.held == 1 && behind.failing == 0, "{behind:?}");
    workplace.text(&["process", "--accept", "fact_sales_order/2"], 0);
    assert_eq!(in_an_hour(&workplace), Lag::default());
}
