//! Dates: the days of the calendar.

use sdk::{Context, Date, Reject, Source, Star};

/// A day of the host's calendar.
#[derive(Source)]
#[source(table = "_calendar")]
pub struct CalendarDay {
    date: Date,
}

/// A day of the calendar.
#[derive(Star)]
#[star(dimension, key = "date_id")]
pub struct DimDate {
    /// The day.
    date_id: Date,
    /// The year.
    year: i32,
    /// The month, 1 to 12.
    month: i32,
    /// The day of the month, 1 to 31.
    day: i32,
    /// The day of the week by ISO 8601: Monday = 1 to Sunday = 7.
    day_of_week: i32,
    /// The English name of the day of the week.
    day_name: &'static str,
    /// The English name of the month.
    month_name: &'static str,
    /// The quarter, 1 to 4.
    quarter: i32,
}

fn transform(calendar: &CalendarDay, _context: &Context<'_>) -> Result<DimDate, Reject> {
    let date = calendar.date;
    Ok(DimDate {
        date_id: date,
        year: date.year(),
        month: date.month(),
        day: date.day(),
        day_of_week: date.weekday(),
        day_name: date.weekday_name(),
        month_name: date.month_name(),
        quarter: date.quarter(),
    })
}

sdk::plugin!(transform: CalendarDay => DimDate);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
