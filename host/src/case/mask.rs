//! Stand-ins for values that must not leave the database: the same one for the same value, and of the same form.
//!
//! A letter stands for a letter, a digit for a digit, a day for a day; what else there is (`@`, `-`, `.`) stays. So a plugin
//! takes a stand-in as it takes the value, and rows that had the same value still do. A stand-in is no encryption: whoever
//! can guess a value can check the guess.

use crate::input::parse_members;
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The stand-in for a value, as it is written in a line; `None` for a value that can't be read. Nulls, true and false stay as
/// they are.
pub(super) fn mask(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => Some(Value::from(mask_text(&serde_json::from_str::<String>(raw).ok()?)).to_string()),
        b'0'..=b'9' | b'-' => Some(mask_number(raw.trim())),
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            let values = values.into_iter().map(|value| mask(value.get())).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", values.join(",")))
        }
        b'{' => {
            let members = parse_members(raw.as_bytes())?.0.into_iter();
            let member = |(name, value): (Cow<'_, str>, &RawValue)| {
                Some(format!("{}:{}", Value::from(mask_text(&name)), mask(value.get())?))
            };
            Some(format!("{{{}}}", members.map(member).collect::<Option<Vec<_>>>()?.join(",")))
        }
        _ => Some(raw.to_owned()),
    }
}

/// Numbers that depend on a value alone.
struct Stream {
    seed: Vec<u8>,
    block: [u8; 32],
    next: usize,
    blocks: u64,
}

impl Stream {
    fn new(value: &str) -> Self {
        Self { seed: value.as_bytes().to_vec(), block: [0; 32], next: 32, blocks: 0 }
    }

    /// A number below `limit`, which is small.
    fn below(&mut self, limit: u32) -> u32 {
        if self.next + 2 > self.block.len() {
            let block = Sha256::new().chain_update(self.blocks.to_le_bytes()).chain_update(&self.seed).finalize();
            self.block = block.into();
            self.blocks += 1;
            self.next = 0;
        }
        let number = u16::from_le_bytes([self.block[self.next], self.block[self.next + 1]]);
        self.next += 2;
        u32::from(number) % limit
    }

    fn letter(&mut self, from: &[char]) -> char {
        from[self.below(from.len() as u32) as usize]
    }
}

/// Letters of other scripts, so that a text that is not ASCII stays such a text.
const LOWER: [char; 4] = ['é', 'ø', 'ß', 'ž'];
const UPPER: [char; 4] = ['É', 'Ø', 'Ä', 'Ž'];

/// Another text of the same form. A form with few texts may have no other, as `-`.
fn mask_text(text: &str) -> String {
    let mut stream = Stream::new(text);
    if let Some(moment) = masked_moment(text, &mut stream) {
        return moment;
    }
    let stand_in = |character: char| match character {
        'a'..='z' => char::from(b'a' + stream.below(26) as u8),
        'A'..='Z' => char::from(b'A' + stream.below(26) as u8),
        '0'..='9' => char::from(b'0' + stream.below(10) as u8),
        _ if character.is_uppercase() => stream.letter(&UPPER),
        _ if character.is_alphanumeric() => stream.letter(&LOWER),
        _ => character,
    };
    let masked: String = text.chars().map(stand_in).collect();
    if masked == text { text.chars().map(next).collect() } else { masked }
}

/// The letter or digit after this one.
fn next(character: char) -> char {
    match character {
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        'a'..='y' | 'A'..='Y' | '0'..='8' => char::from(character as u8 + 1),
        other => other,
    }
}

/// Another day, or time of day, or both, where the text is one and nothing else; an offset stays.
fn masked_moment(text: &str, stream: &mut Stream) -> Option<String> {
    let (moment, offset) = match text.get(10..).and_then(|time| time.find(['+', '-', 'Z'])) {
        Some(at) => text.split_at(10 + at),
        None => (text, ""),
    };
    let is_offset = offset.len() <= 6 && offset.chars().all(|character| "+-:Z0123456789".contains(character));
    let (day, separator, time) = match moment.get(10..11) {
        Some(separator) if NaiveDate::parse_from_str(&moment[..10], "%Y-%m-%d").is_ok() => {
            (&moment[..10], separator, &moment[11..])
        }
        _ if NaiveDate::parse_from_str(moment, "%Y-%m-%d").is_ok() && moment.len() == 10 => (moment, "", ""),
        _ => ("", "", moment),
    };
    let is_time = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").is_ok() && time.get(8..).is_some_and(is_fraction);
    if !is_offset || (day.is_empty() && !is_time) || (!separator.is_empty() && !is_time) || !day.is_ascii() {
        return None;
    }
    let mut masked = String::new();
    if !day.is_empty() {
        masked += &format!("{}-{:02}-{:02}{separator}", &day[..4], stream.below(12) + 1, stream.below(28) + 1);
    }
    if is_time {
        masked += &format!("{:02}:{:02}:{:02}", stream.below(24), stream.below(60), stream.below(60));
        let fraction = time[8..].chars();
        masked.extend(fraction.map(|digit| if digit == '.' { '.' } else { char::from(b'0' + stream.below(10) as u8) }));
    }
    Some(masked + offset)
}

