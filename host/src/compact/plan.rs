//! Which files become one: a function of the files alone.

use super::JoinLimits;
use crate::star::{Metadata, TableFile};
use std::ops::Range;
use std::sync::Arc;

/// The key of the metadata that names the packets of a file.
const INPUT: &str = "star:input";

/// Where the rows of a file come from, but for the packets. Only files of one origin are joined.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The source table.
    source: String,
    /// What else the metadata says: the plugin, its version and digest, ...
    made_by: Vec<(String, String)>,
}

/// A file of a fact that may be joined with its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) file: TableFile,
    /// The first and the last packet of which it holds rows.
    pub(super) span: (u64, u64),
    pub(super) origin: Arc<Origin>,
}

impl Origin {
    /// The origin of a file with this metadata; `None` if it does not name packets of a table.
    pub(super) fn new(metadata: Vec<(String, String)>) -> Option<Self> {
        let (input, made_by): (Vec<_>, Vec<_>) = metadata.into_iter().partition(|(key, _)| key == INPUT);
        let (source, _) = input.first()?.1.rsplit_once('/')?;
        Some(Self { source: source.to_owned(), made_by })
    }

    /// The metadata of a file of this origin with the rows of some packets.
    pub(super) fn metadata(&self, (first, last): (u64, u64)) -> Metadata {
        let metadata = Metadata::default().with(INPUT, format!("{}/{first:08}..{last:08}", self.source));
        self.made_by.iter().fold(metadata, |metadata, (key, value)| metadata.with(key, value))
    }
}

/// The files in the order of their packets, those of one source after the other.
pub(super) fn sort(files: &mut [Candidate]) {
    files.sort_by(|a, b| (&a.origin.source, a.span, &a.file.path).cmp(&(&b.origin.source, b.span, &b.file.path)));
}

/// The stretches of neighbours, of two files or more, that become one file each.
pub(super) fn stretches(files: &[Candidate], limits: JoinLimits) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut start = 0;
    while start < files.len() {
        let end = end_of_stretch(files, start, limits);
        if end - start > 1 {
            stretches.push(start..end);
        }
        start = end;
    }
    stretches
}

fn end_of_stretch(files: &[Candidate], start: usize, limits: JoinLimits) -> usize {
    let first = &files[start];
    let (mut rows, mut bytes) = (first.file.rows, first.file.bytes);
    let mut end = start + 1;
    while let Some(next) = files.get(end) {
        (rows, bytes) = (rows + next.file.rows, bytes + next.file.bytes);
        if rows > limits.rows_max || bytes > limits.bytes_max || next.origin != first.origin {
            break;
        }
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: JoinLimits = JoinLimits { rows_max: 100, bytes_max: 1_000 };

    fn origin(version: &str) -> Arc<Origin> {
        let pairs = [(INPUT, "sales_order/00000001"), ("star:plugin-version", version)];
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Arc::new(Origin::new(pairs).unwrap())
    }

    fn files(sizes: &[(u64, u64)]) -> Vec<Candidate> {
        let origin = origin("1.0.0");
        let file = |(index, (rows, bytes)): (usize, &(u64, u64))| {
            let sequence = index as u64 + 1;
            let file = TableFile { path: format!("{sequence:08}-x.parquet"), bytes: *bytes, rows: *rows };
            Candidate { file, span: (sequence, sequence), origin: Arc::clone(&origin) }
        };
        sizes.iter().enumerate().map(file).collect()
    }

    #[test]
    fn neighbours_are_joined_as_far_as_rows_and_bytes_allow() {
        assert_eq!(vec![0..4], stretches(&files(&[(10, 10); 4]), LIMITS));
        assert_eq!(vec![0..2, 2..4], stretches(&files(&[(50, 10); 5]), LIMITS)[..]);
        assert_eq!(vec![0..3, 3..6], stretches(&files(&[(1, 300); 6]), LIMITS));
    }

    #[test]
    fn a_large_file_and_a_file_alone_are_left() {
        assert_eq!(vec![1..3], stretches(&files(&[(100, 1), (1, 1), (1, 1), (1, 1_000), (1, 1)]), LIMITS));
        assert!(stretches(&files(&[(500, 5_000), (500, 5_000)]), LIMITS).is_empty());
        assert!(stretches(&files(&[(1, 1)]), LIMITS).is_empty());
        assert!(stretches(&[], LIMITS).is_empty());
    }

    #[test]
    fn files_of_different_plugins_are_not_joined() {
        let mut files = files(&[(1, 1); 6]);
        files[3].origin = origin("1.1.0");
        files[4].origin = origin("1.1.0");
        assert_eq!(vec![0..3, 3..5], stretches(&files, LIMITS));
    }

    #[test]
    fn the_order_is_that_of_the_packets_source_by_source() {
        let mut files = files(&[(1, 1); 3]);
        let other = Origin::new(vec![(INPUT.to_owned(), "address/00000001".to_owned())]).unwrap();
        files[1].origin = Arc::new(other);
        files.swap(0, 2);
        sort(&mut files);
        assert_eq!(vec![2, 1, 3], files.iter().map(|file| file.span.0).collect::<Vec<_>>());
        assert_eq!(vec![1..3], stretches(&files, LIMITS));
    }

    #[test]
    fn once_joined_files_are_left_however_small_they_became() {
        for seed in 0..200_u64 {
            let size = |index: u64| (seed * 7 + index * 13) % 60 + 1;
            let mut files = files(&(0..50).map(|index| (size(index), size(index + 3) * 8)).collect::<Vec<_>>());
            let rows: u64 = files.iter().map(|file| file.file.rows).sum();
            let mut rounds = 0;
            loop {
                let found = stretches(&files, LIMITS);
                if found.is_empty() {
                    break;
                }
                for stretch in found.into_iter().rev() {
                    let joined: Vec<Candidate> = files.drain(stretch.clone()).collect();
                    let mut one = joined[0].clone();
                    one.file.rows = joined.iter().map(|file| file.file.rows).sum();
                    // What is joined is smaller than its parts.
                    one.file.bytes = joined.iter().map(|file| file.file.bytes).sum::<u64>() / 3;
                    assert!(one.file.rows <= LIMITS.rows_max);
                    files.insert(stretch.start, one);
                }
                rounds += 1;
            }
            assert!(rounds < 10, "{rounds}");
            assert_eq!(rows, files.iter().map(|file| file.file.rows).sum::<u64>());
        }
    }

    #[test]
    fn a_joined_file_says_which_packets_it_holds() {
        let expected =
            Metadata::default().with(INPUT, "sales_order/00000003..00000017").with("star:plugin-version", "1.0.0");
        assert_eq!(format!("{expected:?}"), format!("{:?}", origin("1.0.0").metadata((3, 17))));
        assert!(Origin::new(vec![("star:plugin".to_owned(), "x".to_owned())]).is_none());
    }
}
