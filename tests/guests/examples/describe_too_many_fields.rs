//! Has so many fields that the host must not even take them.

use guests::innocent;
use guests::types::{ColumnType, Manifest};

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    let fields = (0..100_000).map(|_| innocent::field("", ColumnType::Int32, false));
    manifest.star_tables[0].fields.extend(fields);
    manifest
}
