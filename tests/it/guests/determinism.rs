//! The same lines give the same rows and the same use, whenever, wherever and however often they run.

use super::{LIMITS, plugin, sandbox};
use std::thread;
use tests::{call, calls, guest, json_lines};

#[test]
fn neither_time_nor_chance_nor_the_past_comes_in() {
    let lines = json_lines(50, |_| None);
    let moods = || format!("{:?}", plugin("moody").call(&call(&lines)));
    let first = moods();
    let called = plugin("moody").call(&call(&lines));
    let rows = tests::rows(&[called.result.expect("to be moody is no fault")]);
    // Each call is the first; the clock stands at zero; there are no arguments and variables.
    for part in ["calls 0 ", "started 0ns", "at Ok(0ns)", "arguments 0 variables 0"] {
        assert!(rows[0].contains(part), "no `{part}` in {}", rows[0]);
    }
    // The bits of a NaN are those of the canonical one.
    assert!(rows.iter().all(|row| row.contains("NaN 7ff8000000000000")), "{}", rows[0]);
    assert_eq!(moods(), first);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(moods(), first)));
        }
    });
    // A second engine compiles anew.
    let again = sandbox().load(&guest("moody"), LIMITS).expect("the moody plugin loads");
    assert_eq!(format!("{:?}", again.call(&call(&lines))), first);
}

#[test]
fn any_cut_gives_the_same_rows() {
    let lines = json_lines(100, |_| None);
    let rows_of_cut = |lines_max| -> Vec<String> {
        let parts = calls(&lines, lines_max).into_iter().map(|call| plugin("innocent").call(&call).result);
        let parts: Vec<_> = parts.map(|result| result.expect("the innocent plugin works")).collect();
        tests::rows(&parts)
    };
    let whole = rows_of_cut(100);
    assert_eq!(whole.len(), 100);
    for lines_max in [1, 7, 64] {
        assert_eq!(rows_of_cut(lines_max), whole, "{lines_max} lines a call");
    }
}

#[test]
fn use_is_reported_and_within_the_limits() {
    let lines = json_lines(1_000, |_| None);
    let usage = || plugin("innocent").call(&call(&lines)).usage;
    let first = usage();
    assert!(first.fuel > 10_000 && first.fuel <= LIMITS.fuel(lines.len()), "{first:?}");
    assert!(first.memory_bytes >= 1024 * 1024 && first.memory_bytes <= LIMITS.memory_bytes_max, "{first:?}");
    assert_eq!(first.memory_bytes % (64 * 1024), 0);
    assert_eq!(first.log_bytes_dropped, 0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(usage(), first));
        }
    });
}

#[test]
fn spent_fuel_is_all_the_fuel() {
    let lines = json_lines(1, |_| Some("loop"));
    let called = plugin("work").call(&call(&lines));
    assert!(called.result.is_err());
    assert_eq!(called.usage.fuel, LIMITS.fuel(lines.len()));
}

#[test]
fn hoarded_memory_is_no_more_than_the_limit() {
    let lines = json_lines(1, |_| Some("memory"));
    let called = plugin("work").call(&call(&lines));
    assert_eq!(called.result.map_err(|fault| fault.code()).map(|_| ()), Err("memory"));
    assert!(called.usage.memory_bytes > LIMITS.memory_bytes_max - 2 * 1024 * 1024, "{:?}", called.usage);
    assert!(called.usage.memory_bytes <= LIMITS.memory_bytes_max, "{:?}", called.usage);
}
