// Write a star-schema transform as one function from a source row to a star row.
//
//     JSON line ──► source row ──► your function ──► star rows ──► columns of the contract
//                                      └── throw new Reject(..): the line makes no row, the others go on
//
// `fact_sales_order.js` shows all of it. The columns of a source table and the fields of a star table have these types:
//
//     type            JSON                                                        value in JavaScript
//     boolean()       true, false                                                 boolean
//     int32()         a number without fraction and exponent                      number
//     int64()         the same                                                    bigint
//     float64()       a number, or "NaN", "Infinity", "-Infinity"                 number
//     decimal(p, s)   a number of at most s digits behind the point               Decimal, exact
//     date()          "2022-11-03"                                                number of days since 1970-01-01
//     time()          "14:20:49.962", 0 to 6 digits of a fraction                 number of microseconds since midnight
//     timestamp()     "2022-11-03T14:20:49.962", perhaps an offset from UTC       Timestamp, UTC: its date and its time
//     utf8()          a text                                                      string
//     lookup(..)      the row of another table, which the host joins into it      object
//
// `{ nullable: true }` takes nulls, and lines without the column, as `null`; without it they are rejects.

import { write } from "star:transform/log@0.1.0";
import { Source } from "./source.js";
import { StarTable } from "./table.js";

export { Timestamp, daysOf, yearMonthDay } from "./calendar.js";
export { Decimal } from "./decimal.js";
export { definePlugin } from "./plugin.js";
export { Reject } from "./reject.js";
export { lookup } from "./source.js";
export { boolean, date, decimal, float64, int32, int64, time, timestamp, utf8 } from "./values.js";

/// A source table, or a looked-up one, and its columns: `{ name: type, .. }`.
export function source(table, columns) {
  return new Source(table, columns);
}

/// A star table with one row for each version of a source row: `{ key, comment, fields: { name: type, .. } }`.
export function fact(name, options) {
  return new StarTable("fact", name, options);
}

/// A star table with one row for each key: the latest value.
export function dimension(name, options) {
  return new StarTable("dimension", name, options);
}

/// Writes a line to the host's log; `level` is "debug", "info" or "warning".
export function log(message, level = "info") {
  write(level, message);
}
