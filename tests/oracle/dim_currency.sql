-- The latest value of each currency, named by ISO 4217; a code without a name here is rejected.
WITH latest AS (
    SELECT * FROM currency
    QUALIFY row_number() OVER (PARTITION BY currency_id ORDER BY _record DESC) = 1
),
iso_4217 (code, name) AS (
    VALUES ('GBP', 'Pound Sterling'), ('USD', 'US Dollar'), ('EUR', 'Euro')
)
SELECT
    CAST(currency_id AS INTEGER) AS currency_id,
    currency_code,
    name AS currency_name
FROM latest
INNER JOIN iso_4217 ON code = currency_code
ORDER BY currency_id
