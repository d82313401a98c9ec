//! Processes that are started by events, which may be lost, come twice, or in any order: the star tables are those of one run
//! at the end.

use crate::star::explain::{Workplace, order};
use crate::star::fixture::{Days, command, contents};
use host::star::TableFile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tests::tools::{assert_done, soak};
use totesys::Table;

/// How many orders of events are tried, times `SOAK`.
const ROUNDS: u64 = 6;

/// Numbers that look as if by chance, the same for a seed: the generator of Lehmer, with the constants of Park and Miller.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        usize::try_from(self.0).unwrap() % end
    }
}

/// Tables whose packets have come, in the order in which their events come: some are lost, some come twice.
fn events(chance: &mut Chance) -> Vec<&'static str> {
    let mut events = Vec::new();
    for table in Table::ALL {
        events.extend(std::iter::repeat_n(table.name(), chance.below(3)));
    }
    for index in (1..events.len()).rev() {
        let other = chance.below(index + 1);
        events.swap(index, other);
    }
    events
}

fn start(raw: &Path, star: &Path, table: &str) -> Child {
    let mut process = command(raw, star, &["process", "--table", table]);
    process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ends_well(child: Child) {
    assert_done(&child.wait_with_output().unwrap());
}

#[test]
fn events_that_are_lost_doubled_or_reordered_change_nothing() {
    let expected = tempfile::tempdir().unwrap();
    assert_done(&command(&Days::shared().last(), expected.path(), &["process"]).output().unwrap());
    let expected: BTreeMap<String, Vec<TableFile>> = contents(expected.path());
    for seed in 1..=ROUNDS * soak() as u64 {
        let mut chance = Chance(seed);
        let folder = tempfile::tempdir().unwrap();
        for lake in [Days::shared().first(), Days::shared().last()] {
            let mut running: Vec<Child> = Vec::new();
            for table in events(&mut chance) {
                running.push(start(&lake, folder.path(), table));
                if running.len() > chance.below(3) {
                    running.drain(..).for_each(ends_well);
                }
            }
            running.into_iter().for_each(ends_well);
        }
        assert_done(&command(&Days::shared().last(), folder.path(), &["process"]).output().unwrap());
        assert_eq!(expected, contents(folder.path()), "seed {seed}");
    }
}

/// What became of a fact in a round.
fn rows(round: &Value) -> u64 {
    let tables = round["process"]["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table"] == "fact_sales_order").unwrap()["rows"].as_u64().unwrap()
}

#[test]
fn rounds_follow_one_another_until_somebody_says_stop() {
    let workplace = Workplace::new(&["fact_sales_order", "dim_date"]);
    workplace.write("sales_order", &[order(1, 1, "2024-03-01")]);
    let mut command = workplace.command(&["sync", "--every", "1s", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut rounds = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| -> Value { serde_json::from_str(&line.unwrap()).unwrap() });
    assert_eq!((1, 0), (rows(&rounds.next().unwrap()), rows(&rounds.next().unwrap())));
    workplace.write("sales_order", &[order(1, 1, "2024-03-01"), order(2, 1, "2024-03-01")]);
    let later = rounds.by_ref().take(3).find(|round| rows(round) > 0).unwrap();
    assert!(rows(&later) == 1 && later["at"].is_string(), "{later}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(rounds.map(|round| rows(&round)).sum::<u64>(), 0);
}
