-- One row for each version of a sales order, numbered in the order in which the versions arrived.
WITH typed AS (
    SELECT
        CAST(_record AS INTEGER) AS sales_record_id,
        CAST(sales_order_id AS INTEGER) AS sales_order_id,
        TRY_CAST(created_at AS TIMESTAMP) AS created,
        TRY_CAST(last_updated AS TIMESTAMP) AS updated,
        CAST(staff_id AS INTEGER) AS sales_staff_id,
        CAST(counterparty_id AS INTEGER) AS counterparty_id,
        CAST(units_sold AS INTEGER) AS units_sold,
        TRY_CAST(unit_price AS DECIMAL(10, 2)) AS unit_price,
        CAST(currency_id AS INTEGER) AS currency_id,
        CAST(design_id AS INTEGER) AS design_id,
        CASE WHEN regexp_full_match(agreed_payment_date, '\d{4}-\d{2}-\d{2}')
            THEN TRY_CAST(agreed_payment_date AS DATE) END AS agreed_payment_date,
        CASE WHEN regexp_full_match(agreed_delivery_date, '\d{4}-\d{2}-\d{2}')
            THEN TRY_CAST(agreed_delivery_date AS DATE) END AS agreed_delivery_date,
        CAST(agreed_delivery_location_id AS INTEGER) AS agreed_delivery_location_id
    FROM sales_order
)
SELECT
    sales_record_id,
    sales_order_id,
    CAST(created AS DATE) AS created_date,
    CAST(created AS TIME) AS created_time,
    CAST(updated AS DATE) AS last_updated_date,
    CAST(updated AS TIME) AS last_updated_time,
    sales_staff_id,
    counterparty_id,
    units_sold,
    unit_price,
    currency_id,
    design_id,
    agreed_payment_date,
    agreed_delivery_date,
    agreed_delivery_location_id
FROM typed
-- No column is nullable, and a date has to be one of the calendar: not NaN, not infinity, no text that is no date.
WHERE COLUMNS(*) IS NOT NULL
    AND isfinite(created)
    AND isfinite(updated)
ORDER BY sales_record_id
