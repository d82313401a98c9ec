//! Lines, cut into chunks.
//!
//! Where the cuts fall depends on the bytes and the limits alone, never on how the bytes arrive. Blank lines are left out:
//! they are no records, but they count as lines in what a reader is told.

use super::InputError;
use std::io::Read;

/// The longest line that is read; a row of a database is far shorter, and a whole line must fit a call.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What some programs put before the first line.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many bytes a chunk has at most, if it is not told otherwise. Large enough that the start of an instance does not count,
/// small enough to stay in a processor's cache.
pub(crate) const CHUNK_BYTES: usize = 2 * 1024 * 1024;

/// How large a chunk may get. A chunk holds at least one line, whatever its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Bytes.
    pub bytes_max: usize,
    /// Lines.
    pub lines_max: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { bytes_max: CHUNK_BYTES, lines_max: usize::MAX }
    }
}

/// Some whole lines.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The lines, none of them blank.
    pub bytes: Vec<u8>,
    /// How many.
    pub lines: u32,
    /// How many records came before.
    pub records_before: u64,
    /// The number of each line in the input, from 1, where it is not simply one more than the one before: the index of the
    /// line in the chunk and its number. The first line is always there.
    numbers: Vec<(u32, u64)>,
    /// How many bytes of the input end here.
    pub input_end: u64,
}

impl Chunk {
    /// The number, from 1, in the input of the line with index `line` in the chunk.
    #[must_use]
    pub fn line_number(&self, line: u64) -> u64 {
        let later = self.numbers.partition_point(|&(index, _)| u64::from(index) <= line);
        later
            .checked_sub(1)
            .and_then(|at| self.numbers.get(at))
            .map_or(line + 1, |&(index, number)| number + line - u64::from(index))
    }
}

/// Bytes that come in pieces which end where a line ends.
pub(crate) trait LinePieces: Read + Send {
    /// The next piece, if it has not more than `bytes_max` bytes, and nothing of it was read. Whatever is not given is to be
    /// read; at the end, nothing.
    ///
    /// # Errors
    /// Those of reading.
    fn next_piece(&mut self, bytes_max: usize) -> std::io::Result<Option<Vec<u8>>>;
}

enum Source {
    Bytes(Box<dyn Read + Send>),
    Pieces(Box<dyn LinePieces>),
}

impl Source {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Pieces(pieces) => pieces,
        }
    }
}

/// Reads chunks.
pub struct LineChunks {
    name: String,
    source: Source,
    limits: ChunkLimits,
    /// Records that may still come.
    records_left: u64,
    /// What was read beyond the last cut.
    rest: Vec<u8>,
    at_end: bool,
    records: u64,
    line_number: u64,
    input_bytes: u64,
}

impl LineChunks {
    /// Reads `source`, called `name` in messages, and at most `records_max` records of it.
    #[must_use]
    pub fn new(name: String, source: Box<dyn Read + Send>, limits: ChunkLimits, records_max: Option<u64>) -> Self {
        Self::of(name, Source::Bytes(source), limits, records_max)
    }

    /// Reads `pieces`, called `name` in messages. A piece becomes a chunk where it lies.
    pub(crate) fn of_pieces(name: String, pieces: Box<dyn LinePieces>) -> Self {
        Self::of(name, Source::Pieces(pieces), ChunkLimits::default(), None)
    }

    fn of(name: String, source: Source, limits: ChunkLimits, records_max: Option<u64>) -> Self {
        Self {
            name,
            source,
            limits,
            records_left: records_max.unwrap_or(u64::MAX),
            rest: Vec::new(),
            at_end: false,
            records: 0,
            line_number: 1,
            input_bytes: 0,
        }
    }

