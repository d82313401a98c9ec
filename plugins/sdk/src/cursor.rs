//! Reading JSON values in place, eight bytes at a time.
//!
//! Byte loops are what costs in a metered sandbox: each turn is paid for. So everything here looks at words of 8 bytes (SIMD
//! within a register) and gives up, with `None`, on anything that is not plain; the exact reader then decides.

#![expect(
    unsafe_code,
    reason = "words are read without a bounds check; the module keeps the invariant that makes it sound"
)]

use core::marker::PhantomData;

/// How many bytes must follow the line feed of a line that a [`Cursor`] reads.
pub const PADDING: usize = 32;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A place in a line.
///
/// Invariant: a cursor never stands behind the line feed that ends its line, and at least [`PADDING`] bytes follow that line
/// feed. It moves over a byte only after seeing that the byte is no line feed.
pub struct Cursor<'a> {
    at: *const u8,
    lines: PhantomData<&'a [u8]>,
}

/// Lines that a cursor may read: all that end in a line feed with [`PADDING`] bytes behind it.
pub struct PaddedLines<'a> {
    lines: &'a [u8],
    end: usize,
}

impl<'a> PaddedLines<'a> {
    /// Finds how far into `lines` a cursor may go.
    #[must_use]
    pub fn new(lines: &'a [u8]) -> Self {
        let searched = lines.len().saturating_sub(PADDING);
        let end = memchr::memrchr(b'\n', &lines[..searched]).map_or(0, |at| at + 1);
        Self { lines, end }
    }

    /// A cursor at the start of the line at `position`, or `None` where that line has too little behind it.
    #[inline]
    #[must_use]
    pub fn cursor(&self, position: usize) -> Option<Cursor<'a>> {
        (position < self.end).then(|| Cursor { at: self.lines[position..].as_ptr(), lines: PhantomData })
    }

    /// The position of the next line, where `cursor` stands at the end of one.
    #[inline]
    #[must_use]
    pub fn next_line(&self, cursor: &Cursor<'a>) -> Option<usize> {
        (cursor.byte(0) == b'\n').then(|| self.position(cursor) + 1)
    }

    /// The position in the lines at which `cursor`, which must come from [`PaddedLines::cursor`] of these lines, stands.
    #[inline]
    #[must_use]
    pub fn position(&self, cursor: &Cursor<'a>) -> usize {
        cursor.at as usize - self.lines.as_ptr() as usize
    }
}

/// Where a cursor stood.
pub(crate) struct Place<'a>(Cursor<'a>);

/// Bytes to be met as they are: what stands in a line between two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    words: Box<[u64]>,
    last_mask: u64,
    length: usize,
}

