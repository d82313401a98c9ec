//! Days of a live database through the two functions, with everything going wrong that a cloud has to offer.

use super::calls::calls;
use super::chaos::{Chances, disturb};
use super::deployment::{Deployed, Deployment};
use crate::star::line::{assert_current_rows_equal_the_source, assert_equals_the_oracle};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::function::Outcome;
use tests::tools::{assert_done, readers, soak, terraform_python, workspace};
use totesys::simulator::{Simulator, SimulatorOptions};
use totesys::{Generator, Options, Size};

/// A password that stands in no other place than the secret, and must not.
const PASSWORD: &str = "correct-horse-battery-staple";

/// What happened, for those who look.
#[derive(Debug, Default)]
struct Counts {
    events: u64,
    killed: u64,
    failed: u64,
    retries_spent: u64,
    dropped: u64,
    doubled: u64,
    database_gone: u64,
}

struct Days {
    deployment: Deployment,
    url: String,
    ingest: Deployed,
    /// Two of them, for when the queue has more than one can take.
    process: [Deployed; 2],
    chances: Chances,
    counts: Counts,
}

impl Days {
    fn new(url: &str) -> Self {
        let deployment = Deployment::with_plugins(url);
        let ingest = deployment.function("ingest", "ingest.log");
        let process = ["process-1.log", "process-2.log"].map(|log| deployment.function("process", log));
        let (chances, counts) = (Chances::new(7), Counts::default());
        Self { deployment, url: url.to_owned(), ingest, process, chances, counts }
    }

    /// What the schedule does: starts the function, and again when it fails, some minutes later.
    fn schedule(&mut self, event: &Value) {
        let retries = self.deployment.settings["functions"]["ingest"]["retries"].as_u64().unwrap();
        for _ in 0..=retries {
            self.counts.events += 1;
            let is_gone = self.chances.once_in(12);
            if is_gone {
                self.counts.database_gone += 1;
                self.deployment.put_secret(&format!("postgres://reader:{PASSWORD}@127.0.0.1:1/totesys"));
            }
            let outcome = invoke(&mut self.ingest, &mut self.chances, &mut self.counts, event);
            if is_gone {
                self.deployment.put_secret(&self.url);
            }
            match outcome {
                Outcome::Answer(_) => return,
                Outcome::Failed { error_type, message } => assert_eq!(error_type, "Retryable", "{message}"),
                Outcome::TimedOut | Outcome::Died => {}
            }
        }
        // It would stand among the dead letters of the schedule, and a mail would tell of it; the next event makes it good.
        self.counts.retries_spent += 1;
    }

