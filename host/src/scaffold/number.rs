//! Numbers, digit by digit as JSON writes them.

/// The most digits of a decimal.
const DIGITS_MAX: i64 = 38;

/// A number as it is written: `-12.50e1` has the digits `1250` and the scale 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    text: &'a str,
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
    /// Whether there is neither a point nor an exponent.
    pub(super) is_plain: bool,
    /// Whether there is an exponent.
    pub(super) has_exponent: bool,
}

impl<'a> Number<'a> {
    /// Reads a valid JSON number; `None` where the JSON is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            // Exponents beyond 32 bits are as far out of range as the largest that fits.
            Some((mantissa, exponent)) => (mantissa, Some(clamped(exponent))),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Some(Self {
            text,
            negative,
            whole,
            fraction,
            exponent: exponent.unwrap_or_default(),
            is_plain: mantissa.len() == unsigned.len() && !mantissa.contains('.'),
            has_exponent: exponent.is_some(),
        })
    }

    /// The number as it is written.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The number as an integer of 64 bits, where it is one and is written as one.
    pub(super) fn integer(&self) -> Option<i64> {
        if self.is_plain { self.text.parse().ok() } else { None }
    }

    /// The nearest float; `None` where all are too small.
    pub(super) fn float(&self) -> Option<f64> {
        self.text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// How many digits stand before the point and how many behind it, once the exponent is worked in.
    pub(super) fn digits(&self) -> (i64, i64) {
        let leading_zeros = self.written_digits().take_while(|digit| *digit == b'0').count();
        let significant = (self.whole.len() + self.fraction.len() - leading_zeros) as i64;
        let scale = self.fraction.len() as i64 - self.exponent;
        if significant == 0 {
            return (0, scale.clamp(0, self.fraction.len() as i64));
        }
        ((significant - scale).max(0), scale.max(0))
    }

    /// Whether some decimal can hold the number.
    pub(super) fn fits_a_decimal(&self) -> bool {
        let (before, behind) = self.digits();
        before + behind <= DIGITS_MAX
    }

    /// The number times 10 to the power of `scale`; `None` where that is no integer, or one of more than `precision` digits.
    pub(super) fn unscaled(&self, precision: u8, scale: u8) -> Option<i128> {
        let digits: Vec<u8> = self.written_digits().skip_while(|digit| *digit == b'0').collect();
        let zeros_at_end = digits.iter().rev().take_while(|digit| **digit == b'0').count();
        let significant = &digits[..digits.len() - zeros_at_end];
        if significant.is_empty() {
            return Some(0);
        }
        let power = self.exponent - self.fraction.len() as i64 + zeros_at_end as i64 + i64::from(scale);
        let power = u32::try_from(power).ok()?;
        if significant.len() as u64 + u64::from(power) > u64::from(precision) {
            return None;
        }
        let number: i128 = std::str::from_utf8(significant).ok()?.parse().ok()?;
        let unscaled = number * 10_i128.pow(power);
        Some(if self.negative { -unscaled } else { unscaled })
    }

    fn written_digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.bytes().chain(self.fraction.bytes())
    }
}

fn clamped(exponent: &str) -> i64 {
    const LIMIT: i64 = i32::MAX as i64;
    let limit = if exponent.starts_with('-') { -LIMIT } else { LIMIT };
    exponent.parse().unwrap_or(limit).clamp(-LIMIT, LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::decimal_text;
    use crate::text::grouped;

    fn number(text: &str) -> Number<'_> {
        Number::parse(text).unwrap()
    }

    #[test]
    fn digits_count_before_and_behind_the_point() {
        for (text, digits) in [
            ("0", (0, 0)),
            ("0.00", (0, 2)),
            ("-12.50", (2, 2)),
            ("0.05", (0, 2)),
            ("1e3", (4, 0)),
            ("1.25e1", (2, 1)),
            ("5e-3", (0, 3)),
            ("0e999", (0, 0)),
            ("0e-999", (0, 0)),
        ] {
            assert_eq!(number(text).digits(), digits, "{text}");
        }
        assert!(!number("1e38").fits_a_decimal());
        assert!(!number("1e99999999999999999999").fits_a_decimal());
        assert!(number("1e37").fits_a_decimal());
    }

    #[test]
    fn a_decimal_has_all_digits_of_its_scale() {
        for (text, scale, expected) in [
            ("3.4", 2, Some("3.40")),
            ("-0.00", 2, Some("0.00")),
            ("-0.05", 2, Some("-0.05")),
            ("1e2", 0, Some("100")),
            ("1.50", 1, Some("1.5")),
            ("1.55", 1, None),
            ("1e17", 2, None),
        ] {
            let found = number(text).unscaled(18, scale).map(|unscaled| decimal_text(unscaled, scale));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn integers_and_floats_are_those_that_64_bits_hold() {
        assert_eq!((number("-0").integer(), number("1.0").integer()), (Some(0), None));
        assert_eq!(number("9223372036854775808").integer(), None);
        assert_eq!((number("1e400").float(), number("1e-400").float()), (None, Some(0.0)));
        assert!(Number::parse("true").is_none());
    }

    #[test]
    fn thousands_are_grouped() {
        let texts = ["-1234567.5000", "999", "1000", "1e9"].map(grouped);
        assert_eq!(texts, ["-1,234,567.5000", "999", "1,000", "1e9"]);
    }
}
