//! What was seen of one column, value by value.

use super::counted::{SomeLines, count, lines};
use super::infer::InferredColumn;
use super::moment::{parse_date, parse_time, parse_timestamp};
use super::number::Number;
use super::value::{Json, SPECIAL_FLOATS};
use crate::manifest::{ColumnType, NAME_BYTES_MAX, PRECISION_MAX, SHORT_PRECISION_MAX};
use crate::text::{grouped, shown};
use chrono::{NaiveDate, NaiveDateTime};

/// How much of a text is shown.
const TEXT_CHARS_MAX: usize = 40;

/// What was seen of a column so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    nulls: u64,
    booleans: Option<SomeLines>,
    trues: u64,
    numbers: Option<SomeLines>,
    number: NumberSummary,
    texts: Option<SomeLines>,
    text: TextSummary,
    nested: Option<SomeLines>,
    unreadable: Option<SomeLines>,
}

#[derive(Debug, Default)]
struct NumberSummary {
    /// Some are no integers of 64 bits.
    beyond_int64: bool,
    beyond_int32: bool,
    has_exponents: bool,
    digits_before_max: i64,
    digits_behind_max: i64,
    range: Option<Range<f64>>,
}

#[derive(Debug, Default)]
struct TextSummary {
    first: String,
    /// Texts that are none of the words for special floats.
    words: Option<SomeLines>,
    dates: u64,
    times: u64,
    timestamps: u64,
    range: Option<Range<NaiveDateTime>>,
}

/// The smallest and the largest value, and how they are written.
#[derive(Debug)]
struct Range<T> {
    low: (T, String),
    high: (T, String),
}

impl<T: PartialOrd + Copy> Range<T> {
    fn add(range: &mut Option<Self>, value: T, text: &str) {
        let Some(range) = range else {
            *range = Some(Self { low: (value, text.to_owned()), high: (value, text.to_owned()) });
            return;
        };
        if value < range.low.0 {
            range.low = (value, text.to_owned());
        }
        if value > range.high.0 {
            range.high = (value, text.to_owned());
        }
    }
}

impl Summary {
    /// Adds the value of the line with the number `line`.
    pub(super) fn add(&mut self, line: u64, raw: &str) {
        match Json::parse(raw) {
            Json::Null => self.nulls += 1,
            Json::Boolean(value) => {
                SomeLines::add(&mut self.booleans, line);
                self.trues += u64::from(value);
            }
            Json::Number(number) => {
                SomeLines::add(&mut self.numbers, line);
                self.number.add(&number);
            }
            Json::Text(text) => {
                if self.texts.is_none() {
                    self.text.first.clone_from(&text);
                }
                SomeLines::add(&mut self.texts, line);
                self.text.add(line, &text);
            }
            Json::Nested => SomeLines::add(&mut self.nested, line),
            Json::Unreadable => SomeLines::add(&mut self.unreadable, line),
        }
    }

    /// The column that these values make, of a file of `rows` rows.
    pub(super) fn column(self, name: String, rows: u64) -> InferredColumn {
        let kinds = [self.booleans, self.numbers, self.texts, self.nested, self.unreadable];
        let values: u64 = kinds.iter().flatten().map(|kind| kind.lines).sum();
        let nulls = rows - values;
        // Of kinds with equally many values, the one that comes first in the file.
        let most = kinds.iter().flatten().max_by_key(|kind| (kind.lines, u64::MAX - kind.first_line)).copied();
        let (column_type, seen) = self.column_type(most);
        let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
        let column_type = column_type.filter(|_| is_name);
        let others = self.others(most, column_type);
        let mut parts = vec![seen];
        parts.extend((!is_name).then(|| format!("the name is longer than {NAME_BYTES_MAX} bytes, or none")));
        parts.extend((nulls > 0 && values > 0).then(|| format!("null in {} of {} lines", count(nulls), count(rows))));
        let said = others.iter().map(|(what, kind)| format!("{what} in {}", lines(kind.lines))).collect::<Vec<_>>();
        parts.extend((!said.is_empty()).then(|| said.join(", ")));
        let rejects = others.iter().map(|(_, kind)| *kind).reduce(|left, right| SomeLines {
            lines: left.lines + right.lines,
            first_line: left.first_line.min(right.first_line),
        });
        InferredColumn {
            name,
            column_type,
            nullable: nulls > 0,
            seen: parts.join("; "),
            rejects: rejects.filter(|_| column_type.is_some()),
        }
    }

