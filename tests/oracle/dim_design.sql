-- The latest value of each design.
WITH latest AS (
    SELECT * FROM design
    QUALIFY row_number() OVER (PARTITION BY design_id ORDER BY _record DESC) = 1
)
SELECT
    CAST(design_id AS INTEGER) AS design_id,
    design_name,
    file_location,
    file_name
FROM latest
ORDER BY design_id
