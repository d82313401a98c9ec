//! Numbers as JSON texts, good and bad.

use proptest::prelude::*;
use proptest::sample::select;

/// Texts at the edges of the number types, and beyond.
const EDGES: &[&str] = &[
    "0",
    "-0",
    "0.0",
    "-0.00",
    "00",
    "01",
    "-01",
    "+1",
    "-",
    "1.",
    ".5",
    "1e",
    "1.5.2",
    "0x10",
    "1_000",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "99999999",
    "100000000",
    "999999999999999999",
    "1000000000000000000",
    "-999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "99999999.99",
    "100000000.00",
    "99999999.990",
    "99999999.991",
    "-99999999.99",
    "0.01",
    "0.001",
    "0.010",
    "9999999999999999999999999999.9999999999",
    "10000000000000000000000000000",
    "170141183460469231731687303715884105728",
    "1e0",
    "1E2",
    "12e-2",
    "1.5e1",
    "1e308",
    "1e309",
    "-1e309",
    "4.9e-324",
    "1e-400",
    "0e999999999999999999999",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "9007199254740993",
    "0.1",
    "NaN",
    "Infinity",
    "-Infinity",
];

/// Any number: mostly one that JSON allows, with digits as its writer likes them.
pub(crate) fn number() -> impl Strategy<Value = String> {
    let digits = |lengths: std::ops::Range<usize>| prop::collection::vec(b'0'..=b'9', lengths);
    let text = |digits: Vec<u8>| String::from_utf8(digits).expect("digits are ASCII");
    let written = (
        prop::bool::ANY,
        digits(1..30),
        prop_oneof![3 => Just(None), 5 => digits(1..4).prop_map(Some), 2 => digits(0..30).prop_map(Some)],
        prop_oneof![9 => Just(String::new()), 1 => (select(&["e", "E", "e+", "E-", "e-"][..]), 0..45).prop_map(|(e, power)| format!("{e}{power}"))],
        prop::bool::weighted(0.9),
    );
    let written = written.prop_map(move |(negative, whole, fraction, exponent, trimmed)| {
        let whole = text(whole);
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            rest if trimmed => rest,
            _ => &whole,
        };
        let fraction = fraction.map_or(String::new(), |fraction| format!(".{}", text(fraction)));
        format!("{}{whole}{fraction}{exponent}", if negative { "-" } else { "" })
    });
    prop_oneof![1 => select(EDGES).prop_map(str::to_owned), 2 => written]
}
