//! A simulation does all that it promises, and leaves a database that is whole.
#![allow(clippy::disallowed_types, reason = "tests look into databases themselves")]

use std::error::Error;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};
use totesys::load::load;
use totesys::schema::Key;
use totesys::server::{Options as ServerOptions, Server};
use totesys::simulator::{Played, Simulator, SimulatorOptions};
use totesys::{Generator, Options, Size, Table};

type Outcome = Result<(), Box<dyn Error>>;

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A server with a small database, and its URL.
async fn loaded() -> Result<(Server, String), Box<dyn Error>> {
    let server = Server::start(ServerOptions::default())?;
    let url = server.create_database("totesys")?;
    let generator = Generator::new(Options { size: Size::SalesOrders(1_000), ..Options::default() })?;
    load(&connect(&url).await?, &generator).await?;
    Ok((server, url))
}

async fn count(client: &Client, sql: &str) -> Result<i64, tokio_postgres::Error> {
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// Foreign keys hold, nothing is prepared and nobody is connected any more.
async fn assert_whole(url: &str) -> Outcome {
    let client = connect(url).await?;
    for table in Table::ALL {
        for column in table.columns() {
            let Key::Foreign { table: parent, .. } = column.key else { continue };
            let orphans = format!(
                "SELECT count(*) FROM \"{}\" WHERE \"{}\" NOT IN (SELECT \"{}\" FROM \"{}\")",
                table.name(),
                column.name,
                parent.columns()[0].name,
                parent.name()
            );
            assert_eq!(0, count(&client, &orphans).await?, "{} of {}", column.name, table.name());
        }
    }
    assert_eq!(0, count(&client, "SELECT count(*) FROM pg_prepared_xacts").await?);
    Ok(())
}

fn assert_all_kinds(played: Played) {
    let (versions, transactions) = (played.versions, played.transactions);
    for (kind, count) in [
        ("inserted", versions.inserted),
        ("updated", versions.updated),
        ("silently edited", versions.silently_edited),
        ("flipped", versions.flipped),
        ("deleted", versions.deleted),
        ("reinserted", versions.reinserted),
        ("keys changed", versions.keys_changed),
        ("committed", transactions.committed),
        ("late", transactions.late),
        ("with savepoints", transactions.with_savepoints),
        ("with many savepoints", transactions.with_many_savepoints),
        ("rolled back", transactions.rolled_back),
        ("prepared and committed", transactions.prepared_committed),
        ("prepared and rolled back", transactions.prepared_rolled_back),
    ] {
        assert!(count > 0, "nothing was {kind}: {played:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_working_day_has_everything_in_it_and_leaves_a_whole_database() -> Outcome {
    let (_server, url) = loaded().await?;
    let rows = "SELECT (SELECT count(*) FROM sales_order) + (SELECT count(*) FROM purchase_order)
                    + (SELECT count(*) FROM \"transaction\") + (SELECT count(*) FROM payment)";
    let rows_before = count(&connect(&url).await?, rows).await?;
    let simulator = Simulator::start(&url, SimulatorOptions::default()).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;

    // Nothing moves in a pause.
    simulator.pause().await;
    let (client, before) = (connect(&url).await?, simulator.played());
    assert_eq!(0, count(&client, "SELECT count(*) FROM pg_prepared_xacts").await?);
    let newest = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    let newest_before = count(&client, newest).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((before, newest_before), (simulator.played(), count(&client, newest).await?));
    simulator.resume();

    tokio::time::sleep(Duration::from_secs(2)).await;
    let played = simulator.stop().await?;
    assert_all_kinds(played);
    assert_eq!((0, 0), (played.transactions.lost, played.transactions.unknown));
    let (inserted, deleted) = (played.versions.inserted as i64, played.versions.deleted as i64);
    assert_eq!(rows_before + inserted - deleted, count(&client, rows).await?);
    assert!(played.versions.total() > before.versions.total());
    assert_whole(&url).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_survive_restarts_and_crashes_of_the_server() -> Outcome {
    let (mut server, url) = loaded().await?;
    let simulator = Simulator::start(&url, SimulatorOptions { seed: 2, ..SimulatorOptions::default() }).await?;
    let mut before = simulator.played();
    for round in 0..4 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        if round % 2 == 0 {
            server.restart()?;
        } else {
            server.crash()?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.start_again()?;
        }
        let restarted = Instant::now();
        while simulator.played().transactions.committed < before.transactions.committed + 20 {
            assert!(restarted.elapsed() < Duration::from_secs(20), "{:?}", simulator.played());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        before = simulator.played();
    }
    let played = simulator.stop().await?;
    assert!(played.transactions.lost > 0, "{played:?}");
    assert_whole(&url).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_stop_at_their_target() -> Outcome {
    let (_server, url) = loaded().await?;
    let options = SimulatorOptions { versions_target: Some(2_000), writers: 4, seed: 3, ..SimulatorOptions::default() };
    let mut simulator = Simulator::start(&url, options).await?;
    simulator.finished().await;
    let played = simulator.stop().await?;
    assert!((2_000..6_000).contains(&played.versions.total()), "{played:?}");
    assert_whole(&url).await
}
