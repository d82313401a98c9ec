//! Values as the lines hold them: the text forms of Postgres, as JSON.

/// Days from 0001-01-01 (proleptic Gregorian) of 2000-01-01, Postgres' day 0, less those that the era arithmetic begins earlier.
const DAYS_TO_ERA: i64 = 730_425;
/// Microseconds from 1970 to 2000.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Days from 1970 to 2000.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Writes a text in quotes, with the escapes that JSON wants.
pub(crate) fn write_text(text: &[u8], output: &mut Vec<u8>) {
    output.push(b'"');
    let mut rest = text;
    while let Some(at) = first_to_escape(rest) {
        output.extend_from_slice(&rest[..at]);
        write_escape(rest[at], output);
        rest = &rest[at + 1..];
    }
    output.extend_from_slice(rest);
    output.push(b'"');
}

/// The first byte that is a control character, a quote or a backslash; eight bytes are looked at at a time.
fn first_to_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk() {
        let word = u64::from_le_bytes(*word);
        // A byte is small, or equal to a letter, if taking away borrows from its highest bit (Bit Twiddling Hacks, S. E. Anderson).
        let small = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = word ^ (ONES * u64::from(b'"'));
        let quote = quote.wrapping_sub(ONES) & !quote;
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let backslash = backslash.wrapping_sub(ONES) & !backslash;
        if (small | quote | backslash) & HIGHS != 0 {
            break;
        }
        at += 8;
    }
    text[at..].iter().position(is_escaped).map(|found| at + found)
}

fn write_escape(byte: u8, output: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => output.extend_from_slice(br#"\""#),
        b'\\' => output.extend_from_slice(br"\\"),
        b'\n' => output.extend_from_slice(br"\n"),
        b'\r' => output.extend_from_slice(br"\r"),
        b'\t' => output.extend_from_slice(br"\t"),
        0x08 => output.extend_from_slice(br"\b"),
        0x0c => output.extend_from_slice(br"\f"),
        _ => {
            output.extend_from_slice(br"\u00");
            output.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// Two digits.
fn write_pair(number: u32, output: &mut Vec<u8>) {
    output.extend_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// Writes a whole number.
pub(crate) fn write_integer(number: i64, output: &mut Vec<u8>) {
    if number < 0 {
        output.push(b'-');
    }
    write_unsigned(number.unsigned_abs(), output);
}

/// Writes a whole number.
pub(crate) fn write_unsigned(mut number: u64, output: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    while number >= 100 {
        let pair = (number % 100) as u8;
        number /= 100;
        at -= 2;
        digits[at] = b'0' + pair / 10;
        digits[at + 1] = b'0' + pair % 10;
    }
    if number >= 10 {
        at -= 2;
        digits[at] = b'0' + (number / 10) as u8;
        digits[at + 1] = b'0' + (number % 10) as u8;
    } else {
        at -= 1;
        digits[at] = b'0' + number as u8;
    }
    output.extend_from_slice(&digits[at..]);
}

/// Writes at least `width` digits.
fn write_padded(number: u64, width: usize, output: &mut Vec<u8>) {
    let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    output.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits)));
    write_unsigned(number, output);
}

/// Year (0 is 1 BC), month and day of a number of days since 2000-01-01, in the proleptic Gregorian calendar (H. Hinnant,
/// `civil_from_days`).
fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + DAYS_TO_ERA;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

/// Writes a day without quotes; tells whether it is BC.
fn write_day(days: i64, output: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil(days);
    let is_bc = year <= 0;
    let shown = if is_bc { 1 - year } else { year };
    if shown <= 9_999 {
        write_pair(shown as u32 / 100, output);
        write_pair(shown as u32 % 100, output);
    } else {
        write_unsigned(shown.unsigned_abs(), output);
    }
    output.push(b'-');
    write_pair(month, output);
    output.push(b'-');
    write_pair(day, output);
    is_bc
}

/// Writes a date, given in days since 2000-01-01.
pub(crate) fn write_date(days: i32, output: &mut Vec<u8>) {
    output.push(b'"');
    match days {
        i32::MAX => output.extend_from_slice(b"infinity"),
        i32::MIN => output.extend_from_slice(b"-infinity"),
        _ => {
            if write_day(days.into(), output) {
                output.extend_from_slice(b" BC");
            }
        }
    }
    output.push(b'"');
}

/// Writes hours, minutes, seconds, and as many digits of the second as are not zero at the end.
pub(crate) fn write_clock(micros: i64, output: &mut Vec<u8>) {
    let seconds = micros / MICROS_PER_SECOND;
    write_pair((seconds / 3_600) as u32, output);
    output.push(b':');
    write_pair((seconds / 60 % 60) as u32, output);
    output.push(b':');
    write_pair((seconds % 60) as u32, output);
    write_fraction((micros % MICROS_PER_SECOND) as u32, output);
}

/// Writes a point and the digits of so many millionths, those not zero at the end; nothing for none.
fn write_fraction(micros: u32, output: &mut Vec<u8>) {
    if micros == 0 {
        return;
    }
    output.push(b'.');
    write_pair(micros / 10_000, output);
    write_pair(micros / 100 % 100, output);
    write_pair(micros % 100, output);
    while output.last() == Some(&b'0') {
        output.pop();
    }
}

/// Writes a time of day with its offset, given in seconds west of Greenwich.
pub(crate) fn write_clock_with_zone(micros: i64, seconds_west: i32, output: &mut Vec<u8>) {
    write_clock(micros, output);
    output.push(if seconds_west > 0 { b'-' } else { b'+' });
    let seconds = seconds_west.unsigned_abs();
    write_pair(seconds / 3_600, output);
    if !seconds.is_multiple_of(3_600) {
        output.push(b':');
        write_pair(seconds / 60 % 60, output);
    }
    if !seconds.is_multiple_of(60) {
        output.push(b':');
        write_pair(seconds % 60, output);
    }
}

/// Writes a timestamp, given in microseconds since 2000-01-01, as ISO 8601 with `zone` at its end; infinite ones and those before
/// the first year in Postgres' form.
pub(crate) fn write_timestamp(micros: i64, zone: Zone, output: &mut Vec<u8>) {
    output.push(b'"');
    match micros {
        i64::MAX => output.extend_from_slice(b"infinity"),
        i64::MIN => output.extend_from_slice(b"-infinity"),
        _ => {
            let is_bc = write_day(micros.div_euclid(MICROS_PER_DAY), output);
            output.push(if is_bc { b' ' } else { b'T' });
            write_clock(micros.rem_euclid(MICROS_PER_DAY), output);
            output.extend_from_slice(match (zone, is_bc) {
                (Zone::None, false) => b"",
                (Zone::None, true) => b" BC",
                (Zone::Utc, false) => b"+00:00",
                (Zone::Utc, true) => b"+00 BC",
            });
        }
    }
    output.push(b'"');
}

/// What stands at the end of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Nothing.
    None,
    /// The offset of UTC.
    Utc,
}

