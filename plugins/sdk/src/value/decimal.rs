//! Exact decimal numbers.

use super::{Value, unexpected};
use crate::bindings::star::transform::types::{ColumnType, DecimalType};
use crate::cursor::{Cursor, POWERS_OF_TEN};
use crate::reject::Reject;
use crate::shape::Slot;
use bumpalo::Bump;
use core::fmt;
use core::str::FromStr;

/// The most digits of which each number fits 64 bits.
pub(crate) const SHORT_PRECISION_MAX: u8 = 18;

/// An exact decimal number of at most `PRECISION` digits, `SCALE` of them behind the point: what money is.
///
/// ```
/// use sdk::Decimal;
///
/// let price: Decimal<10, 2> = "3.40".parse()?;
/// assert_eq!(price.unscaled(), 340);
/// assert_eq!(price.checked_mul(1_000).map(|amount| amount.to_string()).as_deref(), Some("3400.00"));
/// # Ok::<(), sdk::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal<const PRECISION: u8, const SCALE: u8> {
    unscaled: i128,
}

impl<const PRECISION: u8, const SCALE: u8> Decimal<PRECISION, SCALE> {
    const TYPE: DecimalType = {
        assert!(PRECISION >= 1 && PRECISION <= 38, "a decimal has 1 to 38 digits");
        assert!(SCALE <= PRECISION, "no more digits can stand behind the point than there are in all");
        DecimalType { precision: PRECISION, scale: SCALE }
    };
    /// One more than the largest unscaled number.
    const LIMIT: i128 = 10_i128.pow(Self::TYPE.precision as u32);

    /// The number without its point: 340 for 3.40 of scale 2. `None` where it has more than `PRECISION` digits.
    #[inline]
    #[must_use]
    pub fn from_unscaled(unscaled: i128) -> Option<Self> {
        (unscaled > -Self::LIMIT && unscaled < Self::LIMIT).then_some(Self { unscaled })
    }

    /// The number without its point: 340 for 3.40 of scale 2.
    #[inline]
    #[must_use]
    pub fn unscaled(self) -> i128 {
        self.unscaled
    }

    /// The sum; `None` where it has more than `PRECISION` digits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        // Two numbers of 38 digits sum up to less than 2^127.
        Self::from_unscaled(self.unscaled + other.unscaled)
    }

    /// The product with an integer; `None` where it has more than `PRECISION` digits.
    #[must_use]
    pub fn checked_mul(self, factor: i64) -> Option<Self> {
        self.unscaled.checked_mul(i128::from(factor)).and_then(Self::from_unscaled)
    }

    fn expected() -> String {
        format!("a number of at most {} digits before and {SCALE} behind the point", PRECISION - SCALE)
    }
}

impl<'a, const PRECISION: u8, const SCALE: u8> Value<'a> for Decimal<PRECISION, SCALE> {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Decimal(Self::TYPE))
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        let negative = cursor.minus();
        let (mut unscaled, mut digits) = cursor.integer()?;
        let mut behind = 0;
        if cursor.point() {
            let (fraction, count) = cursor.digits()?;
            behind = count;
            digits += count;
            if digits > u32::from(SHORT_PRECISION_MAX) {
                return None;
            }
            unscaled = unscaled * POWERS_OF_TEN[count as usize] + fraction;
        }
        let missing = u32::from(SCALE).checked_sub(behind)?;
        if digits + missing > u32::from(PRECISION.min(SHORT_PRECISION_MAX)) {
            // Perhaps leading zeros, or a wide number; the exact reader knows.
            return None;
        }
        let unscaled = (unscaled * POWERS_OF_TEN[missing as usize]) as i64;
        Some(Self { unscaled: i128::from(if negative { -unscaled } else { unscaled }) })
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        raw.parse()
    }
}

impl<const PRECISION: u8, const SCALE: u8> FromStr for Decimal<PRECISION, SCALE> {
    type Err = Reject;

    /// Reads a number as JSON writes it, exponent and all. Digits that the scale has no room for must be zeros.
    fn from_str(text: &str) -> Result<Self, Reject> {
        let number = parse_number(text).ok_or_else(|| unexpected("type", text, &Self::expected()))?;
        let too_wide = || unexpected("decimal", text, &Self::expected());
        let unscaled = number.at_scale(SCALE).ok_or_else(too_wide)?;
        Self::from_unscaled(unscaled).ok_or_else(too_wide)
    }
}

impl<const PRECISION: u8, const SCALE: u8> fmt::Display for Decimal<PRECISION, SCALE> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(formatter, self.unscaled, SCALE)
    }
}

/// Writes a number of `scale` digits behind the point, all of them.
pub(crate) fn write_decimal(out: &mut impl fmt::Write, unscaled: i128, scale: u8) -> fmt::Result {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs();
    if scale == 0 {
        return write!(out, "{sign}{digits}");
    }
    let power = 10_u128.pow(u32::from(scale));
    write!(out, "{sign}{}.{:0width$}", digits / power, digits % power, width = usize::from(scale))
}

/// A number as it is written: sign, digits without leading and trailing zeros, and the power of ten of the last of them.
struct Number {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// Reads `-12.50e3`; `None` where the text is no number.
fn parse_number(text: &str) -> Option<Number> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        // An exponent beyond 64 bits is as far out of range as one of 18 digits.
        Some(at) => (&unsigned[..at], clamped_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_end_matches('0');
    let exponent = exponent - fraction.len() as i64 + (digits.len() - significant.len()) as i64;
    Some(Number { negative, digits: significant.trim_start_matches('0').to_owned(), exponent })
}

fn clamped_exponent(text: &str) -> Option<i64> {
    const EXPONENT_MAX: i64 = 1_000_000_000_000_000_000;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX);
    Some(if text.starts_with('-') { -size } else { size })
}

impl Number {
    /// The number times 10 to the power of `scale`; `None` where that is no integer, or one of more than 38 digits.
    fn at_scale(&self, scale: u8) -> Option<i128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = u32::try_from(self.exponent.checked_add(i64::from(scale))?).ok()?;
        if self.digits.len() + zeros as usize > 38 {
            return None;
        }
        let unscaled = self.digits.parse::<i128>().ok()? * 10_i128.pow(zeros);
        Some(if self.negative { -unscaled } else { unscaled })
    }
}
