//! Never ends to describe itself.

use guests::innocent;
use guests::types::Manifest;
use std::hint::black_box;

guests::guest!(describe: describe);

fn describe() -> Manifest {
    while black_box(true) {}
    innocent::manifest()
}
