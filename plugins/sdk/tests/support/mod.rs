//! What the property tests share.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod lines;
pub(crate) mod numbers;
pub(crate) mod texts;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};
use sdk::Reject;
use sdk::bindings::star::transform::types::Context;
use sdk::cursor::{Cursor, Literal, PaddedLines};
use sdk::shape::Slot;
use sdk::source::Arena;
use sdk::value::Value;
use std::fmt::Debug;

/// Runs `test` on `cases` values of `strategy`: the same ones each time, times what the environment variable `SOAK` says.
#[expect(clippy::disallowed_methods, reason = "a test has no face that could hand it in")]
pub(crate) fn for_all<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let soak = std::env::var("SOAK").map_or(1, |soak| soak.parse().expect("SOAK is a whole number"));
    let config = Config {
        cases: cases * soak,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_241_115),
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    TestRunner::new(config).run(strategy, test).unwrap_or_else(|error| panic!("{error}"));
}

/// The context of a call with the lines of `lines`.
pub(crate) fn context(lines: &[u8]) -> Context {
    let count = lines.split_inclusive(|byte| *byte == b'\n').count();
    let lines = u32::try_from(count).expect("a test has few lines");
    Context { table: "row".to_owned(), sequence: 1, first_record: 1, first_line: 0, lines }
}

/// What a value became, and whether prediction could read it.
pub(crate) struct Reading<T> {
    pub(crate) value: Result<T, Reject>,
    pub(crate) is_predicted: bool,
}

/// Reads a value from its JSON text in both ways, and holds one against the other.
pub(crate) fn read<T: for<'a> Value<'a> + Debug>(raw: &str) -> Reading<T> {
    let value = T::parse(raw, &Arena::new());
    let slot = Slot { before: Literal::new(b""), column: 0, nested: None };
    let line = padded(raw);
    let predicted = at_start(&line, raw.len(), |cursor| T::read(cursor, &slot));
    if let Some(predicted) = &predicted {
        // As texts, so that a NaN equals a NaN and 0.0 not -0.0.
        assert_eq!(format!("Ok({predicted:?})"), format!("{value:?}"), "{raw}");
    }
    Reading { value, is_predicted: predicted.is_some() }
}

/// Whether prediction moves over a value that no column takes.
pub(crate) fn is_skipped(raw: &str) -> bool {
    at_start(&padded(raw), raw.len(), Cursor::skip_value).is_some()
}

/// A line with enough behind it for prediction.
fn padded(line: &str) -> String {
    format!("{line}\n{}", " ".repeat(64))
}

/// What `read` makes of the start of `line`, if it reads `length` bytes.
fn at_start<'a, T>(line: &'a str, length: usize, read: impl Fn(&mut Cursor<'a>) -> Option<T>) -> Option<T> {
    let lines = PaddedLines::new(line.as_bytes());
    let mut cursor = lines.cursor(0).expect("enough stands behind the line");
    read(&mut cursor).filter(|_| lines.position(&cursor) == length)
}

/// Whether a text is JSON.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
