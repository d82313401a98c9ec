//! Reading by prediction and exact reading agree on every line, good or bad.
//!
//! A line on its own is always read exactly: prediction needs some bytes behind the line. Many lines in one call are read by
//! prediction wherever a line looks like one before.

mod support;

use proptest::prelude::*;
use sdk::bindings::star::transform::types::Rows;
use sdk::chunk::transform_chunk;
use sdk::cursor::PaddedLines;
use sdk::shape::Shape;
use sdk::source::Arena;
use sdk::star::Collect;
use sdk::{Date, Decimal, Source, Time, Timestamp};
use std::cell::Cell;
use support::lines::{Kind, Member, lines};
use support::{context, for_all};

#[derive(Debug, Source)]
#[expect(dead_code, reason = "read by `Debug`")]
struct Row<'a> {
    flag: bool,
    int: i32,
    long: i64,
    float: f64,
    price: Decimal<10, 2>,
    wide: Decimal<38, 10>,
    whole: Decimal<18, 0>,
    day: Date,
    time: Time,
    at: Timestamp,
    text: &'a str,
    owned: String,
    size: Size,
    maybe_flag: Option<bool>,
    maybe_int: Option<i32>,
    maybe_price: Option<Decimal<10, 2>>,
    maybe_day: Option<Date>,
    maybe_text: Option<&'a str>,
    maybe_size: Option<Size>,
    #[source(lookup = "place", column = "int")]
    place: Option<Place<'a>>,
}

#[derive(Debug, Source)]
#[expect(dead_code, reason = "read by `Debug`")]
struct Place<'a> {
    name: &'a str,
    floor: Option<i32>,
    since: Timestamp,
}

#[derive(Debug, Clone, Copy, Source)]
enum Size {
    Small,
    #[source(rename = "größer")]
    Larger,
}

const SIZES: Kind = Kind::Variant(&["SMALL", "größer"]);
const PLACE: &[Member] =
    &[("name", Kind::Text), ("floor", Kind::Integer), ("since", Kind::Timestamp), ("int", Kind::Text)];
const ROW: &[Member] = &[
    ("flag", Kind::Boolean),
    ("int", Kind::Integer),
    ("long", Kind::Integer),
    ("float", Kind::Number),
    ("price", Kind::Number),
    ("wide", Kind::Number),
    ("whole", Kind::Integer),
    ("day", Kind::Date),
    ("time", Kind::Time),
    ("at", Kind::Timestamp),
    ("text", Kind::Text),
    ("owned", Kind::Text),
    ("size", SIZES),
    ("maybe_flag", Kind::Boolean),
    ("maybe_int", Kind::Integer),
    ("maybe_price", Kind::Number),
    ("maybe_day", Kind::Date),
    ("maybe_text", Kind::Text),
    ("maybe_size", SIZES),
    ("place", Kind::Object(PLACE)),
];

/// Collects nothing: the test looks at the rows as they come.
#[derive(Default)]
struct Nothing;

impl Collect for Nothing {
    fn reserve(&mut self, _lines: usize) {}

    fn finish(self) -> Vec<Rows> {
        Vec::new()
    }
}

/// What each line of a call becomes: a row, or the code, column and message of a reject.
type Outcome = Result<String, (String, Option<String>, String)>;

fn read(lines: &[u8]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let call = context(lines);
    let output = transform_chunk::<Row<'_>, Nothing, _>(&call, lines, |row, context, _| {
        outcomes.push((context.line_in_call(), Ok(format!("{row:?}"))));
        Ok(())
    });
    let rejects = output.expect("a call does not fail").rejects;
    outcomes.extend(rejects.into_iter().map(|found| (found.line, Err((found.code, found.column, found.message)))));
    outcomes.sort_by_key(|(line, _)| *line);
    let numbers: Vec<_> = outcomes.iter().map(|(line, _)| *line).collect();
    assert_eq!(numbers, (0..call.lines).collect::<Vec<_>>(), "each line makes a row or a reject");
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn read_one_by_one(lines: &[u8]) -> Vec<Outcome> {
    lines.split_inclusive(|byte| *byte == b'\n').flat_map(read).collect()
}

/// How many lines are read by the shape of the line before them.
fn count_predicted(lines: &[u8]) -> usize {
    let padded = PaddedLines::new(lines);
    let (mut shape, mut position, mut count) = (None::<Shape>, 0, 0);
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let predicted =
            shape.as_ref().zip(padded.cursor(position)).and_then(|(shape, mut cursor)| Row::read(&mut cursor, shape));
        count += usize::from(predicted.is_some());
        if sdk::chunk::parse_line::<Row<'_>>(line, &Arena::new()).is_ok() {
            shape = Shape::learn(line, Row::COLUMNS);
        }
        position += line.len();
    }
    count
}

#[test]
fn prediction_and_exact_reading_give_the_same_rows_and_rejects() {
    let (lines_in_all, good, predicted) = (Cell::new(0), Cell::new(0), Cell::new(0));
    for_all(1_000, &lines(ROW), |lines| {
        let together = read(&lines);
        let alone = read_one_by_one(&lines);
        lines_in_all.set(lines_in_all.get() + alone.len());
        good.set(good.get() + alone.iter().filter(|outcome| outcome.is_ok()).count());
        predicted.set(predicted.get() + count_predicted(&lines));
        for (line, (together, alone)) in together.into_iter().zip(alone).enumerate() {
            prop_assert_eq!(together, alone, "line {} of\n{}", line + 1, String::from_utf8_lossy(&lines));
        }
        Ok(())
    });
    let (lines_in_all, good, predicted) = (lines_in_all.get(), good.get(), predicted.get());
    println!("{lines_in_all} lines, {good} good, {predicted} predicted");
    assert!(good * 2 > lines_in_all, "the test means little: {good} of {lines_in_all} lines are good");
    assert!(predicted * 5 > lines_in_all, "the test means little: {predicted} of {lines_in_all} are predicted");
}

#[test]
fn any_bytes_are_read_the_same_together_and_alone() {
    let teacher = lines(ROW);
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    for_all(500, &(teacher, bytes), |(mut lines, bytes)| {
        let copy = lines.clone();
        lines.extend_from_slice(&bytes);
        lines.extend_from_slice(&copy);
        prop_assert_eq!(read(&lines), read_one_by_one(&lines));
        Ok(())
    });
}