/// Writes a duration as ISO 8601, as Postgres does with `intervalstyle = iso_8601`.
pub(crate) fn write_interval(months: i32, days: i32, micros: i64, output: &mut Vec<u8>) {
    output.push(b'"');
    match (months, days, micros) {
        (0, 0, 0) => output.extend_from_slice(b"PT0S"),
        (i32::MAX, i32::MAX, i64::MAX) => output.extend_from_slice(b"infinity"),
        (i32::MIN, i32::MIN, i64::MIN) => output.extend_from_slice(b"-infinity"),
        _ => {
            output.push(b'P');
            let part = |number: i64, letter: u8, output: &mut Vec<u8>| {
                if number != 0 {
                    write_integer(number, output);
                    output.push(letter);
                }
            };
            part(i64::from(months / 12), b'Y', output);
            part(i64::from(months % 12), b'M', output);
            part(days.into(), b'D', output);
            if micros != 0 {
                output.push(b'T');
                let seconds = micros / MICROS_PER_SECOND;
                part(seconds / 3_600, b'H', output);
                part(seconds / 60 % 60, b'M', output);
                let rest = micros % (60 * MICROS_PER_SECOND);
                if rest != 0 {
                    if rest < 0 {
                        output.push(b'-');
                    }
                    write_unsigned(rest.unsigned_abs() / 1_000_000, output);
                    write_fraction((rest.unsigned_abs() % 1_000_000) as u32, output);
                    output.push(b'S');
                }
            }
        }
    }
    output.push(b'"');
}

/// Writes a decimal number with its exact digits, from Postgres' binary form without its first eight bytes: digits to the base
/// of 10,000, the first of which counts 10,000 to the power of `weight`.
pub(crate) fn write_decimal(digits: &[u8], weight: i16, is_negative: bool, scale: u16, output: &mut Vec<u8>) {
    let count = digits.len() / 2;
    let digit = |index: i32| match usize::try_from(index) {
        Ok(index) if index < count => u32::from(u16::from_be_bytes([digits[2 * index], digits[2 * index + 1]])),
        _ => 0,
    };
    if is_negative {
        output.push(b'-');
    }
    let weight = i32::from(weight);
    if weight < 0 {
        output.push(b'0');
    } else {
        write_unsigned(digit(0).into(), output);
        (1..=weight).for_each(|index| write_padded(digit(index).into(), 4, output));
    }
    if scale > 0 {
        output.push(b'.');
        let end = output.len() + usize::from(scale);
        let mut index = weight + 1;
        while output.len() < end {
            let four = digit(index);
            write_pair(four / 100, output);
            write_pair(four % 100, output);
            index += 1;
        }
        output.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut output = Vec::new();
        write(&mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn texts_are_escaped_wherever_they_need_to_be() {
        for length in 0..20 {
            for letter in ["\"", "\\", "\n", "\u{1}", "\u{1f}", " ", "!", "é", "]", "\u{7f}"] {
                let text = format!("{}{letter}{}", "x".repeat(length), "y".repeat(length));
                assert_eq!(
                    serde_json::to_string(&text).unwrap(),
                    written(|output| write_text(text.as_bytes(), output))
                );
            }
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "\"2000-01-01\""),
            (59, "\"2000-02-29\""),
            (-10_957, "\"1970-01-01\""),
            (-730_119, "\"0001-01-01\""),
            (-730_120, "\"0001-12-31 BC\""),
            (2_921_940, "\"10000-01-01\""),
            (i32::MAX, "\"infinity\""),
        ] {
            assert_eq!(expected, written(|output| write_date(days, output)));
        }
    }

    #[test]
    fn decimals_keep_their_digits() {
        let number = |digits: &[u16], weight, scale| {
            let digits: Vec<u8> = digits.iter().flat_map(|digit| digit.to_be_bytes()).collect();
            written(|output| write_decimal(&digits, weight, true, scale, output))
        };
        assert_eq!("-3.94", number(&[3, 9400], 0, 2));
        assert_eq!("-0.0001", number(&[1], -1, 4));
        assert_eq!("-0.00001000", number(&[1000], -2, 8));
        assert_eq!("-10000", number(&[1], 1, 0));
        assert_eq!("-120034.50", number(&[12, 34, 5000], 1, 2));
    }
}
