//! `host plugin publish`, `rollback` and `list`.

use super::{document, stdout};
use host::registry::{Component, Registry, RegistryError};
use host::store::FolderStore;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};
use tests::shipped_guest;
use tests::tools::{run_host, write_totesys};
use totesys::Style;

/// A folder with three versions of a plugin of one name, two of which make the same columns.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_totesys(folder.path(), 200, Style::Compact, false);
    for name in ["orders_changed", "orders_shifted", "orders_clumsy"] {
        fs::copy(shipped_guest(name), folder.path().join(format!("{name}.wasm"))).unwrap();
    }
    folder
}

fn publish(folder: &Path, component: &str, more: &[&str]) -> std::process::Output {
    run_host(folder, &[&["plugin", "publish", component, "--store", "published"], more].concat())
}

fn digest_in_force(folder: &Path) -> String {
    let output = run_host(folder, &["plugin", "list", "guests", "--store", "published", "--json"]);
    document(&output)["digest"].as_str().unwrap().to_owned()
}

#[test]
fn publishing_shows_the_difference_and_rolling_back_restores_the_digest_before() {
    let folder = folder();
    let first = publish(folder.path(), "orders_shifted.wasm", &["--note", "the first"]);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let before = digest_in_force(folder.path());
    let dry = publish(folder.path(), "orders_changed.wasm", &["--input", "sales_order.jsonl", "--dry-run"]);
    assert!(stdout(&dry).contains("fact_sales_order, rows paired by sales_record_id:"), "{}", stdout(&dry));
    assert_eq!(digest_in_force(folder.path()), before);
    let second = publish(folder.path(), "orders_changed.wasm", &["--input", "sales_order.jsonl", "--json"]);
    let report = document(&second);
    assert_eq!(report["published"]["digest_before"], before.as_str());
    assert_eq!(report["diff"]["records"], 200);
    assert_ne!(digest_in_force(folder.path()), before);
    let again = publish(folder.path(), "orders_changed.wasm", &[]);
    assert!(stdout(&again).ends_with("is already in force\n"), "{}", stdout(&again));
    let back = run_host(folder.path(), &["plugin", "rollback", "guests", "--store", "published"]);
    assert_eq!(back.status.code(), Some(0));
    assert_eq!(digest_in_force(folder.path()), before);
    let history = run_host(folder.path(), &["plugin", "list", "guests", "--store", "published", "--json"]);
    let history = document(&history)["history"].as_array().unwrap().clone();
    let actions: Vec<_> = history.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["publish", "publish", "rollback"]);
    let too_far = run_host(folder.path(), &["plugin", "rollback", "guests", "--store", "published"]);
    assert!(String::from_utf8_lossy(&too_far.stderr).starts_with("error[nothing-before]"));
    fs::write(folder.path().join("host.toml"), "[plugins]\npath = \"published\"\n").unwrap();
    let run = run_host(folder.path(), &["run", "--plugin", "guests", "--input", "sales_order.jsonl", "--json"]);
    assert_eq!(document(&run)["digest"], before.as_str(), "a published plugin runs by its name");
}

