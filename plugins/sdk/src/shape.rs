//! The shape of a line: which columns come in which order, and what stands between their values.
//!
//! Lines of one table look alike. A [`Shape`] is learned from a line that the exact reader has accepted, and predicts the
//! next ones: only what stands between the values is compared, and each value is read where it stands.

use crate::cursor::Literal;

/// What a line of some source struct looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The values, in the order of the line.
    pub slots: Box<[Slot]>,
    /// What follows the last value: a closing brace, and for a whole line what stands before its line feed.
    pub tail: Literal,
}

/// A value of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What stands before the value: brace or comma, key, colon, with the white space between them.
    pub before: Literal,
    /// The index of the source struct's column, or [`Slot::UNKNOWN`].
    pub column: usize,
    /// The shape of the value, where the column is a nested struct and the value is an object.
    pub nested: Option<Shape>,
}

impl Slot {
    /// The column of a value that the source struct does not have.
    pub const UNKNOWN: usize = usize::MAX;
}

/// The columns of a source struct, as far as a shape needs them.
pub struct Columns {
    /// The names, in the order of the struct.
    pub names: &'static [&'static str],
    /// The columns of each nested struct, `None` for a plain column.
    pub nested: &'static [Option<&'static Columns>],
}

impl Shape {
    /// Learns the shape of `line`, a valid JSON object and what follows it up to the line's end. `None` where it can't be
    /// predicted: keys with escapes or known columns that come twice.
    #[must_use]
    pub fn learn(line: &[u8], columns: &Columns) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.contains(&b'\n') {
            return None;
        }
        let mut reader = Reader { line, at: 0 };
        let mut last_value_end = 0;
        let shape = reader.object(columns, &mut last_value_end)?;
        Some(Self { tail: Literal::new(&line[last_value_end..]), ..shape })
    }
}

/// Walks over JSON that is known to be valid.
struct Reader<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Learns an object. `literal_start` is where the literal before its first value begins, and afterwards where the one
    /// behind its last value does, which the caller makes the tail.
    fn object(&mut self, columns: &Columns, literal_start: &mut usize) -> Option<Shape> {
        let mut slots = Vec::new();
        let mut seen = vec![false; columns.names.len()];
        self.space();
        self.expect(b'{')?;
        self.space();
        let mut empty = self.peek()? == b'}';
        while !empty {
            self.space();
            let key = self.key()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let column = columns.names.iter().position(|name| name.as_bytes() == key);
            if let Some(column) = column
                && core::mem::replace(&mut seen[column], true)
            {
                return None;
            }
            let before = Literal::new(&self.line[*literal_start..self.at]);
            *literal_start = self.at;
            let mut nested = None;
            if let Some(columns) = column.and_then(|column| columns.nested[column])
                && self.peek()? == b'{'
            {
                let shape = self.object(columns, literal_start)?;
                nested = Some(Shape { tail: Literal::new(&self.line[*literal_start..self.at]), ..shape });
            } else {
                self.value()?;
            }
            *literal_start = self.at;
            slots.push(Slot { before, column: column.unwrap_or(Slot::UNKNOWN), nested });
            self.space();
            empty = self.next()? == b'}';
        }
        if slots.is_empty() {
            // Nothing to predict, and the brace is yet to be passed.
            return None;
        }
        Some(Shape { slots: slots.into(), tail: Literal::new(b"") })
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// A key without escapes, its quotes left off.
    fn key(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        self.value()?;
        let key = self.line.get(start..self.at - 1)?;
        (!key.contains(&b'\\')).then_some(key)
    }

    /// Moves over a value.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ if depth > 0 => self.at += 1,
                _ => {
                    while !matches!(self.peek(), None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r')) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }
}
