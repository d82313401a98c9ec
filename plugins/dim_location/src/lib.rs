//! Locations: the addresses that goods are delivered to.

use sdk::{Context, Reject, Source, Star};

/// An address as it stands in ToteSys.
#[derive(Source)]
#[source(table = "address")]
pub struct Address<'a> {
    address_id: i32,
    address_line_1: &'a str,
    address_line_2: Option<&'a str>,
    district: Option<&'a str>,
    city: &'a str,
    postal_code: &'a str,
    country: &'a str,
    phone: &'a str,
}

/// A place that goods are delivered to.
#[derive(Star)]
#[star(dimension, key = "location_id")]
pub struct DimLocation<'a> {
    /// The location: the source's `address_id`.
    location_id: i32,
    /// The first line of the address.
    address_line_1: &'a str,
    /// The second line, where there is one.
    address_line_2: Option<&'a str>,
    /// The district, where there is one.
    district: Option<&'a str>,
    /// The city.
    city: &'a str,
    /// The postal code; leading zeros count.
    postal_code: &'a str,
    /// The country.
    country: &'a str,
    /// The telephone number.
    phone: &'a str,
}

fn transform<'a>(address: &Address<'a>, _context: &Context<'_>) -> Result<DimLocation<'a>, Reject> {
    Ok(DimLocation {
        location_id: address.address_id,
        address_line_1: address.address_line_1,
        address_line_2: address.address_line_2,
        district: address.district,
        city: address.city,
        postal_code: address.postal_code,
        country: address.country,
        phone: address.phone,
    })
}

sdk::plugin!(transform: Address => DimLocation);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
