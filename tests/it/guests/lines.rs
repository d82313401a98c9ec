//! Misdeeds at a line: the line becomes a reject that says what happened, and the rows of the others come out untouched.

use super::{LIMITS, innocent_rows, isolate, load, plugin, without_place};
use host::sandbox::{Fault, Limits, Plugin};
use tests::{call, json_lines};

const LINES: usize = 20;
const GUILTY: usize = 7;

/// What a misdeed at one line of many leads to: the code and the message of the line's reject.
fn judge(plugin: &Plugin, mark: &str) -> (String, String) {
    let isolated = isolate(plugin, &json_lines(LINES, |index| (index == GUILTY).then_some(mark)));
    let mut expected = innocent_rows(LINES);
    expected.remove(GUILTY);
    assert_eq!(tests::rows(&isolated.parts), expected, "{mark}: the rows of the other lines");
    let [reject] = &isolated.rejects[..] else { panic!("{mark}: {:?}", isolated.rejects) };
    assert_eq!((reject.line, reject.by_host), (GUILTY as u64, true), "{mark}");
    let fault = isolated.first_fault.map(|(line, fault)| (line, fault.code(), fault.to_string()));
    assert_eq!(fault, Some((GUILTY as u64, &reject.code[..], reject.message.clone())), "{mark}");
    assert!(isolated.usage.memory_bytes <= plugin.limits().memory_bytes_max, "{mark}: {:?}", isolated.usage);
    let message = reject.message.trim_start_matches("the plugin handed back what its manifest does not allow: ");
    (reject.code.clone(), without_place(message))
}

fn judge_all(guest: &str, cases: &[(&str, &str, &str)]) {
    let plugin = plugin(guest);
    let mut wrong = String::new();
    for &(mark, code, message) in cases {
        let (found_code, found_message) = judge(plugin, mark);
        if (&found_code[..], &found_message[..]) != (code, message) {
            wrong.push_str(&format!("(\"{mark}\", \"{found_code}\", \"{found_message}\"),\n"));
        }
    }
    assert!(wrong.is_empty(), "{guest} is judged otherwise:\n{wrong}");
}

#[test]
fn endless_work_ends_with_the_fuel() {
    let fuel = |mark: &str| {
        let line = format!("{{\"id\":{},\"bad\":\"{mark}\"}}\n", GUILTY + 1);
        format!("the plugin used up its {} units of fuel", LIMITS.fuel(line.len()))
    };
    let plugin = plugin("work");
    for mark in [
        "loop",
        "memory-grow",
        "memory-grow-by-nothing",
        "memory-fill",
        "memory-copy",
        "log-forever",
        "stderr-forever",
        "clock-forever",
        "random-forever",
    ] {
        assert_eq!(judge(plugin, mark), ("fuel".to_owned(), fuel(mark)), "{mark}");
    }
}

#[test]
fn work_that_is_refused_says_what_it_was() {
    judge_all(
        "work",
        &[
            (
                "memory",
                "memory",
                "the plugin wanted more than its 33554432 bytes of memory: memory allocation of 1048576 bytes failed",
            ),
            ("recursion", "trap", "the plugin trapped: call stack exhausted"),
            ("recursion-with-arrays", "trap", "the plugin trapped: out of bounds memory access"),
            ("log-large-forever", "output-size", "the plugin handed back more than 1048576 bytes"),
            (
                "log-no-text",
                "output",
                "a value that is none of the contract's types: invalid utf-8 sequence of 1 bytes from index 1",
            ),
            (
                "stderr-then-panic",
                "trap",
                "the plugin trapped: panicked at tests/guests/examples/work.rs: after much talk",
            ),
            ("stderr-then-wild-call", "trap", "the plugin trapped: undefined element: out of bounds table access"),
            (
                "random-too-much",
                "trap",
                "the plugin trapped: it asked for 1073741824 random bytes at once, and 65536 are the most",
            ),
            (
                "sleep",
                "trap",
                "the plugin trapped: it called `wasi:clocks/monotonic-clock.subscribe-duration`, which the sandbox does not offer",
            ),
            ("exit", "trap", "the plugin trapped: it called `wasi:cli/exit.exit`, which the sandbox does not offer"),
            ("abort", "trap", "the plugin trapped: wasm `unreachable` instruction executed"),
            (
                "panic",
                "trap",
                "the plugin trapped: panicked at tests/guests/examples/work.rs: no such product: \\u{1b}[31m7",
            ),
            (
                "index",
                "trap",
                "the plugin trapped: panicked at tests/guests/examples/work.rs: index out of bounds: the len is 0 but the index is 7",
            ),
            ("wild-call", "trap", "the plugin trapped: undefined element: out of bounds table access"),
            ("wild-pointer", "trap", "the plugin trapped: out of bounds memory access"),
            ("output-text", "output-size", "the plugin handed back more than 1048576 bytes"),
            ("output-after-much-memory", "output-size", "the plugin handed back more than 1048576 bytes"),
            (
                "wild-call-after-much-memory",
                "trap",
                "the plugin trapped: undefined element: out of bounds table access",
            ),
            ("output-rejects", "output-size", "the plugin handed back more than 1048576 bytes"),
            ("output-columns", "output-size", "the plugin handed back more than 1048576 bytes"),
            ("output-tables", "output-size", "the plugin handed back more than 1048576 bytes"),
            (
                "output-outside",
                "output",
                "a value that is none of the contract's types: list pointer/length out of bounds of memory",
            ),
            (
                "output-no-text",
                "output",
                "a value that is none of the contract's types: invalid utf-8 sequence of 1 bytes from index 1",
            ),
        ],
    );
}

