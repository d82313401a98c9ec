//! Values that may be missing.

use super::Value;
use crate::bindings::star::transform::types::ColumnType;
use crate::cursor::Cursor;
use crate::reject::Reject;
use crate::shape::Slot;
use bumpalo::Bump;

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    const NULLABLE: bool = true;

    fn column_type() -> Option<ColumnType> {
        T::column_type()
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, slot: &Slot) -> Option<Self> {
        if cursor.null() { Some(None) } else { T::read(cursor, slot).map(Some) }
    }

    fn parse(raw: &'a str, arena: &'a Bump) -> Result<Self, Reject> {
        if raw == "null" { Ok(None) } else { T::parse(raw, arena).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}
