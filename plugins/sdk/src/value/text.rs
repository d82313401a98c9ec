//! Texts.

use super::{Value, unexpected, unquoted};
use crate::bindings::star::transform::types::ColumnType;
use crate::cursor::Cursor;
use crate::reject::Reject;
use crate::shape::Slot;
use bumpalo::Bump;
use std::borrow::Cow;

impl<'a> Value<'a> for &'a str {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Utf8)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        cursor.quoted_text()
    }

    fn parse(raw: &'a str, arena: &'a Bump) -> Result<Self, Reject> {
        match text(raw)? {
            Cow::Borrowed(text) => Ok(text),
            Cow::Owned(text) => Ok(arena.alloc_str(&text)),
        }
    }
}

impl<'a> Value<'a> for String {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Utf8)
    }

    #[inline]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        cursor.quoted_text().map(str::to_owned)
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        text(raw).map(Cow::into_owned)
    }
}

fn text(raw: &str) -> Result<Cow<'_, str>, Reject> {
    unquoted(raw).ok_or_else(|| unexpected("type", raw, "a text"))
}

/// The text of a column that an enum stands for, for the code that `derive(Source)` makes.
///
/// # Errors
/// `type` where the value is no text.
#[doc(hidden)]
pub fn enum_text(raw: &str) -> Result<Cow<'_, str>, Reject> {
    text(raw)
}

/// The reject for a text that is none of `names`.
#[doc(hidden)]
#[must_use]
pub fn unknown_variant(raw: &str, names: &[&str]) -> Reject {
    let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    unexpected("variant", raw, &format!("one of {}", names.join(", ")))
}
