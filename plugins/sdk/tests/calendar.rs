//! Days and times against `chrono`.

mod support;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use proptest::prelude::*;
use sdk::{Date, Time, Timestamp};
use support::texts::calendar_text;
use support::{for_all, is_json, read};

const UNIX_EPOCH: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a day");

fn days_of(date: NaiveDate) -> i32 {
    i32::try_from((date - UNIX_EPOCH).num_days()).expect("no more than four digits of years")
}

/// What may stand between the quotes of a JSON text.
fn json_calendar_text() -> impl Strategy<Value = String> {
    calendar_text().prop_filter("JSON", |text| is_json(&format!("\"{text}\"")))
}

#[test]
fn every_day_of_the_years_1_to_9999_is_as_chrono_has_it() {
    let mut next = NaiveDate::from_ymd_opt(1, 1, 1);
    while let Some(expected) = next.filter(|day| day.year() <= 9999) {
        let (year, month, day) = (expected.year(), expected.month(), expected.day());
        let found = Date::from_year_month_day(year.unsigned_abs(), month, day).expect("there is such a day");
        assert_eq!(found.days(), days_of(expected), "{expected}");
        assert_eq!(Date::from_days(found.days()), Some(found), "{expected}");
        assert_eq!(found.year_month_day(), (year, month.cast_signed(), day.cast_signed()), "{expected}");
        assert_eq!(found.weekday().cast_unsigned(), expected.weekday().number_from_monday(), "{expected}");
        assert_eq!(found.quarter().cast_unsigned(), expected.quarter(), "{expected}");
        next = expected.succ_opt();
    }
    let [first, last] = ["0001-01-01", "9999-12-31"].map(|text| text.parse::<Date>().expect("a day").days());
    assert_eq!((Date::from_days(first - 1), Date::from_days(last + 1)), (None, None));
}

#[test]
fn no_other_numbers_are_a_day() {
    for year in (0..=10_001).filter(|year| *year < 410 || *year > 9_500) {
        for (month, day) in (0..=17).flat_map(|month| (0..=33).map(move |day| (month, day))) {
            let expected = NaiveDate::from_ymd_opt(year, month, day).filter(|day| (1..=9999).contains(&day.year()));
            let found = Date::from_year_month_day(year.unsigned_abs(), month, day);
            assert_eq!(found.map(Date::days), expected.map(days_of), "{year}-{month}-{day}");
        }
    }
}

#[test]
fn days_and_months_have_their_english_names() {
    for days in 0..1_500 {
        let expected = UNIX_EPOCH + chrono::Days::new(days);
        let text = expected.format("%Y-%m-%d").to_string();
        let found: Date = text.parse().expect("a day");
        assert_eq!(found.to_string(), text);
        let names = format!("{} {}", found.weekday_name(), found.month_name());
        assert_eq!(names, expected.format("%A %B").to_string());
    }
}

#[test]
fn a_text_is_a_date_where_chrono_says_so() {
    for_all(20_000, &json_calendar_text(), |text| {
        let reading = read::<Date>(&format!("\"{text}\""));
        // chrono takes signs and spaces too.
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let expected = is_plain.then(|| text.parse::<NaiveDate>().ok()).flatten().filter(|day| day.year() > 0);
        prop_assert_eq!(reading.value.as_ref().ok().map(|date| date.days()), expected.map(days_of), "{}", text);
        prop_assert_eq!(reading.is_predicted, expected.is_some());
        if let Err(reject) = reading.value {
            prop_assert_eq!(reject.code, "date");
        }
        Ok(())
    });
}

#[test]
fn a_text_is_a_time_where_chrono_says_so() {
    let numbers = (0..=25_u32, 0..=61_u32, 0..=61_u32, 0..1_000_000_u32, 0..=6_usize);
    for_all(20_000, &numbers, |(hour, minute, second, micros, digits)| {
        let micros = micros / 10_u32.pow(6 - digits as u32) * 10_u32.pow(6 - digits as u32);
        let fraction = format!(".{micros:06}");
        let fraction = if digits == 0 { "" } else { &fraction[..=digits] };
        let text = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
        let reading = read::<Time>(&format!("\"{text}\""));
        let expected = NaiveTime::from_hms_micro_opt(hour, minute, second, micros);
        let found = reading.value.ok();
        prop_assert_eq!(
            found.map(Time::micros),
            expected.map(|time| (time - NaiveTime::MIN).num_microseconds().expect("a day"))
        );
        prop_assert_eq!(
            found.map(|time| time.to_string()),
            expected.map(|time| time.format("%H:%M:%S%.6f").to_string())
        );
        prop_assert_eq!(reading.is_predicted, expected.is_some(), "{}", text);
        Ok(())
    });
}

#[test]
fn a_text_is_a_timestamp_where_chrono_says_so() {
    for_all(20_000, &json_calendar_text(), |text| {
        let reading = read::<Timestamp>(&format!("\"{text}\""));
        let expected = expected_timestamp(&text.replace("\\u0054", "T"));
        let found = reading.value.as_ref().ok();
        prop_assert_eq!(found.map(|at| at.micros()), expected.map(|at| at.timestamp_micros()), "{}", text);
        if let (Some(found), Some(expected)) = (found, expected) {
            prop_assert_eq!(found.to_string(), expected.naive_utc().format("%Y-%m-%dT%H:%M:%S%.6f").to_string());
            prop_assert_eq!(found.date().days(), days_of(expected.naive_utc().date()));
        }
        // Also those with an offset; an escape is for the exact reading.
        prop_assert_eq!(reading.is_predicted, found.is_some() && !text.contains('\\'), "{}", text);
        Ok(())
    });
}

/// What chrono makes of a text, brought to the form that it knows: a `T`, and an offset with minutes.
fn expected_timestamp(text: &str) -> Option<DateTime<chrono::Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', ' '])?;
    let (time, offset) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let offset = match offset.len() {
        0 => "Z".to_owned(),
        3 => format!("{offset}:00"),
        5 => format!("{}:{}", &offset[..3], &offset[3..]),
        _ => offset.to_owned(),
    };
    // chrono takes any number of digits behind the point, leap seconds, and the year 0.
    let has_digits = time.len() == 8 || (10..=15).contains(&time.len());
    let is_leap_second = time.get(6..8) == Some("60");
    let at = DateTime::parse_from_rfc3339(&format!("{date}T{time}{offset}")).ok()?;
    let in_range = [at.naive_utc().year(), at.naive_local().year()].iter().all(|year| (1..=9999).contains(year));
    (has_digits && in_range && !is_leap_second).then(|| at.to_utc())
}
