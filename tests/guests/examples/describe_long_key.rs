//! Has a key of more parts than fields.

use guests::innocent;
use guests::types::Manifest;

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    manifest.star_tables[0].key = vec!["record".to_owned(); 50_000];
    manifest
}