fn is_fraction(text: &str) -> bool {
    text.is_empty() || text.strip_prefix('.').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Other digits, as many, and no larger first one, so that the number fits whatever the value fits; the exponent stays.
fn mask_number(raw: &str) -> String {
    let mut stream = Stream::new(raw);
    let exponent = raw.find(['e', 'E']).unwrap_or(raw.len());
    let mut first = true;
    let digit = |character: char| {
        let Some(digit) = character.to_digit(10) else { return character };
        // A number with several digits does not begin with a zero; one that does has its point behind it.
        let masked = match (std::mem::take(&mut first), digit) {
            (true, 0) => 0,
            (true, digit) => stream.below((digit - 1).max(1)) + 1,
            (false, _) => stream.below(10),
        };
        char::from(b'0' + masked as u8)
    };
    let masked: String = raw[..exponent].chars().map(digit).collect();
    if masked != raw[..exponent] {
        return masked + &raw[exponent..];
    }
    // The last digit makes the difference; of one digit alone, the smaller one or else the larger.
    let (rest, last) = masked.split_at(masked.len() - 1);
    let other = match last {
        "1" | "0" => "2",
        "9" => "8",
        _ => "1",
    };
    format!("{rest}{other}{}", &raw[exponent..])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
mod tests {
    use super::*;

    fn masked(raw: &str) -> String {
        mask(raw).unwrap_or_else(|| panic!("{raw} can't be masked"))
    }

    #[test]
    fn a_stand_in_is_another_value_of_the_same_form_and_the_same_each_time() {
        let values =
            ["\"Zoë.Bright@example.com\"", "\"2022-11-03T14:20:49.962\"", "-1234.50", "0.25", "\"+44 20 7946\""];
        let short = ["2", "1", "0", "7", "10", "\"a\"", "\"14:20:49\"", "\"2024-02-29 23:59:59.5+02\"", "1e400"];
        for raw in values.into_iter().chain(short) {
            let stand_in = masked(raw);
            assert_eq!(stand_in, masked(raw));
            assert_ne!(stand_in, raw);
            let form = |text: &str| text.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect::<String>();
            assert_eq!(form(&stand_in), form(raw));
            assert!(serde_json::from_str::<&RawValue>(&stand_in).is_ok(), "{stand_in}");
        }
    }

    #[test]
    fn a_number_fits_what_the_value_fits() {
        for number in ["2147483647", "1000000000", "-2147483648", "7"] {
            assert!(masked(number).parse::<i32>().is_ok(), "{number}: {}", masked(number));
        }
        assert!(masked("9223372036854775807").parse::<i64>().is_ok());
    }

    #[test]
    fn days_and_times_stay_such_and_nothing_stays_nothing() {
        let text = |raw: &str| serde_json::from_str::<String>(&masked(raw)).unwrap();
        let moment = text("\"2024-02-29 23:59:59+02\"");
        assert!(chrono::NaiveDateTime::parse_from_str(&moment[..19], "%Y-%m-%d %H:%M:%S").is_ok(), "{moment}");
        assert!(moment.ends_with("+02"));
        assert!(NaiveTime::parse_from_str(&text("\"14:20:49.962\""), "%H:%M:%S%.f").is_ok());
        assert_eq!(["null", "true"].map(masked), ["null", "true"]);
    }

    #[test]
    fn what_only_begins_as_a_day_is_masked_whole() {
        let stand_in = masked("\"2022-11-03 John Smith, 4 High St\"");
        assert!(!stand_in.contains("2022") && !stand_in.contains("John") && !stand_in.contains("High"), "{stand_in}");
        let nested = masked("{\"alice@example.com\":[1,{\"b\":null}]}");
        assert!(!nested.contains("alice"), "{nested}");
    }

    #[test]
    fn a_value_that_cannot_be_read_has_no_stand_in() {
        assert_eq!(mask("\"Alice \\ud834\""), None);
        let stand_in = mask(&format!("{}\"x\"{}", "[".repeat(300), "]".repeat(300)));
        assert!(stand_in.is_none_or(|stand_in| !stand_in.contains('x')));
    }
}
