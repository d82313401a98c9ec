//! Designs, each with the file that holds it.

use sdk::{Context, Reject, Source, Star};

/// A design as it stands in ToteSys.
#[derive(Source)]
#[source(table = "design")]
pub struct Design<'a> {
    design_id: i32,
    design_name: &'a str,
    file_location: &'a str,
    file_name: &'a str,
}

/// A design that is printed on bags.
#[derive(Star)]
#[star(dimension, key = "design_id")]
pub struct DimDesign<'a> {
    /// The design.
    design_id: i32,
    /// The name.
    design_name: &'a str,
    /// The folder of the design's file.
    file_location: &'a str,
    /// The name of the design's file.
    file_name: &'a str,
}

fn transform<'a>(design: &Design<'a>, _context: &Context<'_>) -> Result<DimDesign<'a>, Reject> {
    Ok(DimDesign {
        design_id: design.design_id,
        design_name: design.design_name,
        file_location: design.file_location,
        file_name: design.file_name,
    })
}

sdk::plugin!(transform: Design => DimDesign);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
