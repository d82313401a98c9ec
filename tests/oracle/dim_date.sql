-- One row for each day of the years covered. Days of the week as ISO 8601 has them: Monday is 1, Sunday is 7.
WITH days AS (
    SELECT CAST("date" AS DATE) AS date_id FROM _calendar
)
SELECT
    date_id,
    CAST(year(date_id) AS INTEGER) AS year,
    CAST(month(date_id) AS INTEGER) AS month,
    CAST(day(date_id) AS INTEGER) AS day,
    CAST(isodow(date_id) AS INTEGER) AS day_of_week,
    dayname(date_id) AS day_name,
    monthname(date_id) AS month_name,
    CAST(quarter(date_id) AS INTEGER) AS quarter
FROM days
ORDER BY date_id
