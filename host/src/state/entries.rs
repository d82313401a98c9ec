//! Keys and what is known of each, column by column.

use twox_hash::XxHash3_128;

/// The hash by which versions of a row are told apart: XXH3 of the line without its line feed, 128 bits.
#[must_use]
pub fn hash_line(line: &[u8]) -> u128 {
    XxHash3_128::oneshot(line)
}

/// Keys, one after the other in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// Keys with the hashes of their rows, and where those rows are.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The keys, in any order.
    pub keys: Keys,
    /// The hash of each row.
    hashes: Vec<u128>,
    /// Whether each row is gone; then it has no hash.
    gone: Vec<bool>,
    /// The packet of each row.
    pub sequences: Vec<u64>,
    /// The index of each line among the lines of its packet, from 0.
    pub lines: Vec<u64>,
    /// Where each line begins among the lines of its packet, in bytes.
    pub offsets: Vec<u64>,
}

impl Keys {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes all keys have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The key with an index.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    /// The last key.
    #[must_use]
    pub fn last(&self) -> Option<&[u8]> {
        self.len().checked_sub(1).map(|last| self.get(last))
    }

    /// Adds a key, which `write` writes at the end of the buffer.
    pub fn push_with<T, E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>) -> Result<T, E> {
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        match written {
            Ok(_) => self.seal(),
            Err(_) => self.bytes.truncate(start),
        }
        written
    }

    /// Adds a key.
    pub fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.seal();
    }

    /// The buffer, to write a key at its end before [`Keys::seal`].
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the key that was written to the buffer.
    pub(crate) fn seal(&mut self) {
        self.ends.push(u32::try_from(self.bytes.len()).expect("keys of a batch take less than 4 GiB"));
    }

    /// The indices of the keys in their order.
    #[must_use]
    pub fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.len()).collect();
        if !self.is_sorted() {
            order.sort_unstable_by(|left, right| self.get(*left as usize).cmp(self.get(*right as usize)));
        }
        order
    }

    /// Whether each key is larger than the one before.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        (1..self.len()).all(|index| self.get(index - 1) < self.get(index))
    }

    /// Removes the last key.
    pub(crate) fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// Removes all keys, and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl Entries {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The hash of the row with an index; `None` if it is gone.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn hash(&self, index: usize) -> Option<u128> {
        (!self.gone[index]).then(|| self.hashes[index])
    }

    /// Adds an entry.
    pub fn push(&mut self, key: &[u8], hash: Option<u128>, sequence: u64, line: u64, offset: u64) {
        self.keys.push(key);
        self.hashes.push(hash.unwrap_or(0));
        self.gone.push(hash.is_none());
        self.sequences.push(sequence);
        self.lines.push(line);
        self.offsets.push(offset);
    }

    /// Removes all entries, and keeps the room.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.hashes.clear();
        self.gone.clear();
        self.sequences.clear();
        self.lines.clear();
        self.offsets.clear();
    }
}
