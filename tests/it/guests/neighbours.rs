//! What a hostile plugin does is no other plugin's business: before it, after it, and beside it in other threads.

use super::{LIMITS, plugin};
use host::sandbox::{Plugin, Sandbox};
use std::thread;
use tests::{call, guest, json_lines};

/// Misdeeds of each kind: against time, stack, memory, the log, the border, and plain traps.
const MISDEEDS: &[(&str, &str)] = &[
    ("work", "loop"),
    ("work", "recursion"),
    ("work", "recursion-with-arrays"),
    ("work", "memory"),
    ("work", "memory-fill"),
    ("work", "log-forever"),
    ("work", "stderr-then-panic"),
    ("work", "exit"),
    ("work", "wild-pointer"),
    ("work", "output-columns"),
    ("work", "output-outside"),
    ("work", "failure"),
    ("output", "offsets-negative"),
    ("output", "utf8-invalid"),
    ("output", "count-huge"),
];

/// All that a caller sees of the innocent plugin at work: rows, use of fuel and memory, log.
fn innocence(innocent: &Plugin) -> String {
    format!("{:?}", innocent.call(&call(&json_lines(100, |_| None))))
}

fn sin(index: usize) {
    let (guest, mark) = MISDEEDS[index % MISDEEDS.len()];
    let lines = json_lines(5, |index| (index == 2).then_some(mark));
    let called = plugin(guest).call(&call(&lines));
    assert!(called.result.is_err(), "{guest} {mark}");
}

#[test]
fn one_after_the_other() {
    let before = innocence(plugin("innocent"));
    for (index, misdeed) in MISDEEDS.iter().enumerate() {
        sin(index);
        assert_eq!(innocence(plugin("innocent")), before, "after {misdeed:?}");
    }
}

#[test]
fn side_by_side() {
    let before = innocence(plugin("innocent"));
    thread::scope(|scope| {
        for sinner in 0..2 {
            scope.spawn(move || (0..MISDEEDS.len()).for_each(|index| sin(index + sinner * 7)));
        }
        for _ in 0..2 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(innocence(plugin("innocent")), before)));
        }
    });
}

#[test]
fn more_threads_than_the_engine_has_room_for_wait() {
    let sandbox = Sandbox::new(1, None).expect("the engine starts");
    let innocent = sandbox.load(&guest("innocent"), LIMITS).expect("the innocent plugin loads");
    let before = innocence(&innocent);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(innocence(&innocent), before)));
        }
    });
}