    /// The type of the values of the kind `most`, and what was seen of them; no type where the column can't be read.
    fn column_type(&self, most: Option<SomeLines>) -> (Option<ColumnType>, String) {
        let Some(SomeLines { lines: values, .. }) = most else {
            return (Some(ColumnType::Utf8), "null in all lines, so the type is a guess".to_owned());
        };
        if most == self.booleans {
            let seen = format!("`true` in {} of {} lines", count(self.trues), count(values));
            return (Some(ColumnType::Boolean), seen);
        }
        if most == self.numbers {
            let range = self.number.range.as_ref().map_or_else(String::new, |range| number_range(range, values));
            return match self.number.column_type() {
                Some(column_type) => (Some(column_type), range),
                None => (None, format!("{range}, for which no decimal has enough digits")),
            };
        }
        if most == self.texts {
            return self.text.column_type(values);
        }
        let what = if most == self.nested { "objects or arrays" } else { "values that no type of a column takes" };
        (None, what.to_owned())
    }

    /// The kinds of values that a column of the type `column_type` does not take, in words.
    fn others(&self, most: Option<SomeLines>, column_type: Option<ColumnType>) -> Vec<(&'static str, SomeLines)> {
        let texts = if column_type == Some(ColumnType::Float64) { self.text.words } else { self.texts };
        let kinds = [
            ("a boolean", self.booleans),
            ("a number", self.numbers),
            ("text", texts),
            ("objects or arrays", self.nested),
            ("what no type takes", self.unreadable),
        ];
        kinds.into_iter().filter(|(_, kind)| *kind != most).filter_map(|(what, kind)| Some((what, kind?))).collect()
    }
}

impl NumberSummary {
    fn add(&mut self, number: &Number<'_>) {
        let integer = number.integer();
        self.beyond_int64 |= integer.is_none();
        self.beyond_int32 |= integer.is_none_or(|integer| i32::try_from(integer).is_err());
        self.has_exponents |= number.has_exponent;
        let (before, behind) = number.digits();
        self.digits_before_max = self.digits_before_max.max(before);
        self.digits_behind_max = self.digits_behind_max.max(behind);
        if let Some(value) = number.float() {
            Range::add(&mut self.range, value, number.text());
        }
    }

    fn column_type(&self) -> Option<ColumnType> {
        if !self.beyond_int64 {
            return Some(if self.beyond_int32 { ColumnType::Int64 } else { ColumnType::Int32 });
        }
        let digits = self.digits_before_max + self.digits_behind_max;
        let precision = if digits <= i64::from(SHORT_PRECISION_MAX) { SHORT_PRECISION_MAX } else { PRECISION_MAX };
        match u8::try_from(self.digits_behind_max) {
            Ok(scale) if digits <= i64::from(precision) => Some(ColumnType::Decimal { precision, scale }),
            _ => self.has_exponents.then_some(ColumnType::Float64),
        }
    }
}

impl TextSummary {
    fn add(&mut self, line: u64, text: &str) {
        if !SPECIAL_FLOATS.contains(&text) {
            SomeLines::add(&mut self.words, line);
        }
        let moment = if let Some(date) = parse_date(text) {
            self.dates += 1;
            date.and_time(chrono::NaiveTime::MIN)
        } else if let Some(time) = parse_time(text) {
            self.times += 1;
            NaiveDate::MIN.and_time(time)
        } else if let Some(timestamp) = parse_timestamp(text) {
            self.timestamps += 1;
            timestamp
        } else {
            return;
        };
        Range::add(&mut self.range, moment, text);
    }

    fn column_type(&self, values: u64) -> (Option<ColumnType>, String) {
        let column_type = if self.dates == values {
            ColumnType::Date
        } else if self.times == values {
            ColumnType::Time
        } else if self.timestamps == values {
            ColumnType::Timestamp
        } else {
            ColumnType::Utf8
        };
        let seen = match &self.range {
            Some(range) if column_type != ColumnType::Utf8 => match (&range.low.1, &range.high.1) {
                (low, high) if low == high => constant(&format!("`{low}`"), values),
                (low, high) => format!("`{low}` to `{high}`"),
            },
            _ => format!("as `{}`", shown(&self.first, TEXT_CHARS_MAX).replace('`', "'")),
        };
        (Some(column_type), seen)
    }
}

fn number_range(range: &Range<f64>, values: u64) -> String {
    let (low, high) = (grouped(&range.low.1), grouped(&range.high.1));
    if low == high { constant(&low, values) } else { format!("{low} to {high}") }
}

fn constant(value: &str, values: u64) -> String {
    if values > 1 { format!("always {value}") } else { value.to_owned() }
}
