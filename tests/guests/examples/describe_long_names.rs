//! Has names of a MiB, with control characters.

use guests::innocent;
use guests::types::Manifest;

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    manifest.star_tables[0].fields[1].name = "\u{1b}[2J".repeat(256 * 1024);
    manifest
}
