//! Processes that are killed, and several at once: the star tables are those of a run without faults.

use crate::star::fixture::{Contents, Days, command, contents};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::OnceLock;
use tests::tools::{assert_done, soak};

/// How often a run is killed at each step, times `SOAK`.
const KILLS: usize = 3;
/// How often several run at once, times `SOAK`.
const ROUNDS: usize = 4;

/// What a process without faults makes of the packets of all days.
fn expected() -> &'static Contents {
    static MADE: OnceLock<Contents> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        assert_done(&command(&Days::shared().last(), folder.path(), &["process"]).output().unwrap());
        let contents = contents(folder.path());
        assert_eq!(12, contents.len(), "eleven star tables, and the deletions");
        contents
    })
}

/// Runs a process that is to be killed at a step, after it has passed it so often; whether it was.
fn kill(raw: &Path, star: &Path, step: &str, passes: usize) -> bool {
    let mut process = command(raw, star, &["process"]);
    let output = process.env("HOST_CRASH_AT", format!("{step}:{passes}")).output().unwrap();
    let was_killed = output.status.signal() == Some(9);
    if !was_killed {
        assert_done(&output);
    }
    was_killed
}

#[test]
fn a_process_that_is_killed_at_any_step_is_made_good_by_the_next() {
    let days = Days::shared();
    for step in host::crash::PROCESS_POINTS {
        let mut killed = 0;
        for attempt in 0.. {
            if killed >= KILLS * soak() {
                break;
            }
            assert!(attempt < 20 * KILLS * soak(), "no run passes `{step}`");
            let folder = tempfile::tempdir().unwrap();
            let star = folder.path();
            // Killed while the first day comes, or with the first day there.
            let is_first = attempt % 2 == 0;
            if !is_first {
                assert_done(&command(&days.first(), star, &["process"]).output().unwrap());
            }
            let raw = if is_first { days.first() } else { days.last() };
            killed += usize::from(kill(&raw, star, step, attempt / 2 % 9));
            // And once more, with what came in the meantime.
            killed += usize::from(kill(&days.last(), star, step, attempt % 3));
            assert_done(&command(&days.last(), star, &["process"]).output().unwrap());
            assert_eq!(*expected(), contents(star), "{step}, attempt {attempt}");
        }
        eprintln!("{step}: {killed} kills");
    }
}

#[test]
fn of_several_processes_at_once_each_ends_well_and_the_tables_are_as_one_makes_them() {
    let days = Days::shared();
    for round in 0..ROUNDS * soak() {
        let folder = tempfile::tempdir().unwrap();
        let star = folder.path();
        if round % 2 == 1 {
            assert_done(&command(&days.first(), star, &["process"]).output().unwrap());
        }
        let children: Vec<_> = (0..2 + round % 3)
            .map(|_| {
                let mut process = command(&days.last(), star, &["process"]);
                process.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            assert_done(&child.wait_with_output().unwrap());
        }
        assert_eq!(*expected(), contents(star), "round {round}");
    }
}
