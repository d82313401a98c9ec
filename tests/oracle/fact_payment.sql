-- One row for each version of a payment, numbered in the order in which the versions arrived; without account numbers.
WITH typed AS (
    SELECT
        CAST(_record AS INTEGER) AS payment_record_id,
        CAST(payment_id AS INTEGER) AS payment_id,
        TRY_CAST(created_at AS TIMESTAMP) AS created,
        TRY_CAST(last_updated AS TIMESTAMP) AS updated,
        CAST(transaction_id AS INTEGER) AS transaction_id,
        CAST(counterparty_id AS INTEGER) AS counterparty_id,
        TRY_CAST(payment_amount AS DECIMAL(10, 2)) AS payment_amount,
        CAST(currency_id AS INTEGER) AS currency_id,
        CAST(payment_type_id AS INTEGER) AS payment_type_id,
        CAST(paid AS BOOLEAN) AS paid,
        CASE WHEN regexp_full_match(payment_date, '\d{4}-\d{2}-\d{2}')
            THEN TRY_CAST(payment_date AS DATE) END AS payment_date
    FROM payment
)
SELECT
    payment_record_id,
    payment_id,
    CAST(created AS DATE) AS created_date,
    CAST(created AS TIME) AS created_time,
    CAST(updated AS DATE) AS last_updated_date,
    CAST(updated AS TIME) AS last_updated_time,
    transaction_id,
    counterparty_id,
    payment_amount,
    currency_id,
    payment_type_id,
    paid,
    payment_date
FROM typed
-- No column is nullable, and a date has to be one of the calendar: not NaN, not infinity, no text that is no date.
WHERE COLUMNS(*) IS NOT NULL
    AND isfinite(created)
    AND isfinite(updated)
ORDER BY payment_record_id
