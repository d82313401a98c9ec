-- One row for each version of a purchase order, numbered in the order in which the versions arrived.
WITH typed AS (
    SELECT
        CAST(_record AS INTEGER) AS purchase_record_id,
        CAST(purchase_order_id AS INTEGER) AS purchase_order_id,
        TRY_CAST(created_at AS TIMESTAMP) AS created,
        TRY_CAST(last_updated AS TIMESTAMP) AS updated,
        CAST(staff_id AS INTEGER) AS staff_id,
        CAST(counterparty_id AS INTEGER) AS counterparty_id,
        item_code,
        CAST(item_quantity AS INTEGER) AS item_quantity,
        TRY_CAST(item_unit_price AS DECIMAL(10, 2)) AS item_unit_price,
        CAST(currency_id AS INTEGER) AS currency_id,
        CASE WHEN regexp_full_match(agreed_delivery_date, '\d{4}-\d{2}-\d{2}')
            THEN TRY_CAST(agreed_delivery_date AS DATE) END AS agreed_delivery_date,
        CASE WHEN regexp_full_match(agreed_payment_date, '\d{4}-\d{2}-\d{2}')
            THEN TRY_CAST(agreed_payment_date AS DATE) END AS agreed_payment_date,
        CAST(agreed_delivery_location_id AS INTEGER) AS agreed_delivery_location_id
    FROM purchase_order
)
SELECT
    purchase_record_id,
    purchase_order_id,
    CAST(created AS DATE) AS created_date,
    CAST(created AS TIME) AS created_time,
    CAST(updated AS DATE) AS last_updated_date,
    CAST(updated AS TIME) AS last_updated_time,
    staff_id,
    counterparty_id,
    item_code,
    item_quantity,
    item_unit_price,
    currency_id,
    agreed_delivery_date,
    agreed_payment_date,
    agreed_delivery_location_id
FROM typed
-- No column is nullable, and a date has to be one of the calendar: not NaN, not infinity, no text that is no date.
WHERE COLUMNS(*) IS NOT NULL
    AND isfinite(created)
    AND isfinite(updated)
ORDER BY purchase_record_id
