//! `host dev`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use tests::tools::{host_with_cargo, run_host, run_host_with_cargo, scaffold_target_folder};

/// A program that ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_saved_change_shows_the_rows_that_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let line = |id: u32| format!("{{\"visit_id\":{id},\"visitors\":{}}}\n", id * 10);
    fs::write(folder.path().join("visit.jsonl"), (1..=5).map(line).collect::<String>()).unwrap();
    let made = run_host(folder.path(), &["plugin", "new", "fact_visit", "--from", "visit.jsonl"]);
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let arguments = ["dev", "--plugin", "fact_visit", "--input", "visit.jsonl", "--json"];
    let mut command = host_with_cargo(folder.path(), &scaffold_target_folder(), &arguments);
    let mut dev = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let output = BufReader::new(dev.0.stdout.take().unwrap()).lines();
    let (sender, turns) = std::sync::mpsc::channel();
    std::thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let turn = || -> serde_json::Value {
        let line = turns.recv_timeout(Duration::from_secs(120)).expect("a build takes seconds");
        serde_json::from_str(&line).unwrap()
    };
    let save = |path: &Path, text: String| {
        fs::write(path.with_extension("new"), text).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    let first = turn();
    assert_eq!((&first["records"], &first["rows"]["fact_visit"]), (&5.into(), &5.into()));
    assert!(first["changes"].is_null());
    let source = folder.path().join("plugins/fact_visit/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    let changed = text.replace("visitors: visit.visitors", "visitors: visit.visitors.min(40)");
    assert_ne!(changed, text, "{text}");
    save(&source, changed.clone());
    let changes = turn()["changes"].as_array().unwrap().clone();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((&changes[0]["row"], &changes[0]["column"]), (&"visit_record_id=5".into(), &"visitors".into()));
    assert_eq!((&changes[0]["expected"], &changes[0]["found"]), (&"50".into(), &"40".into()));
    save(&folder.path().join("visit.jsonl"), (2..=5).map(line).collect());
    let fewer = turn();
    assert_eq!(fewer["records"], 4, "another input is a reason to run, too");
    save(&source, changed.replace("min(40)", "min(5)"));
    assert_eq!(turn()["changes"].as_array().unwrap().len(), 4);
    let publish = |more: &[&str]| {
        let arguments = [&["plugin", "publish", "fact_visit"], more].concat();
        run_host_with_cargo(folder.path(), &scaffold_target_folder(), &arguments)
    };
    let refused = publish(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("error[cases-fail]: the cases `recorded` of `fact_visit` fail; nothing is published"),
        "{said}"
    );
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(publish(&["--untested"]).status.code(), Some(0));
}
