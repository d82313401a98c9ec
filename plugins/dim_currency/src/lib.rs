//! Currencies, named as in ISO 4217.

mod iso_4217;

use sdk::{Context, Reject, Source, Star};

/// A currency as it stands in ToteSys.
#[derive(Source)]
#[source(table = "currency")]
pub struct Currency<'a> {
    currency_id: i32,
    currency_code: &'a str,
}

/// A currency.
#[derive(Star)]
#[star(dimension, key = "currency_id")]
pub struct DimCurrency<'a> {
    /// The currency.
    currency_id: i32,
    /// The code by ISO 4217, three letters.
    currency_code: &'a str,
    /// The name by ISO 4217.
    currency_name: &'static str,
}

fn transform<'a>(currency: &Currency<'a>, _context: &Context<'_>) -> Result<DimCurrency<'a>, Reject> {
    let code = currency.currency_code;
    let name = iso_4217::currency_name(code).ok_or_else(|| {
        Reject::new("unknown-currency", format!("found `{code}`, which `dim_currency` has no name for"))
            .column("currency_code")
    })?;
    Ok(DimCurrency { currency_id: currency.currency_id, currency_code: code, currency_name: name })
}

sdk::plugin!(transform: Currency => DimCurrency);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