#[test]
fn wrong_output_says_where_it_is_wrong() {
    judge_all(
        "output",
        &[
            ("columns-unequal", "output", "table `probe`, field `id`: 0 values, where 1 belong to 1 rows"),
            ("columns-unequal-long", "output", "table `probe`, field `id`: 2 values, where 1 belong to 1 rows"),
            ("bitmap-short", "output", "table `probe`, field `odd`: 0 bytes of a bitmap, where 1 belong to 1 rows"),
            ("boolean-short", "output", "table `probe`, field `odd`: 0 bytes of a bitmap, where 1 belong to 1 rows"),
            ("decimal128-odd-bytes", "output", "table `probe`, field `total`: 15 bytes, where 16 belong to 1 rows"),
            (
                "offsets-out-of-order",
                "output",
                "table `probe`, field `name`: the offsets must go upwards from 0 to the 7 bytes of text, and that of row 0 is 2147483647",
            ),
            (
                "offsets-negative",
                "output",
                "table `probe`, field `name`: the offsets must go upwards from 0 to the 7 bytes of text, and that of row 0 is -1",
            ),
            (
                "offsets-past-the-end",
                "output",
                "table `probe`, field `name`: the offsets must go upwards from 0 to the 6 bytes of text, and that of row 1 is 7",
            ),
            (
                "offsets-before-the-end",
                "output",
                "table `probe`, field `name`: the offsets must go upwards from 0 to the 8 bytes of text, and that of row 1 is 7",
            ),
            ("offsets-short", "output", "table `probe`, field `name`: 1 offsets, where 2 belong to 1 rows"),
            ("offsets-empty", "output", "table `probe`, field `name`: 0 offsets, where 2 belong to 1 rows"),
            ("offsets-in-a-character", "output", "table `probe`, field `name`: the text of row 0 is not valid UTF-8"),
            ("utf8-invalid", "output", "table `probe`, field `name`: the text of row 0 is not valid UTF-8"),
            ("null-in-key", "output", "table `probe`, field `record`: row 0 is null, and the field is not nullable"),
            (
                "decimal-too-wide",
                "output",
                "table `probe`, field `price`: the value 10000000000 of row 0 is out of the range of decimal(10, 2)",
            ),
            (
                "decimal-too-wide-below",
                "output",
                "table `probe`, field `price`: the value -9223372036854775808 of row 0 is out of the range of decimal(10, 2)",
            ),
            (
                "decimal128-too-wide",
                "output",
                "table `probe`, field `total`: the value 100000000000000000000000000000000000000 of row 0 is out of the range of decimal(38, 4)",
            ),
            (
                "date-out-of-range",
                "output",
                "table `probe`, field `day`: the value 2147483647 of row 0 is out of the range of date",
            ),
            (
                "time-out-of-range",
                "output",
                "table `probe`, field `moment`: the value 86400000000 of row 0 is out of the range of time",
            ),
            (
                "timestamp-out-of-range",
                "output",
                "table `probe`, field `instant`: the value -9223372036854775808 of row 0 is out of the range of timestamp",
            ),
            ("tables-none", "output", "0 tables, where the manifest names 1"),
            ("tables-two", "output", "2 tables, where the manifest names 1"),
            ("columns-too-few", "output", "table `probe`: 10 columns, where the manifest names 11 fields"),
            ("columns-too-many", "output", "table `probe`: 12 columns, where the manifest names 11 fields"),
            (
                "column-of-other-type",
                "output",
                "table `probe`, field `id`: values of type int64, where the manifest says int32",
            ),
            (
                "decimal-of-other-width",
                "output",
                "table `probe`, field `price`: values of type decimal128, where the manifest says decimal(10, 2)",
            ),
            (
                "count-huge",
                "output",
                "table `probe`, field `(lines)`: 1 lines, where 4294967295 belong to 4294967295 rows",
            ),
            (
                "rows-missing",
                "output",
                "table `probe`: 0 rows and 0 rejects of 1 lines, where each line makes one or the other",
            ),
            (
                "row-line-out-of-range",
                "output",
                "table `probe`: row 0 says that it comes from line 1, which is out of order, rejected, or past the 1 lines",
            ),
            (
                "row-lines-out-of-order",
                "output",
                "table `probe`: row 0 says that it comes from line 1, which is out of order, rejected, or past the 1 lines",
            ),
            ("row-lines-short", "output", "table `probe`, field `(lines)`: 0 lines, where 1 belong to 1 rows"),
            (
                "row-of-a-rejected-line",
                "output",
                "table `probe`: row 0 says that it comes from line 0, which is out of order, rejected, or past the 1 lines",
            ),
            (
                "reject-and-row",
                "output",
                "table `probe`: 1 rows and 1 rejects of 1 lines, where each line makes one or the other",
            ),
            (
                "reject-out-of-range",
                "output",
                "a reject for line 1, which is out of order, rejected before, or past the 1 lines",
            ),
            (
                "reject-twice",
                "output",
                "a reject for line 0, which is out of order, rejected before, or past the 1 lines",
            ),
            (
                "reject-code-empty",
                "output",
                "the reject code ``, which is not 1 to 40 lower-case letters, digits and hyphens",
            ),
            (
                "reject-code",
                "output",
                "the reject code `\\u{1b}[31mRed Alert`, which is not 1 to 40 lower-case letters, digits and hyphens",
            ),
            (
                "reject-code-long",
                "output",
                "the reject code `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`, which is not 1 to 40 lower-case letters, digits and hyphens",
            ),
        ],
    );
}

