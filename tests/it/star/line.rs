//! The whole line over a live database: every cell of every star table, as other readers of Delta Lake see it, against
//! independent SQL over the packets.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tests::tools::{assert_done, cache_folder, host, plugins_folder, python, readers, soak, workspace};
use totesys::simulator::{Simulator, SimulatorOptions};
use totesys::{Generator, Options as Rows, Size};

/// Runs the host with a lake in `folder`.
fn host_in(folder: &Path, source: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(host());
    command.args(arguments).current_dir(folder).env_clear().env("HOST_PLUGINS_CACHE", cache_folder());
    command.env("HOST_SOURCE_URL", source).env("HOST_PLUGINS_PATH", plugins_folder());
    command.output().unwrap()
}

/// Holds every star table of the lake in `folder` against the SQL of the oracle, as one of the readers sees it.
pub(crate) fn assert_equals_the_oracle(folder: &Path, reader: &str) {
    let out = folder.join("export");
    let mut export = Command::new(readers());
    export.arg(workspace().join("tests/readers/export.py"));
    export.args([&folder.join("lake/raw"), &folder.join("lake/star"), &out]).args(["--reader", reader]);
    let exported = export.output().unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let document: serde_json::Value = serde_json::from_slice(&exported.stdout).unwrap();
    let years = &document["dim_date"]["years"];
    let mut compare = Command::new(python());
    compare.arg(workspace().join("tests/oracle/compare.py")).args([&out.join("raw"), &out.join("star")]);
    let compared = compare.args(["--calendar", &format!("{}..{}", years[0], years[1])]).output().unwrap();
    let said = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{reader}: {said}{}", String::from_utf8_lossy(&compared.stderr));
    assert!(!said.contains("skipped"), "{said}");
}

/// Holds the current rows of the facts, and the keys that are gone, against the database.
pub(crate) fn assert_current_rows_equal_the_source(folder: &Path, url: &str) {
    let mut current = Command::new(readers());
    current.arg(workspace().join("tests/readers/current.py"));
    let compared = current.args([folder.join("lake/raw"), folder.join("lake/star")]).arg(url).output().unwrap();
    assert_done(&compared);
    let said: serde_json::Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert!(said["gone"].as_u64() > Some(0) && said["current"]["fact_sales_order"].as_u64() > Some(100), "{said}");
    eprintln!("{said}");
}

/// Days of a database under the hands of several writers, synchronised all the time.
#[test]
fn days_of_a_live_database_become_star_tables_that_equal_independent_sql() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let url = tests::flow::database();
    let rows = Generator::new(Rows { size: Size::SalesOrders(300), ..Rows::default() }).unwrap();
    runtime.block_on(async {
        let client = tests::flow::connect(&url).await;
        totesys::load::load(&client, &rows).await.unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    assert_done(&host_in(folder.path(), &url, &["sync"]));
    let days = 4 * soak() as u64;
    for day in 0..days {
        let options =
            SimulatorOptions { writers: 4, seed: day, versions_target: Some(200), rest: Duration::from_millis(5) };
        runtime.block_on(async {
            let mut simulator = Simulator::start(&url, options).await.unwrap();
            loop {
                let is_over = tokio::time::timeout(Duration::from_millis(300), simulator.finished()).await.is_ok();
                let synced = host_in(folder.path(), &url, &["sync"]);
                assert_done(&synced);
                if is_over {
                    break;
                }
            }
            simulator.stop().await.unwrap();
        });
        if day % 2 == 1 {
            assert_done(&host_in(folder.path(), &url, &["reconcile"]));
        }
    }
    assert_done(&host_in(folder.path(), &url, &["sync"]));
    assert_done(&host_in(folder.path(), &url, &["reconcile"]));
    assert_done(&host_in(folder.path(), &url, &["process"]));
    for reader in ["deltalake", "polars", "duckdb"] {
        assert_equals_the_oracle(folder.path(), reader);
    }
    assert_current_rows_equal_the_source(folder.path(), &url);
    assert_done(&host_in(folder.path(), &url, &["verify"]));
}
