//! Days, times of day and points in time.
//!
//! Days are counted in the proleptic Gregorian calendar, from 1970-01-01, in the years 1 to 9999: what four digits can say.

use super::{Value, unexpected, unquoted};
use crate::bindings::star::transform::types::ColumnType;
use crate::cursor::{Cursor, Place};
use crate::reject::Reject;
use crate::shape::Slot;
use bumpalo::Bump;
use core::fmt;
use core::str::FromStr;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i32 = 719_468;

/// A day.
///
/// ```
/// use sdk::Date;
///
/// let day: Date = "2024-02-29".parse()?;
/// assert_eq!((day.year(), day.month(), day.day()), (2024, 2, 29));
/// assert_eq!((day.weekday(), day.weekday_name(), day.quarter()), (4, "Thursday", 1));
/// # Ok::<(), sdk::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    days: i32,
}

/// A time of day, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    micros: i64,
}

/// A point in time, in microseconds: a day and a time of that day, UTC where the source says an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    date: Date,
    time: Time,
}

impl Date {
    /// The day of a year (1 to 9999), month and day; `None` where there is no such day.
    ///
    /// Source of the day count: "chrono-Compatible Low-Level Date Algorithms", Howard Hinnant.
    #[inline(always)]
    #[must_use]
    pub fn from_year_month_day(year: u32, month: u32, day: u32) -> Option<Self> {
        const MONTH_DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let leap_day = u32::from(leap && month == 2);
        if day == 0
            || month > 12
            || day > u32::from(MONTH_DAYS[month as usize & 15]) + leap_day
            || year == 0
            || year > 9999
        {
            return None;
        }
        // Years begin in March, so that the leap day comes last.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
        Some(Self { days: days as i32 - DAYS_TO_EPOCH })
    }

    /// The day that is `days` days after 1970-01-01; `None` before the year 1 and after 9999.
    #[must_use]
    pub fn from_days(days: i32) -> Option<Self> {
        // From 0001-01-01 to 9999-12-31.
        (-719_162..=2_932_896).contains(&days).then_some(Self { days })
    }

    /// Days since 1970-01-01.
    #[inline]
    #[must_use]
    pub fn days(self) -> i32 {
        self.days
    }

    /// Year, month and day.
    #[must_use]
    pub fn year_month_day(self) -> (i32, i32, i32) {
        let days = self.days + DAYS_TO_EPOCH;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
        (era * 400 + year_of_era + year, month, day)
    }

    /// The year, 1 to 9999.
    #[must_use]
    pub fn year(self) -> i32 {
        self.year_month_day().0
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> i32 {
        self.year_month_day().1
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> i32 {
        self.year_month_day().2
    }

    /// The quarter, 1 to 4.
    #[must_use]
    pub fn quarter(self) -> i32 {
        (self.month() + 2) / 3
    }

    /// The day of the week by ISO 8601: 1 for Monday to 7 for Sunday.
    #[must_use]
    pub fn weekday(self) -> i32 {
        (self.days + 3).rem_euclid(7) + 1
    }

    /// The English name of the day of the week.
    #[must_use]
    pub fn weekday_name(self) -> &'static str {
        const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        NAMES[self.weekday() as usize - 1]
    }

    /// The English name of the month.
    #[must_use]
    pub fn month_name(self) -> &'static str {
        const NAMES: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        NAMES[self.month() as usize - 1]
    }
}

impl Time {
    /// The time of an hour (0 to 23), minute, second (0 to 59) and microsecond; `None` where there is no such time.
    #[inline(always)]
    #[must_use]
    pub fn from_hour_minute_second(hour: u32, minute: u32, second: u32, micros: u32) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 59 || micros > 999_999 {
            return None;
        }
        let seconds = (hour * 60 + minute) * 60 + second;
        Some(Self { micros: i64::from(seconds) * MICROS_PER_SECOND + i64::from(micros) })
    }

    /// The time `micros` microseconds after midnight; `None` where the day is over by then.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        (0..MICROS_PER_DAY).contains(&micros).then_some(Self { micros })
    }

    /// Microseconds since midnight.
    #[inline]
    #[must_use]
    pub fn micros(self) -> i64 {
        self.micros
    }
}

impl Timestamp {
    /// The point in time at `time` of `date`.
    #[inline]
    #[must_use]
    pub fn new(date: Date, time: Time) -> Self {
        Self { date, time }
    }

    /// The point in time `micros` microseconds after 1970-01-01T00:00:00; `None` before the year 1 and after 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        let days = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()?;
        Some(Self { date: Date::from_days(days)?, time: Time::from_micros(micros.rem_euclid(MICROS_PER_DAY))? })
    }

    /// The day.
    #[inline]
    #[must_use]
    pub fn date(self) -> Date {
        self.date
    }

    /// The time of the day.
    #[inline]
    #[must_use]
    pub fn time(self) -> Time {
        self.time
    }

    /// Microseconds since 1970-01-01T00:00:00.
    #[inline]
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::from(self.date.days) * MICROS_PER_DAY + self.time.micros
    }

    /// The point in time `seconds` earlier; `None` before the year 1 and after 9999.
    fn earlier(self, seconds: i64) -> Option<Self> {
        Self::from_micros(self.micros() - seconds * MICROS_PER_SECOND)
    }
}

