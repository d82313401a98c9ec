//! Texts: days and times, good and bad, and what can stand between quotes in JSON.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A text that may be a day, a time or both, or miss it closely.
pub(crate) fn calendar_text() -> impl Strategy<Value = String> {
    let date = (0..=10_001, 0..=13, 0..=32).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"));
    let fraction = prop_oneof![1 => Just(String::new()), 3 => "\\.[0-9]{0,7}"];
    let time = (0..=24, 0..=60, 0..=60, fraction)
        .prop_map(|(hour, minute, second, fraction)| format!("{hour:02}:{minute:02}:{second:02}{fraction}"));
    let separator = select(&["T", "T", " ", "t", "", "\\u0054"][..]);
    let zone = select(&["", "", "Z", "z", "+00", "+01:00", "-0130", "+23:59", "-24:00", "+1", " UTC"][..]);
    let both = (date.clone(), separator, time.clone(), zone)
        .prop_map(|(date, separator, time, zone)| format!("{date}{separator}{time}{zone}"));
    let near = select(
        &[
            "infinity",
            "-infinity",
            "0001-01-01 BC",
            "2024-1-01",
            "2024-02-30",
            "1900-02-29",
            "2000-02-29",
            ":0:00:00",
            "2/29/2024",
        ][..],
    );
    let good = prop_oneof![date, time, both].boxed();
    // A byte beside the digits, or a separator, in any place.
    let missed = (good.clone(), any::<Index>(), select(&b"0139/:;-.TZ "[..])).prop_map(|(text, at, byte)| {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        String::from_utf8_lossy(&bytes).into_owned()
    });
    prop_oneof![3 => good, 2 => missed, 1 => near.prop_map(str::to_owned)]
}

/// A JSON text with all that can stand in one, and some that can't.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "seven77",
        "eight888",
        "nine99999",
        "NULL",
        " ",
        "é",
        "漢字",
        "😀",
        "\u{7f}",
        "\u{2028}",
        "'",
        "{}",
        ",\"int\":1",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\u0000",
        "\\ud83d",
        "\\ude00",
        "\\x",
        "\\u12",
        "\t",
        "\u{1}",
        "\\",
    ];
    let pieces = prop_oneof![3 => select(pieces[..14].to_vec()), 2 => select(pieces.to_vec())];
    prop::collection::vec(pieces, 0..7).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}
