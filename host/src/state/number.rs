//! Numbers in keys: one spelling for each value.

/// How long a number is that is written without an exponent: as long as any of a `double precision`.
const PLAIN_MAX: i64 = 400;

/// Adds a number as JSON spells it, in the one way that keys have for its value: no zeros behind the last digit that counts, no
/// sign before zero, no exponent unless the number were very long without. What is no number is added as it is.
pub(super) fn write_number(text: &[u8], bytes: &mut Vec<u8>) {
    let (sign, unsigned) = match text.strip_prefix(b"-") {
        Some(unsigned) => (&b"-"[..], unsigned),
        None => (&b""[..], text),
    };
    let Some(number) = Number::parse(unsigned) else {
        bytes.extend_from_slice(text);
        return;
    };
    if number.is_zero() {
        bytes.push(b'0');
        return;
    }
    bytes.extend_from_slice(sign);
    number.write(bytes);
}

/// The digits of a number that is not negative, and how many of them stand before its point: none for `0.1`, -1 for `0.01`. The
/// first and the last digit are not zero.
struct Number<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
    point: i64,
}

impl<'a> Number<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (mantissa, exponent) = match memchr::memchr2(b'e', b'E', text) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = match memchr::memchr(b'.', mantissa) {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return None;
        }
        let mut point = i64::try_from(whole.len()).ok()? + exponent;
        let (mut whole, mut fraction) = (whole, trim_end(fraction));
        if fraction.is_empty() {
            whole = trim_end(whole);
        }
        while let Some(rest) = whole.strip_prefix(b"0") {
            (whole, point) = (rest, point - 1);
        }
        if whole.is_empty() {
            while let Some(rest) = fraction.strip_prefix(b"0") {
                (fraction, point) = (rest, point - 1);
            }
        }
        Some(Self { whole, fraction, point })
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let count = i64::try_from(self.whole.len() + self.fraction.len()).unwrap_or(i64::MAX);
        if count.max(self.point).max(count.saturating_sub(self.point)) > PLAIN_MAX {
            bytes.extend(self.digits().take(1));
            if count > 1 {
                bytes.push(b'.');
                bytes.extend(self.digits().skip(1));
            }
            bytes.extend_from_slice(format!("e{}", self.point - 1).as_bytes());
            return;
        }
        // None of these is larger than what is written at most.
        let before = usize::try_from(self.point).unwrap_or(0);
        let zeros = usize::try_from(-self.point).unwrap_or(0);
        bytes.extend(self.digits().chain(std::iter::repeat(b'0')).take(before));
        if before == 0 {
            bytes.push(b'0');
        }
        if count > self.point {
            bytes.push(b'.');
            bytes.extend(std::iter::repeat_n(b'0', zeros));
            bytes.extend(self.digits().skip(before));
        }
    }
}

/// An exponent that can be reckoned with.
fn exponent(text: &[u8]) -> Option<i64> {
    const MOST: i64 = 1 << 40;
    let exponent = std::str::from_utf8(text).ok()?.parse().ok()?;
    (-MOST..MOST).contains(&exponent).then_some(exponent)
}

fn trim_end(mut digits: &[u8]) -> &[u8] {
    while let Some(rest) = digits.strip_suffix(b"0") {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut bytes = Vec::new();
        write_number(text.as_bytes(), &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_value_has_one_spelling() {
        for (spellings, expected) in [
            (&["0", "-0", "0.000", "-0.0", "0e5", "0E-999999999999"][..], "0"),
            (&["1", "1.0", "1.0000", "1e0", "10e-1", "0.1E+1", "0.001e3"], "1"),
            (&["-1.50", "-1.5", "-15e-1", "-0.00015e4"], "-1.5"),
            (&["100", "1e2", "1E+2", "100.000", "0.1e3"], "100"),
            (&["1e20", "100000000000000000000.0"], "100000000000000000000"),
            (&["0.001", "1e-3", "0.0010", "10e-4"], "0.001"),
            (&["120.034", "1.20034e2", "12003.4e-2", "120.03400"], "120.034"),
            (&["1e5000", "10e4999"], "1e5000"),
            (&["-1.25e-5000", "-125e-5002"], "-1.25e-5000"),
            (&["\"NaN\""], "\"NaN\""),
            (&["1e"], "1e"),
            (&["1e99999999999999999999"], "1e99999999999999999999"),
        ] {
            for spelling in spellings {
                assert_eq!(expected, written(spelling), "{spelling}");
            }
            assert_eq!(expected, written(expected));
        }
        let long = "9".repeat(1_000);
        assert_eq!(written(&format!("{long}.0")), written(&format!("0.{long}e1000")));
        assert_eq!(written(&format!("{long}000")), written(&format!("{long}e3")));
    }

    #[test]
    fn numbers_of_one_scale_sort_as_their_texts_do() {
        let mut texts: Vec<String> = (-2_500..2_500).map(|cents| format!("{:.2}", f64::from(cents) / 100.0)).collect();
        texts.sort();
        let keys: Vec<Vec<u8>> = texts.iter().map(|text| [written(text).as_bytes(), &[0, 0]].concat()).collect();
        assert!(keys.is_sorted());
    }
}
