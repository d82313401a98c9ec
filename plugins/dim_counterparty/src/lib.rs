//! Counterparties, each with the legal address as it is now.

use sdk::{Context, Reject, Source, Star};

/// A counterparty as it stands in ToteSys.
#[derive(Source)]
#[source(table = "counterparty")]
pub struct Counterparty<'a> {
    counterparty_id: i32,
    counterparty_legal_name: &'a str,
    legal_address_id: i32,
    #[source(lookup = "address", column = "legal_address_id", key = "address_id")]
    address: Option<Address<'a>>,
}

/// The address that the host joins in.
#[derive(Source)]
pub struct Address<'a> {
    address_line_1: &'a str,
    address_line_2: Option<&'a str>,
    district: Option<&'a str>,
    city: &'a str,
    postal_code: &'a str,
    country: &'a str,
    phone: &'a str,
}

/// A firm that is traded with.
#[derive(Star)]
#[star(dimension, key = "counterparty_id")]
pub struct DimCounterparty<'a> {
    /// The counterparty.
    counterparty_id: i32,
    /// The name by which the firm is registered.
    counterparty_legal_name: &'a str,
    /// The first line of the legal address.
    counterparty_legal_address_line_1: &'a str,
    /// The second line, where there is one.
    counterparty_legal_address_line_2: Option<&'a str>,
    /// The district, where there is one.
    counterparty_legal_district: Option<&'a str>,
    /// The city.
    counterparty_legal_city: &'a str,
    /// The postal code; leading zeros count.
    counterparty_legal_postal_code: &'a str,
    /// The country.
    counterparty_legal_country: &'a str,
    /// The telephone number at the legal address.
    counterparty_legal_phone_number: &'a str,
}

fn transform<'a>(counterparty: &Counterparty<'a>, _context: &Context<'_>) -> Result<DimCounterparty<'a>, Reject> {
    let address_id = counterparty.legal_address_id;
    let address = counterparty.address.as_ref().ok_or_else(|| {
        Reject::new("no-address", format!("there is no address `{address_id}`")).column("legal_address_id")
    })?;
    Ok(DimCounterparty {
        counterparty_id: counterparty.counterparty_id,
        counterparty_legal_name: counterparty.counterparty_legal_name,
        counterparty_legal_address_line_1: address.address_line_1,
        counterparty_legal_address_line_2: address.address_line_2,
        counterparty_legal_district: address.district,
        counterparty_legal_city: address.city,
        counterparty_legal_postal_code: address.postal_code,
        counterparty_legal_country: address.country,
        counterparty_legal_phone_number: address.phone,
    })
}

sdk::plugin!(transform: Counterparty => DimCounterparty);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
