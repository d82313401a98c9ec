//! What is in the lake against what was in the database, poll by poll, while eight writers do their worst.
//!
//! The truth of a poll is every table, read by another connection in the very snapshot in which the host reads, as the server
//! itself writes rows as JSON. Expected are the rows that differ from what the lake holds, each once; and at a sweep the keys
//! that are gone.

use crate::ingest::poll::{Lakes, What};
use host::source::Cursor;
use std::time::Duration;
use tests::tools::soak;
use totesys::server::{Options, Server};
use totesys::simulator::{Simulator, SimulatorOptions};
use totesys::{Generator, Options as Rows, Size};

/// What happens beside the polls, each so many polls.
/// How long a writer rests between two transactions, so that there are many polls.
const REST: Duration = Duration::from_millis(20);
const RANGE_EVERY: u32 = 7;
const SWEEP_EVERY: u32 = 19;
const CRASH_EVERY: u32 = 5;

#[test]
fn nothing_is_lost_and_nothing_doubled_while_eight_writers_write() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let mut server = Server::start(Options::default()).unwrap();
    let url = server.create_database("totesys").unwrap();
    let rows = Generator::new(Rows { size: Size::SalesOrders(400), ..Rows::default() }).unwrap();
    runtime.block_on(async {
        let client = tests::flow::connect(&url).await;
        totesys::load::load(&client, &rows).await.unwrap();
    });
    let versions = 20_000 * soak() as u64;
    let mut lakes = Lakes::new(&url);
    // The first poll reads everything; the next is 2^32 transactions later, and the counter of 32 bits turns over under way.
    runtime.block_on(lakes.poll(What::Changes, None));
    server.reset_next_xid((1 << 32) - versions / 20).unwrap();

    let mut simulator = runtime.block_on(start(&url, 1, versions / 2));
    let mut polls = 0;
    for round in 0..2 {
        loop {
            let is_over = runtime.block_on(async {
                tokio::time::timeout(Duration::from_millis(100), simulator.finished()).await.is_ok()
            });
            polls += 1;
            let what = match polls {
                _ if polls % SWEEP_EVERY == 0 => What::Sweep,
                _ if polls % RANGE_EVERY == 0 => What::Range,
                _ => What::Changes,
            };
            // The host is stopped at any time, as it were by a crash.
            let stop = (polls % CRASH_EVERY == 0).then(|| Duration::from_millis(u64::from(polls * 37 % 90)));
            runtime.block_on(lakes.poll(what, stop));
            if is_over {
                break;
            }
        }
        let played = runtime.block_on(simulator.stop()).unwrap();
        println!("{played:?}");
        assert!(played.versions.total() >= versions / 2, "{played:?}");
        if round == 1 {
            break;
        }
        // A restart, and a crash of the server, while the lake looks on.
        server.restart().unwrap();
        runtime.block_on(lakes.poll(What::Changes, None));
        server.crash().unwrap();
        runtime.block_on(lakes.poll_of_nothing());
        server.start_again().unwrap();
        simulator = runtime.block_on(start(&url, 2, versions / 2));
    }
    runtime.block_on(async {
        lakes.poll(What::Changes, None).await;
        lakes.poll(What::Sweep, None).await;
        lakes.is_as_the_database().await;
        let xid = lakes.snapshot_of("sales_order").await;
        assert!(xid > 1 << 32, "the transactions have passed 2^32: {xid}");
    });
    println!("{lakes}");
    assert!(lakes.versions() > versions / 4, "polls see most of what was written: {lakes}");
    assert!(lakes.lost_by_the_plain_rule() > 0, "the plain rule would have lost something: {lakes}");
}

#[test]
fn a_sweep_finds_each_delete_and_each_silent_edit_that_last_updated_has_missed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let server = Server::start(Options::default()).unwrap();
    let url = server.create_database("totesys").unwrap();
    let rows = Generator::new(Rows { size: Size::SalesOrders(300), ..Rows::default() }).unwrap();
    runtime.block_on(async {
        totesys::load::load(&tests::flow::connect(&url).await, &rows).await.unwrap();
        // Everything that was loaded has a time long ago; what comes now is read without delay.
        let cursor = Cursor::LastUpdated { columns: vec!["last_updated".to_owned()], lag_seconds: 1 };
        let mut lakes = Lakes::with_cursor(&url, &cursor);
        lakes.poll_unchecked().await;
        let mut simulator = start(&url, 3, 4_000 * soak() as u64).await;
        while tokio::time::timeout(Duration::from_millis(200), simulator.finished()).await.is_err() {
            lakes.poll_unchecked().await;
        }
        simulator.stop().await.unwrap();
        // The last moments are not held back any more.
        tokio::time::sleep(Duration::from_secs(2)).await;
        lakes.poll_unchecked().await;
        let (edited, gone) = lakes.missing().await;
        println!("`last_updated` has missed {edited} rows that changed and {gone} that are gone");
        assert!(edited > 0 && gone > 0, "{edited} {gone}");
        let (rows, deletes) = lakes.sweep().await;
        assert_eq!((edited, gone), (rows, deletes));
        lakes.is_as_the_database().await;
    });
}

async fn start(url: &str, seed: u64, versions: u64) -> Simulator {
    let options = SimulatorOptions { seed, versions_target: Some(versions), rest: REST, ..SimulatorOptions::default() };
    Simulator::start(url, options).await.unwrap()
}
