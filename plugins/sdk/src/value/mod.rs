//! The types that a column can have.
//!
//! | Rust | JSON | star column |
//! |---|---|---|
//! | `bool` | `true`, `false` | boolean |
//! | `i32`, `i64` | a number without fraction and exponent | int32, int64 |
//! | `f64` | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` | float64 |
//! | [`Decimal<P, S>`](Decimal) | a number of at most `S` digits behind the point | decimal(P, S) |
//! | [`Date`] | `"2022-11-03"` | date |
//! | [`Time`] | `"14:20:49.962"`, 0 to 6 digits of a fraction | time |
//! | [`Timestamp`] | `"2022-11-03T14:20:49.962"` or with a space, and perhaps an offset from UTC | timestamp |
//! | `&str`, `String` | a text | utf8 |
//! | an enum with `derive(Source)` | a text, one of the variants' names | utf8 |
//! | `Option<T>` | `null`, no such column, or a `T` | the column of `T`, nullable |

mod calendar;
mod decimal;
mod number;
mod option;
mod text;

pub use calendar::{Date, Time, Timestamp};
pub use decimal::Decimal;
pub(crate) use decimal::SHORT_PRECISION_MAX;
pub(crate) use decimal::write_decimal;
pub use text::{enum_text, unknown_variant};

use crate::bindings::star::transform::types::ColumnType;
use crate::cursor::Cursor;
use crate::reject::Reject;
use crate::shape::Slot;
use bumpalo::Bump;
use std::borrow::Cow;

/// A value that a source column can have.
#[diagnostic::on_unimplemented(
    message = "a source column can't be read as `{Self}`",
    note = "it can be an integer, `Decimal<P, S>`, `f64`, `bool`, `Date`, `Time`, `Timestamp`, `&str`, an enum of texts or a struct, \
            the last two with `derive(Source)`, or an `Option` of these; arrays can't be read"
)]
pub trait Value<'a>: Sized {
    /// Whether a null, or a line without the column, is a value too.
    const NULLABLE: bool = false;

    /// The type for the manifest; `None` for a nested struct, whose columns have types of their own.
    fn column_type() -> Option<ColumnType>;

    /// Reads the value where the cursor stands; `None` where it is not plain, and then the exact reader decides.
    fn read(cursor: &mut Cursor<'a>, slot: &Slot) -> Option<Self>;

    /// Reads the value from its raw JSON text, which is valid JSON.
    ///
    /// # Errors
    /// A reject that says what was found and what was expected.
    fn parse(raw: &'a str, arena: &'a Bump) -> Result<Self, Reject>;

    /// The value of a column that the line does not have; `None` where it must have it.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads the column `name` from its raw JSON text, for the code that `derive(Source)` makes.
///
/// # Errors
/// `missing-column`, `null`, or what the type says, each with the column's name.
#[doc(hidden)]
pub fn parse_column<'a, T: Value<'a>>(name: &str, raw: Option<&'a str>, arena: &'a Bump) -> Result<T, Reject> {
    let parsed = match raw {
        Some("null") if !T::NULLABLE => Err(Reject::new("null", "found null in a column that must have a value")),
        Some(raw) => T::parse(raw, arena),
        None => T::absent().ok_or_else(|| Reject::new("missing-column", "the line has no such column")),
    };
    parsed.map_err(|reject| {
        let column = match &reject.column {
            Some(inner) => format!("{name}.{inner}"),
            None => name.to_owned(),
        };
        reject.column(column)
    })
}

/// A reject that says what was found and what was expected.
pub(crate) fn unexpected(code: &str, raw: &str, expected: &str) -> Reject {
    const SHOWN_CHARS_MAX: usize = 60;
    let shown: String = raw.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if shown.len() < raw.len() { "…" } else { "" };
    Reject::new(code, format!("found `{shown}{more}`, expected {expected}"))
}

/// The text of a raw JSON string; `None` where the JSON is no string.
pub(crate) fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}
