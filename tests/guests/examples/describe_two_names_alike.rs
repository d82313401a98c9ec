//! Names two fields alike.

use guests::innocent;
use guests::types::Manifest;

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    let table = &mut manifest.star_tables[0];
    table.fields.push(table.fields[1].clone());
    manifest
}