impl Literal {
    /// The literal of `bytes`.
    ///
    /// # Panics
    /// If there is a line feed among them: a cursor that met it would leave its line.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        assert!(!bytes.contains(&b'\n'), "a literal lies within a line");
        let word = |chunk: &[u8]| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        };
        let last = bytes.len().checked_sub(1).map_or(0, |last| last % 8 + 1);
        let last_mask = if last == 8 { u64::MAX } else { (1 << (8 * last)) - 1 };
        let words = if bytes.is_empty() { Box::from([0]) } else { bytes.chunks(8).map(word).collect() };
        Self { words, last_mask, length: bytes.len() }
    }
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    fn byte(&self, offset: usize) -> u8 {
        debug_assert!(offset < PADDING);
        // SAFETY: at least PADDING bytes follow the line feed, and the cursor is not behind it.
        unsafe { *self.at.add(offset) }
    }

    #[inline(always)]
    fn word(&self, offset: usize) -> u64 {
        debug_assert!(offset + 8 <= PADDING);
        // SAFETY: as for `byte`.
        u64::from_le(unsafe { self.at.add(offset).cast::<u64>().read_unaligned() })
    }

    /// Where the cursor stands, to come back to.
    #[inline(always)]
    pub(crate) fn place(&self) -> Place<'a> {
        Place(Cursor { at: self.at, lines: PhantomData })
    }

    /// Comes back to a place of its own line that it has left.
    pub(crate) fn go_back(&mut self, place: Place<'a>) {
        *self = place.0;
    }

    /// Moves over `count` bytes, which the caller has seen to hold no line feed.
    #[inline(always)]
    fn skip(&mut self, count: usize) {
        // SAFETY: the bytes moved over are in the line.
        self.at = unsafe { self.at.add(count) };
    }

    /// Moves over `literal`, if it stands here.
    #[inline(always)]
    pub fn literal(&mut self, literal: &Literal) -> Option<()> {
        let (last, words) = literal.words.split_last()?;
        let mut at = self.at;
        for word in words {
            // SAFETY: the words before matched and hold no line feed, so `at` is in the line or on its line feed.
            if u64::from_le(unsafe { at.cast::<u64>().read_unaligned() }) != *word {
                return None;
            }
            // SAFETY: as above.
            at = unsafe { at.add(8) };
        }
        // SAFETY: as above.
        let found = u64::from_le(unsafe { at.cast::<u64>().read_unaligned() });
        if (found ^ last) & literal.last_mask != 0 {
            return None;
        }
        self.skip(literal.length);
        Some(())
    }

    /// Moves over `null`, if it stands here.
    #[inline(always)]
    pub fn null(&mut self) -> bool {
        const NULL: u32 = u32::from_le_bytes(*b"null");
        let here = self.word(0) as u32 == NULL;
        if here {
            self.skip(4);
        }
        here
    }

    /// Reads `true` or `false`.
    #[inline(always)]
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        const TRUE: u32 = u32::from_le_bytes(*b"true");
        const FALSE: u64 = u64::from_le_bytes(*b"false\0\0\0");
        let word = self.word(0);
        if word as u32 == TRUE {
            self.skip(4);
            Some(true)
        } else if word & 0xff_ffff_ffff == FALSE {
            self.skip(5);
            Some(false)
        } else {
            None
        }
    }

    /// Moves over a minus sign, if one stands here.
    #[inline(always)]
    pub(crate) fn minus(&mut self) -> bool {
        let minus = self.byte(0) == b'-';
        if minus {
            self.skip(1);
        }
        minus
    }

    /// Moves over a point, if one stands here.
    #[inline(always)]
    pub(crate) fn point(&mut self) -> bool {
        let point = self.byte(0) == b'.';
        if point {
            self.skip(1);
        }
        point
    }

    /// Reads the digits of an integer, 1 to 18 of them, without a needless leading zero; their number comes second.
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Option<(u64, u32)> {
        let leading_zero = self.byte(0) == b'0';
        let (number, count) = self.digits()?;
        (!leading_zero || count == 1).then_some((number, count))
    }

    /// Reads 1 to 18 digits; their number comes second.
    #[inline(always)]
    pub(crate) fn digits(&mut self) -> Option<(u64, u32)> {
        let (mut number, mut count) = self.digits_of_word();
        if count == 8 {
            let (more, more_count) = self.digits_of_word();
            number = number * POWERS_OF_TEN[more_count as usize] + more;
            count += more_count;
            if more_count == 8 {
                let (more, more_count) = self.digits_of_word();
                if more_count > 2 {
                    return None;
                }
                number = number * POWERS_OF_TEN[more_count as usize] + more;
                count += more_count;
            }
        }
        (count > 0).then_some((number, count))
    }

    /// Reads the digits, 0 to 8, that the next 8 bytes begin with.
    #[inline(always)]
    fn digits_of_word(&mut self) -> (u64, u32) {
        let values = self.word(0) ^ (ONES * u64::from(b'0'));
        let others = (values | values.wrapping_add(ONES * 0x76)) & HIGHS;
        // A carry out of a byte reaches only bytes behind it, and only the first one that is no digit is asked for.
        let count = others.trailing_zeros() / 8;
        self.skip(count as usize);
        let aligned = if count == 0 { 0 } else { values << (64 - 8 * count) };
        (number_of_digits(aligned), count)
    }

    /// Reads a quoted day, `"YYYY-MM-DD"`, as year, month and day; that there is such a day is the caller's to check.
    #[inline(always)]
    pub(crate) fn quoted_date(&mut self) -> Option<[u32; 3]> {
        let date = self.date()?;
        if self.byte(11) != b'"' {
            return None;
        }
        self.skip(12);
        Some(date)
    }

    /// Sees a quote and a day, and does not move.
    #[inline(always)]
    fn date(&self) -> Option<[u32; 3]> {
        let (year_and_month, bad) = fields_of_word(self.word(1), *b"0000-00-");
        let day = u64::from(self.byte(9).wrapping_sub(b'0')) * 10 + u64::from(self.byte(10).wrapping_sub(b'0'));
        let day_bad = self.byte(9).wrapping_sub(b'0') > 9 || self.byte(10).wrapping_sub(b'0') > 9;
        if bad || day_bad || self.byte(0) != b'"' {
            return None;
        }
        let at = |index: u32| (year_and_month >> (8 * index)) as u32 & 0xff;
        Some([at(0) * 100 + at(2), at(5), day as u32])
    }

    /// Reads a quoted point in time, `"YYYY-MM-DDTHH:MM:SS"` with 0 to 6 digits of a fraction behind, and a space for the
    /// `T` if it likes, as year, month, day, hour, minute, second and microseconds.
    #[inline(always)]
    pub(crate) fn quoted_timestamp(&mut self) -> Option<([u32; 3], [u32; 4])> {
        let date = self.date()?;
        let separator = self.byte(11);
        if separator != b'T' && separator != b' ' {
            return None;
        }
        let (time, bad) = fields_of_word(self.word(12), *b"00:00:00");
        if bad {
            return None;
        }
        // The 20 bytes up to here were all seen, none a line feed.
        self.skip(20);
        let fraction = self.fraction_and_quote()?;
        let at = |index: u32| (time >> (8 * index)) as u32 & 0xff;
        Some((date, [at(0), at(3), at(6), fraction]))
    }

    /// Reads a quoted time of day, `"HH:MM:SS"` with 0 to 6 digits of a fraction, as hour, minute, second, microseconds.
    #[inline(always)]
    pub(crate) fn quoted_time(&mut self) -> Option<[u32; 4]> {
        let (time, bad) = fields_of_word(self.word(1), *b"00:00:00");
        if bad || self.byte(0) != b'"' {
            return None;
        }
        self.skip(9);
        let fraction = self.fraction_and_quote()?;
        let at = |index: u32| (time >> (8 * index)) as u32 & 0xff;
        Some([at(0), at(3), at(6), fraction])
    }

    /// Reads the rest of a time: a point and 1 to 6 digits, or nothing, and a quote. Gives microseconds.
    #[inline(always)]
    fn fraction_and_quote(&mut self) -> Option<u32> {
        if self.byte(0) == b'"' {
            self.skip(1);
            return Some(0);
        }
        let word = self.word(1);
        let values = word ^ (ONES * u64::from(b'0'));
        let others = (values | values.wrapping_add(ONES * 0x76)) & HIGHS;
        let count = others.trailing_zeros() / 8;
        if self.byte(0) != b'.' || count == 0 || count > 6 || (word >> (8 * count)) as u8 != b'"' {
            return None;
        }
        self.skip(count as usize + 2);
        let digits = values & ((1 << (8 * count)) - 1);
        Some((number_of_digits(digits) / 100) as u32)
    }

    /// Reads a quoted text without escapes.
    #[inline(always)]
    pub(crate) fn quoted_text(&mut self) -> Option<&'a str> {
        if self.byte(0) != b'"' {
            return None;
        }
        self.skip(1);
        let start = self.at;
        let mut not_ascii = 0;
        let length = loop {
            let word = self.word(0);
            let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
            let escapes = zero_bytes(word ^ (ONES * u64::from(b'\\')));
            let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            let stops = quotes | escapes | controls;
            if stops == 0 {
                not_ascii |= word & HIGHS;
                self.skip(8);
                continue;
            }
            // Borrows run upwards only, so the lowest stop is a true one.
            let index = stops.trailing_zeros() / 8;
            self.skip(index as usize);
            not_ascii |= word & HIGHS & !(u64::MAX << (8 * index));
            if (word >> (8 * index)) as u8 != b'"' {
                return None;
            }
            break self.at as usize - start as usize;
        };
        self.skip(1);
        // SAFETY: the bytes were all read above, and live as long as the lines.
        let bytes = unsafe { core::slice::from_raw_parts(start, length) };
        if not_ascii == 0 {
            // SAFETY: no byte has its high bit set, so this is ASCII.
            return Some(unsafe { core::str::from_utf8_unchecked(bytes) });
        }
        core::str::from_utf8(bytes).ok()
    }

    /// Moves over a number, a text without escapes, a boolean or a null.
    #[inline]
    pub fn skip_value(&mut self) -> Option<()> {
        match self.byte(0) {
            b'"' => self.quoted_text().map(|_| ()),
            b'n' => self.null().then_some(()),
            b't' | b'f' => self.boolean().map(|_| ()),
            _ => {
                self.minus();
                self.integer()?;
                if self.point() {
                    self.digits()?;
                }
                // An exponent is met by the literal that follows, which does not match.
                Some(())
            }
        }
    }

    /// Reads the text of a number that has no exponent and at most 18 digits on each side of its point.
    #[inline(always)]
    pub(crate) fn number_text(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.minus();
        self.integer()?;
        if self.point() {
            self.digits()?;
        }
        let length = self.at as usize - start as usize;
        // SAFETY: the bytes were all read above, are ASCII, and live as long as the lines.
        Some(unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(start, length)) })
    }
}

