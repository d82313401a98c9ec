//! Is a dimension with more lookups than can be compared with each other in any time.

use guests::innocent;
use guests::types::{Lookup, Manifest, StarKind};

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    manifest.star_tables[0].kind = StarKind::Dimension;
    let lookup = |index| Lookup {
        table: format!("t{index}"),
        source_column: "id".to_owned(),
        key: "id".to_owned(),
        columns: Vec::new(),
    };
    manifest.lookups.extend((0..15_000).map(lookup));
    manifest
}
