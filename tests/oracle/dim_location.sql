-- The latest value of each address.
WITH latest AS (
    SELECT * FROM address
    QUALIFY row_number() OVER (PARTITION BY address_id ORDER BY _record DESC) = 1
)
SELECT
    CAST(address_id AS INTEGER) AS location_id,
    address_line_1,
    address_line_2,
    district,
    city,
    postal_code,
    country,
    phone
FROM latest
ORDER BY location_id
