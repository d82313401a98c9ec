//! Processes that are started by events, which may be lost, come twice, or in any order: the star tables are those of one run
//! at the end.

use crate::star::fixture::{Days, assert_done, command, contents};
use host::star::TableFile;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use tests::tools::soak;
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
