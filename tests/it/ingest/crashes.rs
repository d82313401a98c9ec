//! Runs that are killed, and the runs after them: nothing is lost, and nothing comes twice.

pub(super) mod trial;

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::atomic::Ordering;
use std::time::Instant;
use tests::tools::{self, soak};
use trial::{Change, RUNS, Random, Trial};

/// The steps until the manifest is created: a run that is killed there has committed nothing.
const BEFORE_COMMIT: [&str; 8] = [
    "heads-read",
    "snapshot-taken",
    "rows-read",
    "part-sent",
    "object-stored",
    "data-stored",
    "deletes-stored",
    "state-stored",
];
/// The steps after that: what the run wrote is committed.
const AFTER_COMMIT: [&str; 6] =
    ["manifest-stored", "checkpoint-stored", "state-merging", "state-merged", "cursor-moved", "run-done"];
/// How often a run is killed at each step, times `SOAK`.
const KILLS: usize = 5;
/// After so many kills a new lake is begun, so that packets stay few enough to be looked at after each.
const KILLS_A_LAKE: usize = 10;
/// How many sorted runs a state has at least when they are merged.
const RUNS_MERGED: usize = 8;

/// What a run is to do so that it passes a step.
struct Provoked {
    arguments: Vec<&'static str>,
    change: Change,
    /// How often it passes the step before it is killed there.
    passes: usize,
    /// How many tables have a new packet when it is.
    committed: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_before_it_commits_leaves_nothing_and_the_next_brings_all() {
    for step in BEFORE_COMMIT {
        kill_at(step).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_after_it_committed_has_committed_and_the_next_brings_nothing_twice() {
    for step in AFTER_COMMIT {
        kill_at(step).await;
    }
}

#[test]
fn every_step_is_one_at_which_a_run_is_killed() {
    let mut known = [&BEFORE_COMMIT[..], &AFTER_COMMIT].concat();
    let mut steps = host::crash::INGEST_POINTS.to_vec();
    known.sort_unstable();
    steps.sort_unstable();
    assert_eq!(known, steps);
}

/// Kills runs at a step, as often as is asked for: from a folder, and from a database.
async fn kill_at(step: &'static str) {
    let _built = tools::host();
    let started = Instant::now();
    let kills = KILLS * soak();
    let mut killed = 0;
    while killed < kills {
        // Only a database has transactions that change nothing here.
        let of_database = if step == "cursor-moved" { KILLS_A_LAKE } else { KILLS_A_LAKE * 2 / 5 };
        for (is_postgres, count) in [(false, KILLS_A_LAKE - of_database), (true, of_database)] {
            let share = (count * kills.min(KILLS_A_LAKE)).div_ceil(KILLS_A_LAKE).min(kills - killed);
            if share == 0 {
                continue;
            }
            let seed = hash(step) + killed as u64;
            let mut trial = if is_postgres { Trial::of_postgres(seed).await } else { Trial::of_folder(seed) };
            for _ in 0..share {
                kill_once(&mut trial, step).await;
            }
            trial.collect_garbage().await;
            killed += share;
        }
    }
    let (seconds, runs) = (started.elapsed().as_secs_f64(), RUNS.load(Ordering::Relaxed));
    eprintln!("{step}: {killed} kills, {seconds:.1} s; {runs} runs so far");
}

/// One run that is killed at a step, perhaps another one, perhaps a change in between, and one that ends.
async fn kill_once(trial: &mut Trial, step: &str) {
    let Provoked { arguments, change, passes, committed } = provoke(trial, step).await;
    if step != "cursor-moved" {
        trial.change(&change).await;
    }
    let status = wait(trial.start(&arguments, Some(&format!("{step}:{passes}"))));
    assert_eq!(status.signal(), Some(9), "{step}:{passes} {arguments:?}: {status:?}");
    let is_sweep = arguments[0] == "reconcile";
    assert_eq!(trial.look(is_sweep).await, committed, "{step}:{passes} {arguments:?}");
    if step == "state-merged" {
        assert!(trial.runs().await < RUNS_MERGED, "nothing was merged");
    }
    if trial.random.one_in(3) {
        trial.change(&Change::default()).await;
    }
    if trial.random.one_in(3) {
        let other = trial.random.pick(&host::crash::INGEST_POINTS);
        let other = format!("{other}:{}", trial.random.below(2));
        let status = wait(trial.start(&["ingest"], Some(&other)));
        // A run that doesn't pass the step ends well.
        assert!(status.success() || status.signal() == Some(9), "{other} after {step}: {status:?}");
        trial.look(false).await;
    }
    let last = if trial.random.one_in(4) { "reconcile" } else { arguments[0] };
    trial.run(&[last]).await;
}

/// What makes a run pass a step.
async fn provoke(trial: &mut Trial, step: &str) -> Provoked {
    let passes = trial.random.below(2) as usize;
    let arguments = match trial.random.below(4) {
        0 => vec!["reconcile"],
        1 => vec!["ingest", "--format", "parquet"],
        2 => vec!["ingest", "--object-rows", "2"],
        _ => vec!["ingest"],
    };
    let usual = Provoked { arguments, change: Change::default(), passes, committed: passes };
    match step {
        // Once a run.
        "heads-read" | "snapshot-taken" => Provoked { passes: 0, committed: 0, ..usual },
        "run-done" => Provoked { passes: 0, committed: 2, ..usual },
        // Once a table.
        "rows-read" | "data-stored" | "state-stored" => usual,
        "manifest-stored" | "checkpoint-stored" => Provoked { committed: passes + 1, ..usual },
        // Parts are of 8 MiB, and of what is left.
        "part-sent" => {
            let change = Change { tables: 1, inserts: 9..=9, text_bytes: 1 << 20 };
            Provoked { arguments: vec!["ingest"], change, committed: 0, ..usual }
        }
        "object-stored" => {
            let format = trial.random.pick(&["jsonl", "parquet"]);
            let arguments = vec!["ingest", "--object-rows", "2", "--format", format];
            let change = Change { tables: 1, inserts: 5..=8, ..Change::default() };
            Provoked { arguments, change, passes: trial.random.below(3) as usize, committed: 0 }
        }
        "deletes-stored" => {
            trial.change(&Change { inserts: 20..=30, ..Change::default() }).await;
            trial.ingest().await;
            Provoked { arguments: vec!["reconcile"], ..usual }
        }
        "state-merging" | "state-merged" => {
            trial.change(&Change::default()).await;
            trial.ingest().await;
            while trial.runs().await < RUNS_MERGED - 1 {
                trial.change(&Change { tables: 1, ..Change::default() }).await;
                trial.ingest().await;
            }
            Provoked { passes: 0, committed: 1, ..usual }
        }
        "cursor-moved" => {
            trial.change(&Change::default()).await;
            trial.ingest().await;
            trial.pass_transactions().await;
            Provoked { arguments: vec!["ingest"], committed: 0, ..usual }
        }
        _ => panic!("nothing is known of a step `{step}`"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_moment_of_a_large_packet_has_committed_all_or_nothing() {
    const ROWS: Change = Change { tables: 1, inserts: 1_500..=1_500, text_bytes: 16_000 };
    // With those that change, more than a part of an upload.
    const MORE_ROWS: Change = Change { inserts: 200..=200, ..ROWS };
    let _built = tools::host();
    for seed in 0..2 * soak() as u64 {
        let mut trial = if seed % 2 == 0 { Trial::of_folder(seed) } else { Trial::of_postgres(seed).await };
        trial.change(&ROWS).await;
        trial.run(&["ingest"]).await;
        trial.change(&MORE_ROWS).await;
        let started = Instant::now();
        assert!(wait(trial.start(&["ingest"], None)).success());
        let whole = started.elapsed();
        trial.look(false).await;
        let (mut killed, mut committed) = (0, 0);
        for _ in 0..KILLS {
            trial.change(&MORE_ROWS).await;
            let mut run = trial.start(&["ingest"], None);
            std::thread::sleep(whole.mul_f64(trial.random.below(1_200) as f64 / 1_000.0));
            run.kill().unwrap();
            killed += usize::from(wait(run).signal() == Some(9));
            committed += trial.look(false).await;
        }
        eprintln!("of {KILLS} runs of {whole:?}, {killed} were killed, and {committed} committed");
        trial.run(&["ingest"]).await;
        trial.collect_garbage().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_beside_another_takes_nothing_from_it() {
    let mut random = Random::of(0);
    for lake in 0..2 * soak() as u64 {
        let mut trial = if lake % 2 == 0 { Trial::of_folder(lake) } else { Trial::of_postgres(lake).await };
        for _ in 0..5 {
            trial.change(&Change::default()).await;
            let step = format!("{}:{}", random.pick(&host::crash::INGEST_POINTS), random.below(2));
            let (killed, other) = (trial.start(&["ingest"], Some(&step)), trial.start(&["ingest"], None));
            let output = other.wait_with_output().unwrap();
            assert!(output.status.success(), "{step}: {}", String::from_utf8_lossy(&output.stderr));
            wait(killed);
            trial.look(false).await;
            trial.assert_whole(false).await;
        }
        trial.collect_garbage().await;
    }
}

/// Waits for a run that may have much or nothing to say.
fn wait(run: Child) -> ExitStatus {
    run.wait_with_output().unwrap().status
}

fn hash(text: &str) -> u64 {
    host::state::hash_line(text.as_bytes()) as u64 >> 1
}
