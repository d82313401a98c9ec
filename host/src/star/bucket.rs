//! Into which file a row of a dimension goes: by the hash of its key.
//!
//! The rows of a dimension are kept in buckets, one file each, so that a change rewrites the files of the keys that changed and no
//! others. A bucket holds the keys whose hash begins with some bits; one that grows too large becomes two of one bit more
//! (extendible hashing; Fagin et al., 1979). Which buckets there are depends on the keys alone, not on the order in which they
//! came.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use twox_hash::XxHash3_64;

/// The most rows of a bucket. Small enough that a change of some keys in millions rewrites a hundredth of the files, large
/// enough that columns compress well.
pub const BUCKET_ROWS_MAX: usize = 8 * 1024;

/// The hash by which keys are spread: XXH3, 64 bits.
#[must_use]
pub(super) fn hash_key(key: &[u8]) -> u64 {
    XxHash3_64::oneshot(key)
}

/// The first bits of the hashes of a bucket's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// The bits, at the top; all others are 0.
    bits: u64,
    /// How many.
    depth: u32,
}

/// The buckets of a table.
#[derive(Clone, Debug, Default)]
pub struct Buckets(BTreeSet<Bucket>);

impl Bucket {
    /// The bucket of all keys.
    pub const ALL: Self = Self { bits: 0, depth: 0 };
    /// Hashes have no more bits.
    const DEPTH_MAX: u32 = 64;

    /// How many bits its keys share.
    #[must_use]
    pub fn depth(self) -> u32 {
        self.depth
    }

    /// The bucket of the keys with one bit more in common: 0 or 1.
    #[must_use]
    pub fn child(self, bit: bool) -> Self {
        let depth = (self.depth + 1).min(Self::DEPTH_MAX);
        Self { bits: self.bits | u64::from(bit) << (Self::DEPTH_MAX - depth), depth }
    }

    /// Whether keys with this hash belong to it.
    #[must_use]
    pub fn contains(self, hash: u64) -> bool {
        hash & mask(self.depth) == self.bits
    }

    /// The bit by which its keys are split.
    #[must_use]
    pub fn next_bit(self, hash: u64) -> bool {
        self.depth < Self::DEPTH_MAX && hash >> (Self::DEPTH_MAX - 1 - self.depth) & 1 == 1
    }

    /// Whether it can't be split further.
    #[must_use]
    pub fn is_smallest(self) -> bool {
        self.depth == Self::DEPTH_MAX
    }

    fn of(hash: u64, depth: u32) -> Self {
        Self { bits: hash & mask(depth), depth }
    }
}

fn mask(depth: u32) -> u64 {
    u64::MAX.checked_shl(Bucket::DEPTH_MAX - depth).unwrap_or(0)
}

/// Its bits, as `b0110`; `b` for the bucket of all keys.
impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("b")?;
        (0..self.depth).try_for_each(|bit| write!(formatter, "{}", self.bits >> (Self::DEPTH_MAX - 1 - bit) & 1))
    }
}

/// A text that names no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it names no bucket")]
pub struct BucketError;

impl FromStr for Bucket {
    type Err = BucketError;

    fn from_str(text: &str) -> Result<Self, BucketError> {
        let bits = text.strip_prefix('b').filter(|bits| bits.len() <= Self::DEPTH_MAX as usize).ok_or(BucketError)?;
        bits.chars().try_fold(Self::ALL, |bucket, bit| match bit {
            '0' => Ok(bucket.child(false)),
            '1' => Ok(bucket.child(true)),
            _ => Err(BucketError),
        })
    }
}

impl FromIterator<Bucket> for Buckets {
    fn from_iter<T: IntoIterator<Item = Bucket>>(buckets: T) -> Self {
        Self(buckets.into_iter().collect())
    }
}

impl Buckets {
    /// The bucket of a key: the one that there is, or else the largest that overlaps with no other.
    #[must_use]
    pub fn of(&self, hash: u64) -> Bucket {
        let found = (0..=Bucket::DEPTH_MAX).map(|depth| Bucket::of(hash, depth)).find(|bucket| self.0.contains(bucket));
        found.unwrap_or_else(|| {
            let free =
                (0..=Bucket::DEPTH_MAX).map(|depth| Bucket::of(hash, depth)).find(|bucket| !self.overlaps(*bucket));
            free.unwrap_or(Bucket::of(hash, Bucket::DEPTH_MAX))
        })
    }

    /// Whether any bucket lies within `outer`.
    fn overlaps(&self, outer: Bucket) -> bool {
        // They are ordered by their bits, and what lies within begins with those of `outer`.
        self.0.range(Bucket { bits: outer.bits, depth: 0 }..).next().is_some_and(|bucket| outer.contains(bucket.bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_its_bits() {
        for text in ["b", "b0", "b1", "b0110", &format!("b{}", "10".repeat(32))] {
            assert_eq!(text, text.parse::<Bucket>().unwrap().to_string());
        }
        for text in ["", "x", "b2", &format!("b{}", "1".repeat(65))] {
            assert!(text.parse::<Bucket>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_belongs_to_one_of_two_children() {
        let mut bucket = Bucket::ALL;
        let hash = 0xa5c3_0000_0000_0001;
        for _ in 0..64 {
            assert!(bucket.contains(hash));
            let (taken, other) = (bucket.child(bucket.next_bit(hash)), bucket.child(!bucket.next_bit(hash)));
            assert!(taken.contains(hash) && !other.contains(hash));
            bucket = taken;
        }
        assert!(bucket.is_smallest());
    }

    #[test]
    fn a_key_goes_to_its_bucket_or_to_the_largest_gap() {
        let bucket = |text: &str| text.parse::<Bucket>().unwrap();
        let buckets: Buckets = ["b00", "b010", "b1"].into_iter().map(bucket).collect();
        assert_eq!(bucket("b1"), buckets.of(0xffff_0000_0000_0000));
        assert_eq!(bucket("b00"), buckets.of(0x0fff_0000_0000_0000));
        assert_eq!(bucket("b010"), buckets.of(0x4000_0000_0000_0000));
        assert_eq!(bucket("b011"), buckets.of(0x6000_0000_0000_0001));
        assert_eq!(Bucket::ALL, Buckets::default().of(7));
    }
}
