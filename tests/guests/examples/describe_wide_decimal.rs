//! Has a decimal of 99 digits.

use guests::innocent;
use guests::types::{ColumnType, DecimalType, Manifest};

guests::guest!(describe: describe);

fn describe() -> Manifest {
    let mut manifest = innocent::manifest();
    manifest.star_tables[0].fields[4].type_ = ColumnType::Decimal(DecimalType { precision: 99, scale: 3 });
    manifest
}