#[test]
fn a_change_that_breaks_readers_needs_to_be_meant() {
    let folder = folder();
    assert_eq!(publish(folder.path(), "orders_shifted.wasm", &[]).status.code(), Some(0));
    let before = digest_in_force(folder.path());
    // A plugin of the same name with another star table.
    let other = tests::guest("orders_other_table");
    fs::copy(other, folder.path().join("other.wasm")).unwrap();
    let refused = publish(folder.path(), "other.wasm", &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
    assert!(stdout(&refused).contains("fact_sales_order.unit_price"), "{}", stdout(&refused));
    assert!(stdout(&refused).contains("refused: guests ("), "{}", stdout(&refused));
    assert_eq!(digest_in_force(folder.path()), before);
    assert_eq!(publish(folder.path(), "other.wasm", &["--breaking"]).status.code(), Some(0));
    assert_ne!(digest_in_force(folder.path()), before);
}

#[test]
fn rows_that_a_version_rejects_over_the_budget_keep_it_from_being_published_also_the_first() {
    let folder = folder();
    let rows = ["--input", "sales_order.jsonl", "--max-rejects", "0"];
    let first = publish(folder.path(), "orders_changed.wasm", &rows);
    assert_eq!(first.status.code(), Some(1), "{}", stdout(&first));
    assert!(stdout(&first).starts_with("200 records make "), "{}", stdout(&first));
    assert!(stdout(&first).contains("rejects more of the rows than the budget allows"), "{}", stdout(&first));
    assert_eq!(publish(folder.path(), "orders_shifted.wasm", &rows).status.code(), Some(0));
    let before = digest_in_force(folder.path());
    assert_eq!(publish(folder.path(), "orders_changed.wasm", &rows).status.code(), Some(1));
    assert_eq!(digest_in_force(folder.path()), before);
    let missing = publish(folder.path(), "orders_changed.wasm", &["--input", "nowhere.jsonl", "--dry-run"]);
    assert_eq!(missing.status.code(), Some(3));
}

#[test]
fn a_lock_that_a_hand_broke_is_told_and_stays() {
    let folder = folder();
    publish(folder.path(), "orders_shifted.wasm", &[]);
    let lock = folder.path().join("published/plugins.lock");
    let right = fs::read_to_string(&lock).unwrap();
    let digest = digest_in_force(folder.path());
    for wrong in [String::new(), right.replace(&digest, "../../etc/passwd"), right.replace("[plugins.", "[plugin.")] {
        fs::write(&lock, &wrong).unwrap();
        let output = publish(folder.path(), "orders_changed.wasm", &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("error[plugins-lock]: `plugins.lock` in `published` has a mistake: "), "{said}");
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(fs::read_to_string(&lock).unwrap(), wrong);
    }
}

#[test]
fn a_damaged_component_never_comes_into_force() {
    let folder = folder();
    publish(folder.path(), "orders_shifted.wasm", &[]);
    let before = digest_in_force(folder.path());
    publish(folder.path(), "orders_clumsy.wasm", &[]);
    fs::write(folder.path().join(format!("published/guests/{before}.wasm")), b"half").unwrap();
    let back = run_host(folder.path(), &["plugin", "rollback", "guests", "--store", "published"]);
    assert!(String::from_utf8_lossy(&back.stderr).starts_with("error[damaged]"));
    assert_ne!(digest_in_force(folder.path()), before);
}

#[test]
fn a_component_that_is_damaged_in_force_can_be_published_again_or_replaced() {
    let folder = folder();
    publish(folder.path(), "orders_shifted.wasm", &[]);
    let digest = digest_in_force(folder.path());
    let stored = folder.path().join(format!("published/guests/{digest}.wasm"));
    fs::write(&stored, b"half").unwrap();
    assert_eq!(publish(folder.path(), "orders_shifted.wasm", &[]).status.code(), Some(0));
    assert_eq!(
        fs::read(&stored).unwrap(),
        fs::read(folder.path().join("orders_shifted.wasm")).unwrap(),
        "it is mended"
    );
    fs::remove_file(&stored).unwrap();
    let refused = publish(folder.path(), "orders_changed.wasm", &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
    assert!(stdout(&refused).contains("the version in force can't be compared: the component of `guests` is damaged"));
    assert_eq!(publish(folder.path(), "orders_changed.wasm", &["--breaking"]).status.code(), Some(0));
    assert_eq!(publish(folder.path(), "orders_shifted.wasm", &[]).status.code(), Some(0));
    assert_eq!(digest_in_force(folder.path()), digest);
    assert_eq!(
        fs::read(&stored).unwrap(),
        fs::read(folder.path().join("orders_shifted.wasm")).unwrap(),
        "it is mended"
    );
}

#[test]
fn several_replacements_in_one_runtime_do_not_wait_for_each_other_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    let results = block_on(async {
        let snapshot = registry.read().await.unwrap();
        let first = Component::new("fact_x", "1.0.0", vec![0]);
        registry.publish(snapshot, first, String::new(), None).await.unwrap();
        let snapshot = registry.read().await.unwrap();
        let publish = |byte| {
            let component = Component::new("fact_x", "1.0.0", vec![byte]);
            registry.publish(snapshot.clone(), component, String::new(), None)
        };
        tokio::join!(publish(1), publish(2), publish(3))
    });
    let won = [results.0.is_ok(), results.1.is_ok(), results.2.is_ok()];
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
}

#[test]
fn looking_for_a_plugin_that_is_not_published_makes_no_folder() {
    let folder = folder();
    let run = run_host(folder.path(), &["run", "--plugin", "fact_typo", "--input", "sales_order.jsonl"]);
    assert!(String::from_utf8_lossy(&run.stderr).starts_with("error[not-published]"));
    assert_eq!(run.status.code(), Some(3));
    assert!(!folder.path().join("plugins").exists());
}

fn registry(folder: &Path) -> Registry {
    Registry::new(Arc::new(FolderStore::open(folder).unwrap()), "test".to_owned())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn of_two_publishers_at_once_one_wins_each_time_and_none_is_half_done() {
    const ROUNDS: u8 = 50;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let start = Barrier::new(2);
        let publish = |publisher: u8| {
            // Each has a store of its own, as two processes have.
            let registry = registry(folder.path());
            let snapshot = block_on(registry.read()).unwrap();
            let wasm = vec![publisher, round];
            start.wait();
            let component = Component::new("fact_x", "1.0.0", wasm);
            block_on(registry.publish(snapshot, component, format!("round {round}"), None))
        };
        let [first, second] = std::thread::scope(|scope| {
            let publishers = [0, 1].map(|publisher| scope.spawn(move || publish(publisher)));
            publishers.map(|publisher| publisher.join().unwrap())
        });
        let (won, lost) = match (first, second) {
            (Ok(won), lost) | (lost, Ok(won)) => (won, lost),
            both => panic!("round {round}: {both:?}"),
        };
        assert!(matches!(lost, Err(RegistryError::Conflict { .. })), "round {round}: {lost:?}");
        let registry = registry(folder.path());
        let snapshot = block_on(registry.read()).unwrap();
        let published = registry.published(&snapshot, "fact_x").unwrap();
        assert_eq!(published.digest, won.entry.digest);
        assert_eq!(published.history.len(), usize::from(round) + 1);
        block_on(registry.fetch("fact_x", &published.digest)).unwrap();
        let back = block_on(registry.roll_back(snapshot.clone(), "fact_x", None, String::new(), None));
        match (round, back) {
            (0, back) => assert!(matches!(back, Err(RegistryError::NothingBefore { .. }))),
            (_, back) => {
                assert_eq!(Some(back.unwrap().entry.digest), won.digest_before);
                // Forward again, so that the history has only what was published.
                let lock = folder.path().join("plugins.lock");
                fs::write(&lock, toml::to_string(&snapshot.lock).unwrap()).unwrap();
            }
        }
    }
}

#[test]
fn of_two_programs_that_replace_the_same_version_one_wins() {
    const ROUNDS: usize = 50;
    let folder = folder();
    assert_eq!(publish(folder.path(), "orders_shifted.wasm", &["--replaces", "none"]).status.code(), Some(0));
    let pairs = [["orders_changed.wasm", "orders_clumsy.wasm"], ["orders_shifted.wasm", "orders_shifted.wasm"]];
    for round in 0..ROUNDS {
        let before = digest_in_force(folder.path());
        let [one, other] = pairs[round % 2];
        let codes = std::thread::scope(|scope| {
            let run = |component| {
                let (path, before) = (folder.path(), before.clone());
                scope.spawn(move || publish(path, component, &["--replaces", &before]).status.code())
            };
            [run(one), run(other)].map(|thread| thread.join().unwrap())
        });
        let mut sorted = codes;
        sorted.sort();
        assert_eq!(sorted, [Some(0), Some(5)], "round {round}: {codes:?}");
        assert_ne!(digest_in_force(folder.path()), before);
    }
}