    /// Reads ahead some lines, enough to tell what the rows look like, and gives them: all lines of a small input. They still
    /// come with the chunks.
    ///
    /// # Errors
    /// [`InputError::Unreadable`].
    pub fn peek(&mut self) -> Result<&[u8], InputError> {
        const PEEKED_BYTES: usize = 256 * 1024;
        let mut bytes = std::mem::take(&mut self.rest);
        let read = self.read_up_to(&mut bytes, PEEKED_BYTES);
        self.rest = bytes;
        read?;
        let whole_lines =
            if self.at_end { self.rest.len() } else { memchr::memrchr(b'\n', &self.rest).map_or(0, |at| at + 1) };
        Ok(self.rest[..whole_lines].strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.rest[..whole_lines]))
    }

    /// Reads the next chunk into the memory of `buffer`; `None` at the end.
    ///
    /// # Errors
    /// [`InputError::Unreadable`] and [`InputError::LineTooLong`].
    pub fn next_chunk(&mut self, buffer: Vec<u8>) -> Result<Option<Chunk>, InputError> {
        let mut bytes = buffer;
        while self.records_left > 0 {
            if let Some(piece) = self.next_piece()? {
                bytes = piece;
            } else {
                bytes.clear();
                bytes.append(&mut self.rest);
                let end = self.fill(&mut bytes)?;
                if bytes.is_empty() {
                    return Ok(None);
                }
                self.rest.extend_from_slice(&bytes[end..]);
                bytes.truncate(end);
            }
            if self.input_bytes == 0 && bytes.starts_with(BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
                self.input_bytes += BYTE_ORDER_MARK.len() as u64;
            }
            self.input_bytes += bytes.len() as u64;
            let chunk = self.chunk(bytes);
            if chunk.lines > 0 {
                return Ok(Some(chunk));
            }
            bytes = chunk.bytes;
        }
        Ok(None)
    }

    fn next_piece(&mut self) -> Result<Option<Vec<u8>>, InputError> {
        match &mut self.source {
            Source::Pieces(pieces) if self.rest.is_empty() && !self.at_end => {
                let unreadable = |source| InputError::Unreadable { name: self.name.clone(), source };
                pieces.next_piece(self.limits.bytes_max).map_err(unreadable)
            }
            Source::Bytes(_) | Source::Pieces(_) => Ok(None),
        }
    }

    /// Reads until the bytes hold a chunk, and gives where it ends.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> Result<usize, InputError> {
        let mut wanted = self.limits.bytes_max.clamp(1, LINE_BYTES_MAX);
        loop {
            self.read_up_to(bytes, wanted)?;
            let window = &bytes[..wanted.min(bytes.len())];
            if let Some(end) = self.cut(window) {
                return Ok(end);
            }
            if bytes.len() < wanted || (self.at_end && bytes.len() <= wanted) {
                return Ok(bytes.len());
            }
            // One line fills the window: look on for its end.
            if wanted > LINE_BYTES_MAX {
                let line = self.line_number;
                return Err(InputError::LineTooLong { name: self.name.clone(), line, bytes_max: LINE_BYTES_MAX });
            }
            wanted = self.line_end(bytes, wanted)?;
        }
    }

    /// The end of the chunk in `window`: behind its last line feed, or behind as many lines as a chunk may have.
    fn cut(&self, window: &[u8]) -> Option<usize> {
        let lines_max = usize::try_from(self.records_left).unwrap_or(usize::MAX).min(self.limits.lines_max).max(1);
        if lines_max == usize::MAX {
            return memchr::memrchr(b'\n', window).map(|at| at + 1);
        }
        memchr::memchr_iter(b'\n', window).take(lines_max).last().map(|at| at + 1)
    }

    /// Reads on in steps until the line that fills the first `from` bytes ends; gives the size of a window that holds it.
    fn line_end(&mut self, bytes: &mut Vec<u8>, from: usize) -> Result<usize, InputError> {
        const STEP_BYTES: usize = 64 * 1024;
        let mut searched = from;
        loop {
            self.read_up_to(bytes, searched + STEP_BYTES)?;
            if let Some(at) = memchr::memchr(b'\n', &bytes[searched.min(bytes.len())..]) {
                return Ok(searched + at + 1);
            }
            if self.at_end || bytes.len() > LINE_BYTES_MAX {
                return Ok(bytes.len().max(from + 1));
            }
            searched = bytes.len();
        }
    }

    fn read_up_to(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> Result<(), InputError> {
        let missing = wanted.saturating_sub(bytes.len());
        if self.at_end || missing == 0 {
            return Ok(());
        }
        bytes.reserve_exact(missing);
        let read = self.source.reader().take(missing as u64).read_to_end(bytes);
        let read = read.map_err(|source| InputError::Unreadable { name: self.name.clone(), source })?;
        self.at_end = read < missing;
        Ok(())
    }

    /// Counts the lines, leaves the blank ones out, and moves on.
    fn chunk(&mut self, mut bytes: Vec<u8>) -> Chunk {
        let mut numbers = vec![(0, self.line_number)];
        let lines = match lines_without_blanks(&bytes) {
            Some(lines) => {
                self.line_number += u64::from(lines);
                lines
            }
            None => self.drop_blanks(&mut bytes, &mut numbers),
        };
        let records_before = self.records;
        self.records += u64::from(lines);
        self.records_left -= u64::from(lines);
        Chunk { bytes, lines, records_before, numbers, input_end: self.input_bytes }
    }

    /// Moves the lines together that are not blank, notes where their numbers jump, and gives how many there are.
    fn drop_blanks(&mut self, bytes: &mut Vec<u8>, numbers: &mut Vec<(u32, u64)>) -> u32 {
        let mut lines = 0_u32;
        let (mut kept, mut start) = (0, 0);
        while start < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at + 1);
            if !bytes[start..end].iter().all(u8::is_ascii_whitespace) {
                let follows = numbers
                    .last()
                    .is_some_and(|&(index, number)| number + u64::from(lines - index) == self.line_number);
                if !follows {
                    numbers.push((lines, self.line_number));
                }
                bytes.copy_within(start..end, kept);
                kept += end - start;
                lines += 1;
            }
            self.line_number += 1;
            start = end;
        }
        bytes.truncate(kept);
        lines
    }
}

