//! Days, times of day and points in time, in the texts that plugins take for them.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// `2022-11-03`, of the years 1 to 9999.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let [year, month, day] = split_digits(text, '-', [4, 2, 2])?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).filter(is_in_range)
}

/// `14:20:49`, perhaps with a point and 1 to 6 digits behind.
pub(super) fn parse_time(text: &str) -> Option<NaiveTime> {
    let (whole, micros) = match text.split_once('.') {
        Some((whole, fraction)) if (1..=6).contains(&fraction.len()) => {
            (whole, digits(fraction, fraction.len())? * 10_u32.pow(6 - fraction.len() as u32))
        }
        Some(_) => return None,
        None => (text, 0),
    };
    let [hour, minute, second] = split_digits(whole, ':', [2, 2, 2])?;
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

/// A day and a time with a `T` or a space between, and perhaps `Z`, `+01`, `+0130` or `+01:30` behind; in UTC.
pub(super) fn parse_timestamp(text: &str) -> Option<NaiveDateTime> {
    let (date, rest) = text.split_once(['T', ' '])?;
    let (time, offset) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
    let local = parse_date(date)?.and_time(parse_time(time)?);
    local.checked_sub_signed(parse_offset(offset)?).filter(|moment| is_in_range(&moment.date()))
}

fn parse_offset(text: &str) -> Option<TimeDelta> {
    if text.is_empty() || text == "Z" {
        return Some(TimeDelta::zero());
    }
    let (sign, offset) = text.split_at_checked(1)?;
    let (hour, minute) = match offset.len() {
        2 => (offset, "00"),
        4 => offset.split_at_checked(2)?,
        _ => offset.split_once(':')?,
    };
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    let offset = (hour < 24 && minute < 60).then(|| TimeDelta::minutes(i64::from(hour * 60 + minute)))?;
    match sign {
        "+" => Some(offset),
        "-" => Some(-offset),
        _ => None,
    }
}

fn is_in_range(date: &NaiveDate) -> bool {
    (1..=9999).contains(&date.year())
}

fn split_digits(text: &str, between: char, counts: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.splitn(3, between);
    let mut numbers = [0; 3];
    for (number, count) in numbers.iter_mut().zip(counts) {
        *number = digits(parts.next()?, count)?;
    }
    Some(numbers)
}

/// `count` digits and nothing else.
fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A day as rows of a case have it.
pub(super) fn date_text(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// A time of day as rows of a case have it.
pub(super) fn time_text(time: NaiveTime) -> String {
    time.format("%H:%M:%S%.6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_worked_into_utc() {
        let utc = |text| {
            parse_timestamp(text).map(|moment| format!("{}T{}", date_text(moment.date()), time_text(moment.time())))
        };
        for (text, expected) in [
            ("2022-11-03T14:20:49.962", Some("2022-11-03T14:20:49.962000")),
            ("2022-11-03 14:20:49", Some("2022-11-03T14:20:49.000000")),
            ("2022-01-01T00:30:00.5+01:00", Some("2021-12-31T23:30:00.500000")),
            ("2022-01-01T00:30:00-0130", Some("2022-01-01T02:00:00.000000")),
            ("2022-01-01T00:30:00Z", Some("2022-01-01T00:30:00.000000")),
            ("2022-01-01T00:30:00+01", Some("2021-12-31T23:30:00.000000")),
            ("0001-01-01T00:00:00+01:00", None),
            ("9999-12-31T23:59:59-01:00", None),
            ("2022-01-01", None),
            ("2022-01-01T00:30", None),
            ("2022-01-01T24:00:00", None),
            ("2022-01-01T23:59:60", None),
            ("2022-01-01T00:30:00.1234567", None),
            ("2022-01-01T00:30:00+24:00", None),
            ("2022-01-01T00:30:00+1:00", None),
            ("2022-02-29 00:00:00", None),
            ("0000-01-01 00:00:00", None),
        ] {
            assert_eq!(utc(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn days_and_times_are_read_as_a_whole() {
        assert!(parse_date("2024-02-29").is_some() && parse_time("23:59:59.999999").is_some());
        for text in ["2024-2-29", "24-02-29", "2024-02-29 ", "+024-02-29", "2024-02-29-1"] {
            assert!(parse_date(text).is_none(), "{text}");
        }
        for text in ["1:00:00", "00:00", "00:00:00.", "00:00:00:00", "00.5:00:00"] {
            assert!(parse_time(text).is_none(), "{text}");
        }
    }
}