    /// What the poller does, with what is in the queue now.
    fn poll(&mut self) {
        let mut messages = self.deployment.receive("packets");
        self.chances.shuffle(&mut messages);
        let mut delivered = Vec::new();
        for message in messages {
            if self.chances.once_in(10) {
                self.counts.dropped += 1;
                self.deployment.delete(&message);
            } else if self.chances.once_in(4) {
                // Later than others.
                self.deployment.show_again(&message);
            } else {
                if self.chances.once_in(8) {
                    self.counts.doubled += 1;
                    self.deployment.send_again(&message);
                }
                delivered.push(message);
            }
        }
        // Two functions at once, when there is enough for both.
        let second = delivered.split_off(if delivered.len() > 3 { delivered.len() / 2 } else { delivered.len() });
        let Self { deployment, process: [one, other], chances, counts, .. } = self;
        let mut seeds = [chances.below(u64::MAX), chances.below(u64::MAX)].map(Chances::new);
        let [seed_one, seed_other] = &mut seeds;
        let deployment = &*deployment;
        let handled: Vec<Counts> = std::thread::scope(|scope| {
            let parts = [(one, seed_one, delivered), (other, seed_other, second)];
            let threads: Vec<_> = parts
                .into_iter()
                .filter(|(_, _, messages)| !messages.is_empty())
                .map(|(function, chances, messages)| {
                    scope.spawn(move || {
                        let mut counts = Counts { events: 1, ..Counts::default() };
                        let outcome = deployment.deliver(messages, function, |function, event| {
                            invoke(function, chances, &mut counts, event)
                        });
                        if let Outcome::Failed { error_type, message } = outcome {
                            assert_eq!(error_type, "Retryable", "{message}");
                        }
                        counts
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for more in handled {
            counts.events += more.events;
            counts.killed += more.killed;
            counts.failed += more.failed;
        }
    }

    /// Lets all be well again, and everything that is still to be done be done.
    fn settle(&mut self) {
        self.ingest.proxy.clear();
        self.process.iter().for_each(|process| process.proxy.clear());
        for event in [json!({}), json!({ "action": "reconcile" }), json!({})] {
            self.ingest.function.invoke(&event).answer();
        }
        for _ in 0..10 {
            let messages = self.deployment.receive("packets");
            if messages.is_empty() {
                break;
            }
            let outcome = self
                .deployment
                .deliver(messages, &mut self.process[0], |process, event| process.function.invoke(event));
            assert_eq!(outcome.answer(), json!({ "batchItemFailures": [] }));
        }
        self.process[1].function.invoke(&json!({ "action": "process" })).answer();
        self.process[0].function.invoke(&json!({ "action": "maintain" })).answer();
        self.ingest.function.invoke(&json!({ "action": "maintain" })).answer();
    }

    fn logs(&self) -> Vec<String> {
        let files = self.process.iter().chain([&self.ingest]).map(|function| &function.log);
        files.map(|log| std::fs::read_to_string(log).unwrap()).collect()
    }
}

/// Has an event handled, or not.
fn invoke(function: &mut Deployed, chances: &mut Chances, counts: &mut Counts, event: &Value) -> Outcome {
    if chances.once_in(3) {
        disturb(function, chances);
    }
    let outcome = match chances.once_in(6) {
        true => {
            let after = Duration::from_millis(20 + chances.below(1_500));
            function.function.invoke_and_kill(event, after)
        }
        false => function.function.invoke(event),
    };
    function.proxy.clear();
    match outcome {
        Outcome::Died => counts.killed += 1,
        Outcome::Failed { .. } => counts.failed += 1,
        _ => {}
    }
    outcome
}

#[test]
fn days_of_a_live_database_go_through_the_functions_whatever_happens_to_them() {
    // The server takes any password.
    let url = tests::flow::database().replacen('@', &format!(":{PASSWORD}@"), 1);
    let rows = Generator::new(Options { size: Size::SalesOrders(200), ..Options::default() }).unwrap();
    let mut days = Days::new(&url);
    days.deployment.runtime.block_on(async {
        let client = tests::flow::connect(&url).await;
        totesys::load::load(&client, &rows).await.unwrap();
    });
    let count = if soak() == 1 { 2 } else { 20 };
    for day in 0..count {
        let options =
            SimulatorOptions { writers: 4, seed: day, versions_target: Some(150), rest: Duration::from_millis(20) };
        let mut simulator = days.deployment.runtime.block_on(Simulator::start(&url, options)).unwrap();
        loop {
            let finished = days
                .deployment
                .runtime
                .block_on(async { tokio::time::timeout(Duration::from_millis(50), simulator.finished()).await });
            days.schedule(&json!({}));
            days.poll();
            if finished.is_ok() {
                break;
            }
        }
        days.deployment.runtime.block_on(simulator.stop()).unwrap();
        days.schedule(&json!({ "action": "reconcile" }));
        days.poll();
        // A quarter of an hour has passed.
        let Days { process: [process, _], chances, counts, .. } = &mut days;
        let _ = invoke(process, chances, counts, &json!({ "action": "process" }));
    }
    days.settle();
    eprintln!("{:?}", days.counts);
    assert_done(&days.deployment.host(&["verify"]));
    let dead = days.deployment.receive("packets_dead");
    // Only what was shown five times to functions that were killed, or had nobody to talk to.
    assert!(dead.len() as u64 <= days.counts.killed + days.counts.failed, "{dead:?}");
    eprintln!("{} dead letters", dead.len());
    let folder = days.deployment.folder().to_owned();
    let environment = days.deployment.environment("process");
    let mut bucket = Command::new(readers());
    bucket.arg(workspace().join("tests/readers/bucket.py")).arg(days.deployment.moto.url());
    bucket.args([&environment["HOST_LAKE_RAW"], &environment["HOST_LAKE_STAR"]]).arg(&folder);
    let read = bucket.output().unwrap();
    assert_done(&read);
    let rows: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert!(rows["fact_sales_order"].as_u64() > Some(200), "{rows}");
    for reader in ["deltalake", "polars", "duckdb"] {
        assert_equals_the_oracle(&folder, reader);
    }
    assert_current_rows_equal_the_source(&folder, &url);
    assert_no_secret(&days, &folder);
    assert_roles_allow_all_calls(&days, &folder);
}

/// Holds the calls that the functions made against what their roles allow.
fn assert_roles_allow_all_calls(days: &Days, folder: &Path) {
    if days.deployment.settings["resources"].is_null() {
        eprintln!("the roles are not looked at: terraform is not installed");
        return;
    }
    let mut lines = calls("ingest", &days.ingest);
    days.process.iter().for_each(|process| lines.extend(calls("process", process)));
    let (evaluated, recorded) = (folder.join("deployment.json"), folder.join("calls.jsonl"));
    std::fs::write(&evaluated, days.deployment.settings.to_string()).unwrap();
    std::fs::write(&recorded, lines.into_iter().map(|line| line + "\n").collect::<String>()).unwrap();
    let mut iam = Command::new(terraform_python());
    iam.arg(workspace().join("tests/terraform/iam.py")).arg("--evaluated").arg(evaluated).arg("--calls").arg(recorded);
    assert_done(&iam.output().unwrap());
}

/// Looks for what is secret in everything that was written.
fn assert_no_secret(days: &Days, folder: &Path) {
    let names = [PASSWORD, "test-secret-access-key"];
    for (log, text) in days.logs().iter().enumerate() {
        for name in names {
            assert!(!text.contains(name), "log {log}: {:?}", text.lines().find(|line| line.contains(name)));
        }
        assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "a line of log {log} is no JSON");
    }
    for name in names {
        let found =
            Command::new("grep").args(["--recursive", "--files-with-matches", name]).arg(folder).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "`{name}` stands in these files");
    }
}
