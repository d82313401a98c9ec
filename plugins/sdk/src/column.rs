//! The columns that star rows become, in the layout of the contract.

use crate::bindings::star::transform::types::{self, ColumnType, Text, Values};
use crate::value::{Date, Decimal, SHORT_PRECISION_MAX, Time, Timestamp};

/// A value that a field of a star row can have.
#[diagnostic::on_unimplemented(
    message = "a star column can't hold `{Self}`",
    note = "it can hold `i32`, `i64`, `Decimal<P, S>`, `f64`, `bool`, `Date`, `Time`, `Timestamp`, `&str` or `String`, or an \
            `Option` of these"
)]
pub trait StarValue {
    /// Whether nulls are values too.
    const NULLABLE: bool = false;
    /// What collects the values.
    type Column: Default;

    /// The type for the manifest.
    fn column_type() -> ColumnType;
    /// Makes room for `rows` values.
    fn reserve(column: &mut Self::Column, rows: usize);
    /// Adds the value.
    fn append(self, column: &mut Self::Column);
    /// Adds any value, for a row without one.
    fn append_null(column: &mut Self::Column);
    /// Hands the column over.
    fn finish(column: Self::Column) -> types::Column;
}

macro_rules! fixed_width {
    ($($rust:ty => $native:ty, $type:expr, $values:path, |$value:ident| $to_native:expr;)*) => {$(
        impl StarValue for $rust {
            type Column = Vec<$native>;

            fn column_type() -> ColumnType {
                $type
            }

            #[inline]
            fn reserve(column: &mut Self::Column, rows: usize) {
                column.reserve(rows);
            }

            #[inline(always)]
            fn append(self, column: &mut Self::Column) {
                let $value = self;
                column.push($to_native);
            }

            fn append_null(column: &mut Self::Column) {
                column.push(Default::default());
            }

            fn finish(column: Self::Column) -> types::Column {
                types::Column { validity: None, values: $values(column) }
            }
        }
    )*};
}

fixed_width! {
    i32 => i32, ColumnType::Int32, Values::Int32, |value| value;
    i64 => i64, ColumnType::Int64, Values::Int64, |value| value;
    f64 => f64, ColumnType::Float64, Values::Float64, |value| value;
    Date => i32, ColumnType::Date, Values::Date, |value| value.days();
    Time => i64, ColumnType::Time, Values::Time, |value| value.micros();
    Timestamp => i64, ColumnType::Timestamp, Values::Timestamp, |value| value.micros();
}

/// Collects decimals: as 64 bits up to 18 digits, as 16 bytes beyond.
#[derive(Default)]
pub struct DecimalColumn {
    short: Vec<i64>,
    long: Vec<u8>,
}

impl<const PRECISION: u8, const SCALE: u8> StarValue for Decimal<PRECISION, SCALE> {
    type Column = DecimalColumn;

    fn column_type() -> ColumnType {
        ColumnType::Decimal(types::DecimalType { precision: PRECISION, scale: SCALE })
    }

    #[inline]
    fn reserve(column: &mut Self::Column, rows: usize) {
        if PRECISION <= SHORT_PRECISION_MAX {
            column.short.reserve(rows);
        } else {
            column.long.reserve(16 * rows);
        }
    }

    #[inline(always)]
    fn append(self, column: &mut Self::Column) {
        if PRECISION <= SHORT_PRECISION_MAX {
            // A number of at most 18 digits fits.
            column.short.push(self.unscaled() as i64);
        } else {
            column.long.extend_from_slice(&self.unscaled().to_le_bytes());
        }
    }

    fn append_null(column: &mut Self::Column) {
        Self::default().append(column);
    }

    fn finish(column: Self::Column) -> types::Column {
        let values = if PRECISION <= SHORT_PRECISION_MAX {
            Values::Decimal64(column.short)
        } else {
            Values::Decimal128(column.long)
        };
        types::Column { validity: None, values }
    }
}