#[test]
fn a_fault_in_a_call_names_the_row() {
    let plugin = plugin("output");
    let cases = [
        (
            "offsets-negative",
            "table `probe`, field `name`: the offsets must go upwards from 0 to the 151 bytes of text, and that of row 7 is -1",
        ),
        ("offsets-in-a-character", "table `probe`, field `name`: the text of row 7 is not valid UTF-8"),
        ("utf8-invalid", "table `probe`, field `name`: the text of row 7 is not valid UTF-8"),
        ("null-in-key", "table `probe`, field `record`: row 7 is null, and the field is not nullable"),
        ("date-out-of-range", "table `probe`, field `day`: the value 2147483647 of row 7 is out of the range of date"),
        ("columns-unequal", "table `probe`, field `id`: 7 values, where 20 belong to 20 rows"),
        (
            "row-line-out-of-range",
            "table `probe`: row 19 says that it comes from line 20, which is out of order, rejected, or past the 20 lines",
        ),
        (
            "row-lines-out-of-order",
            "table `probe`: row 1 says that it comes from line 18, which is out of order, rejected, or past the 20 lines",
        ),
        (
            "row-of-a-rejected-line",
            "table `probe`: row 7 says that it comes from line 7, which is out of order, rejected, or past the 20 lines",
        ),
        ("reject-twice", "a reject for line 7, which is out of order, rejected before, or past the 20 lines"),
    ];
    for (mark, message) in cases {
        let lines = json_lines(LINES, |index| (index == GUILTY).then_some(mark));
        let Err(Fault::Output(error)) = plugin.call(&call(&lines)).result else { panic!("{mark} is no fault") };
        assert_eq!(error.to_string(), message, "{mark}");
    }
}

