-- The latest value of each counterparty, with its legal address as it is now.
WITH latest AS (
    SELECT * FROM counterparty
    QUALIFY row_number() OVER (PARTITION BY counterparty_id ORDER BY _record DESC) = 1
),
latest_address AS (
    SELECT * FROM address
    QUALIFY row_number() OVER (PARTITION BY address_id ORDER BY _record DESC) = 1
)
SELECT
    CAST(counterparty_id AS INTEGER) AS counterparty_id,
    counterparty_legal_name,
    address_line_1 AS counterparty_legal_address_line_1,
    address_line_2 AS counterparty_legal_address_line_2,
    district AS counterparty_legal_district,
    city AS counterparty_legal_city,
    postal_code AS counterparty_legal_postal_code,
    country AS counterparty_legal_country,
    phone AS counterparty_legal_phone_number
FROM latest
INNER JOIN latest_address ON latest_address.address_id = latest.legal_address_id
ORDER BY counterparty_id
