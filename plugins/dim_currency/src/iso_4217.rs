//! The names that ISO 4217 gives to currencies.

/// The name of the currency with the code `code`: of those that a firm trading with Europe, the Americas, the Gulf and Asia
/// meets.
pub(crate) fn currency_name(code: &str) -> Option<&'static str> {
    Some(match code {
        "AED" => "UAE Dirham",
        "AUD" => "Australian Dollar",
        "BRL" => "Brazilian Real",
        "CAD" => "Canadian Dollar",
        "CHF" => "Swiss Franc",
        "CLP" => "Chilean Peso",
        "CNY" => "Yuan Renminbi",
        "CZK" => "Czech Koruna",
        "DKK" => "Danish Krone",
        "EUR" => "Euro",
        "GBP" => "Pound Sterling",
        "HKD" => "Hong Kong Dollar",
        "HUF" => "Forint",
        "IDR" => "Rupiah",
        "ILS" => "New Israeli Sheqel",
        "INR" => "Indian Rupee",
        "ISK" => "Iceland Krona",
        "JPY" => "Yen",
        "KRW" => "Won",
        "MXN" => "Mexican Peso",
        "MYR" => "Malaysian Ringgit",
        "NOK" => "Norwegian Krone",
        "NZD" => "New Zealand Dollar",
        "PHP" => "Philippine Peso",
        "PLN" => "Zloty",
        "RON" => "Romanian Leu",
        "SAR" => "Saudi Riyal",
        "SEK" => "Swedish Krona",
        "SGD" => "Singapore Dollar",
        "THB" => "Baht",
        "TRY" => "Turkish Lira",
        "TWD" => "New Taiwan Dollar",
        "USD" => "US Dollar",
        "VND" => "Dong",
        "ZAR" => "Rand",
        _ => return None,
    })
}
