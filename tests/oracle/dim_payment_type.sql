-- The latest value of each payment type.
WITH latest AS (
    SELECT * FROM payment_type
    QUALIFY row_number() OVER (PARTITION BY payment_type_id ORDER BY _record DESC) = 1
)
SELECT
    CAST(payment_type_id AS INTEGER) AS payment_type_id,
    payment_type_name
FROM latest
ORDER BY payment_type_id
