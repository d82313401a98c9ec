//! The whole line with lake, star tables, plugins and checkpoints in a cloud, as a stand-in answers for it.

use super::explain::{Workplace, order, value};
use tests::moto::Moto;
use tests::shipped_guest;
use tests::tools::plugin;

/// A folder with tables, and everything else in a bucket of its own.
fn in_a_bucket() -> Workplace {
    let moto = Moto::shared();
    let (bucket, prefix) = (moto.bucket(), moto.name());
    let mut workplace = Workplace::new(&[]);
    for (name, place) in [("HOST_LAKE_RAW", "raw"), ("HOST_LAKE_STAR", "star"), ("HOST_PLUGINS_PATH", "plugins")] {
        workplace.set(name, &format!("s3://{bucket}/{place}"));
    }
    workplace.set("HOST_CHECKPOINTS_URL", &format!("ssm:/{prefix}"));
    workplace.set("AWS_ENDPOINT_URL", &moto.url());
    workplace.set("AWS_REGION", "us-east-1");
    workplace.set("AWS_ACCESS_KEY_ID", "test");
    workplace.set("AWS_SECRET_ACCESS_KEY", "test");
    workplace.set("AWS_EC2_METADATA_DISABLED", "true");
    workplace
}

fn publish(workplace: &Workplace, component: &std::path::Path) {
    workplace.text(&["plugin", "publish", component.to_str().unwrap()], 0);
}

/// The orders of counterparty 5 are rejected by one version of the plugin, and taken by the next: which of them is in force is
/// what the lock in the bucket says, run by run.
#[test]
fn what_is_published_into_a_bucket_takes_effect_with_the_next_run_and_so_does_taking_it_back() {
    let workplace = in_a_bucket();
    let refused = workplace.text(&["process"], 3);
    assert!(refused.contains("there is no plugin in `s3://"), "{refused}");
    publish(&workplace, &plugin("dim_date"));
    publish(&workplace, &shipped_guest("orders_changed"));
    let mut orders = vec![order(1, 5, "2024-03-01"), order(2, 1, "2024-03-01")];
    workplace.write("sales_order", &orders);
    workplace.text(&["sync"], 0);
    publish(&workplace, &shipped_guest("orders_latest"));
    orders.push(order(3, 5, "2024-03-01"));
    workplace.write("sales_order", &orders);
    workplace.text(&["sync"], 0);
    workplace.text(&["plugin", "rollback", "guests"], 0);
    orders.extend([order(4, 5, "2024-03-01"), order(5, 1, "2024-03-01")]);
    workplace.write("sales_order", &orders);
    workplace.text(&["sync"], 0);
    let explained = |record: u64| workplace.json(&["explain", "fact_sales_order", &record.to_string()], 0);
    let outcomes: Vec<_> = (1..=5).map(|record| explained(record)["outcome"].clone()).collect();
    assert_eq!(outcomes, ["rejected", "made", "made", "rejected", "made"]);
    assert_eq!(value(&explained(3), "sales_order_id"), "3");
    let history = workplace.json(&["plugin", "list", "guests"], 0)["history"].clone();
    let actions: Vec<_> = history.as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["publish", "publish", "rollback"]);
    workplace.text(&["verify"], 0);
    workplace.text(&["compact"], 0);
    workplace.text(&["gc"], 0);
    let status = workplace.json(&["status"], 0);
    assert_eq!(status["tables"][0]["sequence"], 3, "{status}");
}