#[test]
fn one_row_of_ten_thousand_costs_itself() {
    const LINES: usize = 10_000;
    const GUILTY: usize = 6_543;
    let lines = json_lines(LINES, |index| (index == GUILTY).then_some("panic"));
    let isolated = isolate(plugin("work"), &lines);
    let mut expected = innocent_rows(LINES);
    expected.remove(GUILTY);
    assert_eq!(tests::rows(&isolated.parts), expected);
    assert_eq!(isolated.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [GUILTY as u64]);
}

#[test]
fn lines_that_the_plugin_rejects_are_not_the_hosts_doing() {
    let lines = b"{\"id\":1}\n{}\n{\"id\":3,\"bad\":\"panic\"}\n{\"di\":4}\n{\"id\":5}\n";
    let isolated = isolate(plugin("work"), lines);
    let rejects = isolated.rejects.iter().map(|reject| (reject.line, &reject.code[..], reject.by_host));
    assert_eq!(rejects.collect::<Vec<_>>(), [(1, "no-id", false), (2, "trap", true), (3, "no-id", false)]);
    assert_eq!(isolated.rejects[0].column.as_deref(), Some("id"));
    assert_eq!(tests::rows(&isolated.parts), [innocent_rows(1)[0].clone(), innocent_rows(5)[4].clone()]);
}

#[test]
fn a_failure_is_blamed_on_no_line() {
    let plugin = plugin("work");
    let fault = |mark, guilty: &[usize]| {
        let lines = json_lines(LINES, |index| guilty.contains(&index).then_some(mark));
        let error = plugin.call_isolating(&call(&lines)).expect_err("it fails");
        assert_eq!((error.guilty, error.fault.code(), error.fault.blames_no_line()), (1, "failure", true));
        error.fault.to_string()
    };
    assert_eq!(fault("failure-in-part", &[3, 12]), "the plugin failed: not alone");
    let long = fault("failure", &[GUILTY]);
    assert!(long.starts_with("the plugin failed: the moon is wrong wrong") && long.ends_with('…'), "{long}");
    assert!(long.len() < 2_100, "{} bytes", long.len());
}

#[test]
fn logs_are_bounded() {
    let plugin = plugin("work");
    for mark in ["log-flood", "log-flood-empty"] {
        let called = plugin.call(&call(&json_lines(LINES, |index| (index == GUILTY).then_some(mark))));
        called.result.expect("to log much is no fault");
        let bytes: usize = called.log.iter().map(|line| line.message.len() + 16).sum();
        assert!(bytes as u64 <= LIMITS.log_bytes_max && bytes > 4_000, "{mark}: {bytes} bytes");
        assert!(called.usage.log_bytes_dropped > 100_000, "{mark}: {:?}", called.usage);
    }
    // However many calls the lines of a call are cut into, they have no more room together.
    let mark = |index: usize| Some(if index.is_multiple_of(3) { "panic" } else { "log-flood" });
    let isolated = isolate(plugin, &json_lines(LINES, mark));
    let bytes: usize = isolated.log.iter().map(|line| line.message.len() + 16).sum();
    assert!(bytes as u64 <= LIMITS.log_bytes_max, "{bytes} bytes");
}

#[test]
fn logs_cannot_steer_a_terminal() {
    let called = plugin("work").call(&call(&json_lines(1, |_| Some("log-escapes"))));
    let messages: Vec<_> = called.log.iter().map(|line| &line.message[..]).collect();
    assert_eq!(messages, ["\\u{1b}[2Jgone\\nsecond line \\u{202e}drow"]);
}

#[test]
fn what_a_guilty_line_logs_is_kept_once() {
    let isolated = isolate(plugin("work"), &json_lines(LINES, |index| (index == GUILTY).then_some("log-then-panic")));
    let messages: Vec<_> = isolated.log.iter().map(|line| &line.message[..]).collect();
    assert_eq!(messages, ["here it comes"]);
}

#[test]
fn large_messages_are_paid_for() {
    let plugin = load("work").with_limits(Limits::default());
    let lines = json_lines(1, |_| Some("log-large-forever"));
    let called = plugin.call(&call(&lines));
    assert_eq!(called.result.map(|_| ()), Err(Fault::Fuel { place: None, limit: Limits::default().fuel(lines.len()) }));
}