const DATE_EXPECTED: &str = "a day of the years 1 to 9999 as \"YYYY-MM-DD\"";
const TIME_EXPECTED: &str = "a time of day as \"HH:MM:SS\", with at most 6 digits of a fraction";
const TIMESTAMP_EXPECTED: &str =
    "a point in time as \"YYYY-MM-DDTHH:MM:SS\", with at most 6 digits of a fraction, in the years 1 to 9999";

impl FromStr for Date {
    type Err = Reject;

    fn from_str(text: &str) -> Result<Self, Reject> {
        parse_date(text).ok_or_else(|| unexpected("date", text, DATE_EXPECTED))
    }
}

impl FromStr for Time {
    type Err = Reject;

    fn from_str(text: &str) -> Result<Self, Reject> {
        parse_time(text).ok_or_else(|| unexpected("time", text, TIME_EXPECTED))
    }
}

impl FromStr for Timestamp {
    type Err = Reject;

    /// Reads `2022-11-03T14:20:49.962`, with a space for the `T` if it likes, and perhaps `Z` or an offset as `+01:00` behind.
    fn from_str(text: &str) -> Result<Self, Reject> {
        parse_timestamp(text).ok_or_else(|| unexpected("timestamp", text, TIMESTAMP_EXPECTED))
    }
}

/// `count` digits and nothing else.
fn parse_digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn parse_date(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    Date::from_year_month_day(parse_digits(year, 4)?, parse_digits(month, 2)?, parse_digits(day, 2)?)
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, rest) = rest.split_once(':')?;
    let (second, micros) = match rest.split_once('.') {
        Some((second, fraction)) if (1..=6).contains(&fraction.len()) => {
            (second, parse_digits(fraction, fraction.len())? * 10_u32.pow(6 - fraction.len() as u32))
        }
        Some(_) => return None,
        None => (rest, 0),
    };
    Time::from_hour_minute_second(parse_digits(hour, 2)?, parse_digits(minute, 2)?, parse_digits(second, 2)?, micros)
}

fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once(['T', ' '])?;
    let (time, offset_seconds) = match rest.find(['Z', '+', '-']) {
        Some(at) => (&rest[..at], parse_offset(&rest[at..])?),
        None => (rest, 0),
    };
    Timestamp::new(parse_date(date)?, parse_time(time)?).earlier(offset_seconds)
}

/// Reads a quoted point in time that is no plain one: as a rule one with an offset. It costs a few hundred instructions, and the
/// rest of the line is read the fast way all the same.
#[cold]
#[inline(never)]
fn read_with_offset<'a>(cursor: &mut Cursor<'a>, start: Place<'a>) -> Option<Timestamp> {
    cursor.go_back(start);
    parse_timestamp(cursor.quoted_text()?)
}

/// The seconds of `Z`, `+01`, `+0130` or `+01:30`.
fn parse_offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hour, minute) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':')?,
    };
    let (hour, minute) = (parse_digits(hour, 2)?, parse_digits(minute, 2)?);
    (hour < 24 && minute < 60).then(|| sign * i64::from(hour * 60 + minute) * 60)
}

/// Parses the text of a raw JSON string.
fn parse_quoted<T: FromStr<Err = Reject>>(raw: &str, expected: &str) -> Result<T, Reject> {
    unquoted(raw).ok_or_else(|| unexpected("type", raw, expected))?.parse()
}

impl<'a> Value<'a> for Date {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Date)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        let [year, month, day] = cursor.quoted_date()?;
        Self::from_year_month_day(year, month, day)
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        parse_quoted(raw, DATE_EXPECTED)
    }
}

impl<'a> Value<'a> for Time {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Time)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        let [hour, minute, second, micros] = cursor.quoted_time()?;
        Self::from_hour_minute_second(hour, minute, second, micros)
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        parse_quoted(raw, TIME_EXPECTED)
    }
}

impl<'a> Value<'a> for Timestamp {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Timestamp)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        let start = cursor.place();
        let Some(([year, month, day], [hour, minute, second, micros])) = cursor.quoted_timestamp() else {
            return read_with_offset(cursor, start);
        };
        let date = Date::from_year_month_day(year, month, day)?;
        Some(Self { date, time: Time::from_hour_minute_second(hour, minute, second, micros)? })
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        parse_quoted(raw, TIMESTAMP_EXPECTED)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.year_month_day();
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.micros / MICROS_PER_SECOND, self.micros % MICROS_PER_SECOND);
        write!(formatter, "{:02}:{:02}:{:02}.{micros:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}T{}", self.date, self.time)
    }
}
