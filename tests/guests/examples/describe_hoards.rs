//! Wants all memory to describe itself.

use guests::innocent;
use guests::types::Manifest;
use std::hint::black_box;

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut hoard = Vec::new();
    while black_box(true) {
        hoard.push(Vec::<u8>::with_capacity(1024 * 1024));
    }
    innocent::manifest()
}
