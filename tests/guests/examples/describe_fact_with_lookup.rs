//! Is a fact with a lookup.

use guests::innocent;
use guests::types::{Lookup, Manifest};

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    manifest.lookups.push(Lookup {
        table: "department".to_owned(),
        source_column: "id".to_owned(),
        key: "department_id".to_owned(),
        columns: Vec::new(),
    });
    manifest
}
