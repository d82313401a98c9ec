-- The latest value of each person, with the department as it is now.
WITH latest AS (
    SELECT * FROM staff
    QUALIFY row_number() OVER (PARTITION BY staff_id ORDER BY _record DESC) = 1
),
latest_department AS (
    SELECT * FROM department
    QUALIFY row_number() OVER (PARTITION BY department_id ORDER BY _record DESC) = 1
)
SELECT
    CAST(latest.staff_id AS INTEGER) AS staff_id,
    first_name,
    last_name,
    department_name,
    location,
    email_address
FROM latest
INNER JOIN latest_department USING (department_id)
-- The source allows a department without a location, the dimension does not.
WHERE location IS NOT NULL
ORDER BY staff_id
