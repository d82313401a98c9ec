//! Finding the guilty among many lines.

use super::{LIMITS, innocent_rows, isolate, load, plugin};
use host::sandbox::Limits;
use proptest::prelude::*;
use std::collections::BTreeSet;
use tests::{call, json_lines};

/// Runs `lines` lines of which those of `guilty` bear a mark, and sees that these, and only these, are found.
fn find(lines: usize, guilty: &BTreeSet<usize>, mark: impl Fn(usize) -> (&'static str, &'static str)) {
    let marked = json_lines(lines, |index| guilty.contains(&index).then(|| mark(index).0));
    let isolated = isolate(plugin("work"), &marked);
    let found = isolated.rejects.iter().map(|reject| (reject.line as usize, &reject.code[..]));
    let expected = guilty.iter().map(|&index| (index, mark(index).1));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let mut rows = innocent_rows(lines);
    let mut index = 0;
    rows.retain(|_| {
        index += 1;
        !guilty.contains(&(index - 1))
    });
    assert_eq!(tests::rows(&isolated.parts), rows);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_guilty_lines_are_found(
        lines in 1..400_usize,
        guilty in prop::collection::btree_set(0..400_usize, 0..=20),
    ) {
        let guilty = guilty.into_iter().filter(|&index| index < lines).collect();
        find(lines, &guilty, |index| match index % 3 {
            0 => ("panic", "trap"),
            1 => ("output-outside", "output"),
            _ => ("recursion", "trap"),
        });
    }
}

#[test]
fn the_first_and_the_last_and_all_lines_may_be_guilty() {
    let panics = |_| ("panic", "trap");
    find(1, &BTreeSet::from([0]), panics);
    find(2, &BTreeSet::from([0, 1]), panics);
    find(20, &(0..20).collect(), panics);
    find(1_000, &BTreeSet::from([0, 999]), panics);
}

#[test]
fn of_many_lines_one_percent_may_be_guilty() {
    let every = |step| (0..3_000).step_by(step).collect::<BTreeSet<usize>>();
    let panics = |_| ("panic", "trap");
    find(3_000, &every(100), panics);
    let marked = json_lines(3_000, |index| every(90).contains(&index).then_some("panic"));
    let error = plugin("work").call_isolating(&call(&marked)).expect_err("34 of 3,000 are too many");
    assert_eq!((error.line, error.guilty, error.fault.code()), (0, 31, "trap"));
}

#[test]
fn more_than_twenty_of_few_lines_are_too_many() {
    let marked = json_lines(100, |index| (index >= 50).then_some("panic"));
    let error = plugin("work").call_isolating(&call(&marked)).expect_err("50 of 100 are too many");
    assert_eq!((error.line, error.guilty, error.fault.code()), (50, 21, "trap"));
    assert!(error.to_string().starts_with("line 51 and 20 more: the plugin trapped: panicked at "), "{error}");
}

/// Little fuel, as a loop that is stopped again and again uses it all each time.
const LITTLE: Limits = Limits { fuel_base: 500_000, fuel_per_byte: 100, ..LIMITS };

#[test]
fn twenty_endless_loops_are_found_and_a_percent_of_many_lines_are_not() {
    let plugin = load("work").with_limits(LITTLE);
    let twenty = json_lines(3_000, |index| (index % 150 == 149).then_some("loop"));
    let isolated = plugin.call_isolating(&call(&twenty)).expect("20 are not too many");
    assert_eq!(isolated.rejects.len(), 20);
    // Eighty would be one percent; but to find them all takes more than a plugin is worth.
    let eighty = json_lines(8_000, |index| (index % 100 == 99).then_some("loop"));
    let error = plugin.call_isolating(&call(&eighty)).expect_err("80 take too much fuel");
    assert_eq!((error.line, error.fault.code()), (99, "fuel"));
    assert!((20..80).contains(&error.guilty), "{}", error.guilty);
}

#[test]
fn an_endless_loop_on_every_line_is_the_plugins_fault() {
    let plugin = load("work").with_limits(LITTLE);
    let error = plugin.call_isolating(&call(&json_lines(1_000, |_| Some("loop")))).expect_err("all are too many");
    assert_eq!((error.line, error.guilty, error.fault.code()), (0, 21, "fuel"));
}

#[test]
fn no_lines_are_no_ones_fault() {
    let isolated = isolate(plugin("innocent"), b"");
    assert!(isolated.rejects.is_empty() && tests::rows(&isolated.parts).is_empty());
}