/// Collects booleans as a bitmap.
#[derive(Default)]
pub struct Bitmap {
    bytes: Vec<u8>,
    bits: usize,
}

impl Bitmap {
    #[inline(always)]
    fn push(&mut self, bit: bool) {
        let position = self.bits % 8;
        if position == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << position;
        }
        self.bits += 1;
    }
}

impl StarValue for bool {
    type Column = Bitmap;

    fn column_type() -> ColumnType {
        ColumnType::Boolean
    }

    fn reserve(column: &mut Self::Column, rows: usize) {
        column.bytes.reserve(rows.div_ceil(8));
    }

    #[inline(always)]
    fn append(self, column: &mut Self::Column) {
        column.push(self);
    }

    fn append_null(column: &mut Self::Column) {
        column.push(false);
    }

    fn finish(column: Self::Column) -> types::Column {
        types::Column { validity: None, values: Values::Boolean(column.bytes) }
    }
}

/// Collects texts.
pub struct TextColumn {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }
}

impl TextColumn {
    #[inline(always)]
    fn push(&mut self, text: &str) {
        append_bytes(&mut self.bytes, text.as_bytes());
        // A call's lines are some MiB; that all its texts are less than 2 GiB is checked by the host, offset by offset.
        self.offsets.push(self.bytes.len() as i32);
    }
}

/// Adds `text` in words of 8 bytes: a block copy of a few bytes costs more in a sandbox than the whole rest of a field.
#[inline(always)]
fn append_bytes(bytes: &mut Vec<u8>, text: &[u8]) {
    if text.len() > 256 {
        bytes.extend_from_slice(text);
        return;
    }
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        bytes.extend_from_slice(word);
    }
    for byte in rest {
        bytes.push(*byte);
    }
}

impl StarValue for &str {
    type Column = TextColumn;

    fn column_type() -> ColumnType {
        ColumnType::Utf8
    }

    fn reserve(column: &mut Self::Column, rows: usize) {
        column.offsets.reserve(rows);
    }

    #[inline(always)]
    fn append(self, column: &mut Self::Column) {
        column.push(self);
    }

    fn append_null(column: &mut Self::Column) {
        column.push("");
    }

    fn finish(column: Self::Column) -> types::Column {
        types::Column { validity: None, values: Values::Utf8(Text { offsets: column.offsets, bytes: column.bytes }) }
    }
}

impl StarValue for String {
    type Column = TextColumn;

    fn column_type() -> ColumnType {
        ColumnType::Utf8
    }

    fn reserve(column: &mut Self::Column, rows: usize) {
        <&str>::reserve(column, rows);
    }

    fn append(self, column: &mut Self::Column) {
        column.push(&self);
    }

    fn append_null(column: &mut Self::Column) {
        column.push("");
    }

    fn finish(column: Self::Column) -> types::Column {
        <&str>::finish(column)
    }
}

/// Collects values and which of them there are.
#[derive(Default)]
pub struct NullableColumn<C> {
    values: C,
    validity: Bitmap,
    nulls: usize,
}

impl<T: StarValue> StarValue for Option<T> {
    const NULLABLE: bool = true;
    type Column = NullableColumn<T::Column>;

    fn column_type() -> ColumnType {
        T::column_type()
    }

    fn reserve(column: &mut Self::Column, rows: usize) {
        T::reserve(&mut column.values, rows);
        column.validity.bytes.reserve(rows.div_ceil(8));
    }

    #[inline(always)]
    fn append(self, column: &mut Self::Column) {
        column.validity.push(self.is_some());
        match self {
            Some(value) => value.append(&mut column.values),
            None => {
                column.nulls += 1;
                T::append_null(&mut column.values);
            }
        }
    }

    fn append_null(column: &mut Self::Column) {
        Self::append(None, column);
    }

    fn finish(column: Self::Column) -> types::Column {
        let finished = T::finish(column.values);
        types::Column { validity: (column.nulls > 0).then_some(column.validity.bytes), ..finished }
    }
}
