//! What a reject says to people.

use sdk::chunk::parse_line;
use sdk::source::Arena;
use sdk::{Date, Decimal, Source, Timestamp};

#[derive(Debug, Source)]
#[expect(dead_code, reason = "the test is about lines that make no row")]
struct Row<'a> {
    id: i32,
    price: Decimal<10, 2>,
    day: Option<Date>,
    at: Option<Timestamp>,
    size: Option<Size>,
    #[source(lookup = "place", column = "id")]
    place: Option<Place<'a>>,
}

#[derive(Debug, Source)]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Source)]
#[expect(dead_code, reason = "the test is about lines that make no row")]
struct Place<'a> {
    name: &'a str,
}

/// Lines, each with what is said of it.
const MESSAGES: &[(&str, &str)] = &[
    (r#"{"id":1}"#, "missing-column: `price`: the line has no such column"),
    (r#"{"id":null}"#, "null: `id`: found null in a column that must have a value"),
    (r#"{"id":1,"id":1}"#, "duplicate-column: `id`: the column comes twice in the line"),
    (r#"{"id":"1"}"#, "type: `id`: found `\"1\"`, expected an integer of 32 bits, -2147483648 to 2147483647"),
    (
        r#"{"id":3000000000}"#,
        "range: `id`: found `3000000000`, expected an integer of 32 bits, -2147483648 to 2147483647",
    ),
    (
        r#"{"id":1,"price":0.125}"#,
        "decimal: `price`: found `0.125`, expected a number of at most 8 digits before and 2 behind the point",
    ),
    (
        r#"{"id":1,"price":1,"day":"2023-02-29"}"#,
        "date: `day`: found `2023-02-29`, expected a day of the years 1 to 9999 as \"YYYY-MM-DD\"",
    ),
    (
        r#"{"id":1,"price":1,"at":"infinity"}"#,
        "timestamp: `at`: found `infinity`, expected a point in time as \"YYYY-MM-DDTHH:MM:SS\", with at most 6 digits of a \
         fraction, in the years 1 to 9999",
    ),
    (r#"{"id":1,"price":1,"size":"M"}"#, "variant: `size`: found `\"M\"`, expected one of \"SMALL\", \"LARGE\""),
    (
        r#"{"id":1,"price":1,"place":{"name":null}}"#,
        "null: `place.name`: found null in a column that must have a value",
    ),
    ("{\"id\":1\n", "json: not valid JSON at byte 7 of the line: EOF while parsing an object"),
    ("\n", "json: not valid JSON at byte 0 of the line: EOF while parsing a value"),
    ("{\"id\":01}\n", "json: not valid JSON at byte 8 of the line, at `1`: invalid number"),
    ("[1]\n", "json: found `[1]`, expected a JSON object"),
];

#[test]
fn a_reject_says_what_was_found_and_what_was_expected() {
    for (line, expected) in MESSAGES {
        let found = parse_line::<Row<'_>>(line.as_bytes(), &Arena::new()).expect_err("a bad line").to_string();
        assert_eq!(&found, expected, "{line}");
    }
    let found = parse_line::<Row<'_>>(b"{\"id\":\xff}\n", &Arena::new()).expect_err("a bad line").to_string();
    assert_eq!(found, "utf8: the line is not valid UTF-8 at byte 7");
}
