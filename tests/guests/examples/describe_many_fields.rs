//! Has more fields than a table can have, though not more than a host can hold.

use guests::innocent;
use guests::types::{ColumnType, Manifest};

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    let fields = (0..10_000).map(|index| innocent::field(&format!("field_{index}"), ColumnType::Int32, false));
    manifest.star_tables[0].fields.extend(fields);
    manifest
}