/// How many lines there are; `None` where one begins with white space and so may be blank, which few do.
fn lines_without_blanks(bytes: &[u8]) -> Option<u32> {
    let mut lines = 0;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        if bytes[start].is_ascii_whitespace() {
            return None;
        }
        lines += 1;
        start = end + 1;
    }
    match bytes.get(start) {
        Some(byte) if byte.is_ascii_whitespace() => None,
        Some(_) => Some(lines + 1),
        None => Some(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of a few, as a pipe may.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn read(text: &str, piece: usize, limits: ChunkLimits, records_max: Option<u64>) -> Vec<(String, u64, Vec<u64>)> {
        let source = Box::new(Trickle(text.as_bytes().to_vec(), piece));
        let mut chunks = LineChunks::new("test".to_owned(), source, limits, records_max);
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next_chunk(Vec::new()).unwrap() {
            let numbers = (0..u64::from(chunk.lines)).map(|line| chunk.line_number(line)).collect();
            all.push((String::from_utf8(chunk.bytes).unwrap(), chunk.records_before, numbers));
        }
        all
    }

    fn limits(bytes_max: usize, lines_max: usize) -> ChunkLimits {
        ChunkLimits { bytes_max, lines_max }
    }

    #[test]
    fn cuts_fall_at_line_ends_and_do_not_depend_on_how_bytes_arrive() {
        let text = "{1}\n{22}\n{333}\n{4444}\n{5}";
        let expected = vec![
            ("{1}\n{22}\n".to_owned(), 0, vec![1, 2]),
            ("{333}\n".to_owned(), 2, vec![3]),
            ("{4444}\n".to_owned(), 3, vec![4]),
            ("{5}".to_owned(), 4, vec![5]),
        ];
        for piece in [1, 2, 3, 7, 100] {
            assert_eq!(read(text, piece, limits(10, usize::MAX), None), expected, "in pieces of {piece}");
        }
    }

    /// Pieces, the first of them last.
    struct InPieces(Vec<Vec<u8>>);

    impl Read for InPieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some(piece) = self.0.last_mut() else { return Ok(0) };
            let count = piece.len().min(buffer.len());
            buffer[..count].copy_from_slice(&piece[..count]);
            piece.drain(..count);
            if piece.is_empty() {
                self.0.pop();
            }
            Ok(count)
        }
    }

    impl LinePieces for InPieces {
        fn next_piece(&mut self, bytes_max: usize) -> std::io::Result<Option<Vec<u8>>> {
            Ok(self.0.pop_if(|piece| piece.len() <= bytes_max))
        }
    }

    #[test]
    fn a_piece_becomes_a_chunk_and_one_that_is_too_large_is_cut() {
        let chunks_of = |pieces: &[&str]| {
            let pieces = pieces.iter().rev().map(|piece| piece.as_bytes().to_vec()).collect();
            let mut chunks = LineChunks::of_pieces("test".to_owned(), Box::new(InPieces(pieces)));
            chunks.limits = limits(12, usize::MAX);
            let mut all = Vec::new();
            while let Some(chunk) = chunks.next_chunk(Vec::new()).unwrap() {
                all.push((String::from_utf8(chunk.bytes.clone()).unwrap(), chunk.line_number(0), chunk.input_end));
            }
            all
        };
        let chunk = |text: &str, line, end| (text.to_owned(), line, end);
        assert_eq!(
            chunks_of(&["{1}\n{2}\n", "{3}\n\n{4}\n", "{5}"]),
            [chunk("{1}\n{2}\n", 1, 8), chunk("{3}\n{4}\n", 3, 17), chunk("{5}", 6, 20)]
        );
        assert_eq!(
            chunks_of(&["{1}\n", "{2222}\n{3333}\n", "{4}\n"]),
            [chunk("{1}\n", 1, 4), chunk("{2222}\n", 2, 11), chunk("{3333}\n{4}\n", 3, 22)]
        );
        assert_eq!(chunks_of(&[]), []);
    }

    #[test]
    fn a_line_longer_than_a_chunk_is_a_chunk_of_its_own() {
        let chunks = read("{1}\n{22222222222222222222}\n{3}\n", 4, limits(6, usize::MAX), None);
        assert_eq!(
            chunks.iter().map(|chunk| chunk.0.as_str()).collect::<Vec<_>>(),
            ["{1}\n", "{22222222222222222222}\n", "{3}\n"]
        );
    }

    #[test]
    fn blank_lines_are_left_out_but_counted() {
        let chunks = read("\n{1}\n \t\r\n\n{2}\n{3}\n\n", 5, limits(100, usize::MAX), None);
        assert_eq!(chunks, [("{1}\n{2}\n{3}\n".to_owned(), 0, vec![2, 5, 6])]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(read("\u{feff}{1}\n{2}\n", 2, limits(7, usize::MAX), None)[0].0, "{1}\n");
    }

    #[test]
    fn no_more_records_are_read_than_asked_for_blank_lines_apart() {
        let records = |max| {
            read("\n{1}\n\n{2}\n{3}\n", 100, limits(100, 2), Some(max))
                .into_iter()
                .map(|chunk| chunk.0)
                .collect::<String>()
        };
        assert_eq!(records(0), "");
        assert_eq!(records(2), "{1}\n{2}\n");
        assert_eq!(records(9), "{1}\n{2}\n{3}\n");
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let source = Box::new(std::io::repeat(b'x'));
        let mut chunks = LineChunks::new("endless".to_owned(), source, ChunkLimits::default(), None);
        let error = chunks.next_chunk(Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "`endless`, line 1: the line is longer than 16777216 bytes");
    }
}