/// 10 to the power of the index.
pub(crate) const POWERS_OF_TEN: [u64; 19] = {
    let mut powers = [1; 19];
    let mut power = 1;
    while power < powers.len() {
        powers[power] = powers[power - 1] * 10;
        power += 1;
    }
    powers
};

/// The high bit of each byte that is zero; above a zero byte also others may be marked.
#[inline(always)]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// The number whose 8 decimal digits, as values 0 to 9, are the bytes of `digits`, the lowest byte first.
///
/// Source: "Faster integer parsing", Wojciech Muła and Daniel Lemire: neighbours are joined to 2, 4 and 8 digits.
#[inline(always)]
fn number_of_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// Holds `word` against a pattern of digits (each `0` of it) and other bytes. Byte `i` of the result is the number of the
/// two digits `i` and `i + 1`; the flag says that the word is not of the pattern.
#[inline(always)]
fn fields_of_word(word: u64, pattern: [u8; 8]) -> (u64, bool) {
    let mut room = [0x7f; 8];
    let mut index = 0;
    while index < 8 {
        if pattern[index] == b'0' {
            room[index] = 0x76;
        }
        index += 1;
    }
    let values = word ^ u64::from_le_bytes(pattern);
    // A digit is at most 9 and any other byte exactly that of the pattern, or the sum reaches the high bit.
    let bad = (values | (values & !HIGHS).wrapping_add(u64::from_le_bytes(room))) & HIGHS != 0;
    (values.wrapping_mul(10).wrapping_add(values >> 8), bad)
}
