-- The latest value of each transaction; both order ids are null when the order was deleted.
WITH latest AS (
    SELECT * FROM "transaction"
    QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY _record DESC) = 1
)
SELECT
    CAST(transaction_id AS INTEGER) AS transaction_id,
    transaction_type,
    CAST(sales_order_id AS INTEGER) AS sales_order_id,
    CAST(purchase_order_id AS INTEGER) AS purchase_order_id
FROM latest
ORDER BY transaction_id
