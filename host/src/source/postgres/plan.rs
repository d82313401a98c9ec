//! Which rows are to be read: the change cursor as SQL.
//!
//! `snapshot`: a row's version carries the transaction that wrote it, `xmin`. Everything below the oldest transaction that ran when
//! the last snapshot was taken was finished then, and had been seen; so what is new is among the rows whose `xmin` is not
//! older. The filter by hash makes of that bound exactly the changes.

use super::discover::PostgresTable;
use super::{literal, quote};
use crate::packet::CursorPosition;
use crate::source::{Cursor, LAST_UPDATED, Plan, Request, SourceError};
use chrono::{Datelike, NaiveDateTime, NaiveTime, TimeDelta};

/// Transactions are compared by their distance, which has 31 bits; so many are left for those that begin while a run runs.
const AGE_MARGIN: u64 = 100_000_000;

/// The snapshot in which all tables are read.
#[derive(Clone, Debug)]
pub(super) struct SnapshotPosition {
    /// `pg_current_snapshot()`.
    pub(super) text: String,
    pub(super) xmin: u64,
    pub(super) xmax: u64,
    /// The server, its timeline and the database.
    pub(super) system: String,
    /// By the clock of a table's columns, a moment that no transaction writes rows before that are still to be seen; `None` if
    /// that can't be told.
    pub(super) horizon: Option<NaiveDateTime>,
    /// Whether the server follows another.
    is_replica: bool,
}

impl SnapshotPosition {
    /// The position that the text of a snapshot tells, with no horizon.
    pub(super) fn parse(text: &str, system: String, is_replica: bool) -> Option<Self> {
        let mut parts = text.split(':');
        let (xmin, xmax) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { text: text.to_owned(), xmin, xmax, system, horizon: None, is_replica })
    }

    fn cursor(&self, fingerprint: String) -> CursorPosition {
        CursorPosition::Snapshot { snapshot: self.text.clone(), xmin: self.xmin, xmax: self.xmax, fingerprint }
    }
}

/// Answers a request in a snapshot.
pub(super) fn plan(
    table: &PostgresTable,
    cursor: &Cursor,
    request: &Request,
    known: &CursorPosition,
    is_sorted: bool,
    now: &SnapshotPosition,
) -> Result<Plan, SourceError> {
    if let CursorPosition::Snapshot { xmax, .. } = known
        && now.is_replica
        && now.xmax < *xmax
    {
        return Err(SourceError::Behind { table: table.table.name.clone() });
    }
    let fingerprint = crate::text::sha256(format!("{}\n{}", now.system, table.fingerprint).as_bytes());
    let selection = match (request, cursor) {
        (Request::Range { from, to }, _) => {
            let usual = vec![LAST_UPDATED.to_owned()];
            let columns = if let Cursor::LastUpdated { columns, .. } = cursor { columns } else { &usual };
            let condition = between(table, columns, Some(*from), Some(*to))?;
            let window = format!("{} in [{}, {})", columns.join(", "), iso(*from), iso(*to));
            Selection { condition, window, cursor: CursorPosition::None }
        }
        (Request::Whole | Request::Changes, Cursor::Snapshot) => {
            let (condition, window) = match request {
                Request::Changes => since(known, now, &fingerprint),
                _ => (None, "the whole table".to_owned()),
            };
            Selection { condition, window, cursor: now.cursor(fingerprint) }
        }
        (Request::Whole, _) | (_, Cursor::Full) => {
            let cursor = match cursor {
                Cursor::LastUpdated { columns, lag_seconds } => moved(None, columns, *lag_seconds, now, fingerprint),
                Cursor::Snapshot | Cursor::Full => CursorPosition::Full,
            };
            Selection { condition: None, window: "the whole table".to_owned(), cursor }
        }
        (Request::Changes, Cursor::LastUpdated { columns, lag_seconds }) => {
            let from = match known {
                CursorPosition::LastUpdated { to, columns: same, fingerprint: known }
                    if *known == fingerprint && same == columns =>
                {
                    parse_iso(to)
                }
                _ => None,
            };
            let window = match from {
                Some(from) => format!("{} from {}", columns.join(", "), iso(from)),
                None => "the whole table: it was not read by these columns before".to_owned(),
            };
            let condition = between(table, columns, from, None)?;
            let cursor = moved(from, columns, *lag_seconds, now, fingerprint);
            Selection { condition, window, cursor }
        }
    };
    let Selection { condition, window, cursor } = selection;
    // Where keys may not be unique, rows with the same one are to follow one another.
    let query = statement(table, condition.as_deref(), is_sorted || !table.is_key_unique);
    Ok(Plan { is_ordered: is_sorted, cursor, window, query })
}

struct Selection {
    condition: Option<String>,
    window: String,
    cursor: CursorPosition,
}

/// The rows that may have changed since a snapshot: a condition, or none, for all.
fn since(known: &CursorPosition, now: &SnapshotPosition, fingerprint: &str) -> (Option<String>, String) {
    let all = |why: &str| (None, format!("the whole table: {why}"));
    let CursorPosition::Snapshot { xmin, xmax, fingerprint: known, .. } = known else {
        return all("it was not read by snapshots before");
    };
    if now.xmax < *xmax || now.xmin < *xmin {
        return all("the server's transactions went backwards");
    }
    if now.xmax - xmin > (1 << 31) - AGE_MARGIN {
        return all("too many transactions since the last run to be compared");
    }
    if known != fingerprint {
        return all("server, table or columns are not those of the last run");
    }
    let condition = format!("age(xmin) BETWEEN 0 AND age('{}'::xid)", xmin % (1 << 32));
    (Some(condition), format!("transactions from {xmin}"))
}

/// Where a cursor by columns stands: behind all transactions that are running, and never behind where it stood. What is
/// younger is read, too, and again the next time; the filter by hash sees to it that it comes once.
fn moved(
    from: Option<NaiveDateTime>,
    columns: &[String],
    lag_seconds: u32,
    now: &SnapshotPosition,
    fingerprint: String,
) -> CursorPosition {
    let lag = TimeDelta::seconds(lag_seconds.into());
    let horizon = now.horizon.and_then(|horizon| horizon.checked_sub_signed(lag)).filter(is_usual);
    // Nowhere to stand: the next run reads everything again.
    let Some(to) = horizon.max(from) else { return CursorPosition::None };
    CursorPosition::LastUpdated { to: iso(to), columns: columns.to_vec(), fingerprint }
}

/// The rows whose newest value in `columns` lies between two moments; without an end also those that have none. Without any bound
/// there is no condition.
fn between(
    table: &PostgresTable,
    columns: &[String],
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
) -> Result<Option<String>, SourceError> {
    let (moment, from) = moment_of(table, columns, from)?;
    let bound = |sign: &str, bound: NaiveDateTime| format!("{moment} {sign} {}::timestamp", literal(&sql(bound)));
    let bounds = [from.map(|from| bound(">=", from)), to.map(|to| bound("<", to))];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() {
        return Ok(None);
    }
    let within = bounds.join(" AND ");
    Ok(Some(if to.is_none() { format!("({within} OR {moment} IS NULL)") } else { within }))
}

/// The horizon of `columns`, as SQL: as long before their newest value as the moment `settled`, by the server's clock, is before
/// now. The columns may have another clock, of another time zone, say: but whoever writes rows that are still to be seen began
/// after `settled`, and the rows that are there were written until now. Values that lie ahead of the clock say nothing, and so
/// do those of no calendar.
pub(super) fn horizon_query(table: &PostgresTable, columns: &[String], settled: &str) -> Result<String, SourceError> {
    let (moment, _) = moment_of(table, columns, None)?;
    let known = "BETWEEN timestamp '0001-01-01' AND statement_timestamp() AT TIME ZONE 'UTC'";
    Ok(format!(
        "SELECT max({moment}) FILTER (WHERE {moment} {known}) - (statement_timestamp() - {settled}::timestamptz) FROM {}",
        table.from
    ))
}

/// When a row was changed, by the newest of `columns`, as SQL; and the bound `from`, as exact as those columns are.
fn moment_of(
    table: &PostgresTable,
    columns: &[String],
    from: Option<NaiveDateTime>,
) -> Result<(String, Option<NaiveDateTime>), SourceError> {
    let bad =
        |reason: String| SourceError::BadCursor { table: table.table.name.clone(), cursor: "last_updated", reason };
    let (mut moments, mut from) = (Vec::new(), from);
    for name in columns {
        let column = table.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| bad(format!("it has no column `{name}`")))?;
        use super::types::Decoder;
        moments.push(match column.decoder {
            Decoder::Timestamp => quote(name),
            Decoder::TimestampTz => format!("{} AT TIME ZONE 'UTC'", quote(name)),
            Decoder::Date => {
                // A day goes on after its first moment, and rows may change until it ends. There are days that no timestamp has.
                from = from.map(|from| from.date().and_time(NaiveTime::MIN));
                let name = quote(name);
                format!("CASE WHEN {name} > date '294276-12-31' THEN timestamp 'infinity' ELSE {name}::timestamp END")
            }
            _ => return Err(bad(format!("`{name}` is no timestamp"))),
        });
    }
    let moment = match &moments[..] {
        [] => return Err(bad("no column is named".to_owned())),
        [one] => one.clone(),
        several => format!("greatest({})", several.join(", ")),
    };
    Ok((moment, from))
}

/// The columns of a table, as they stand after SELECT.
pub(super) fn columns_of(table: &PostgresTable) -> String {
    table.columns.iter().map(|column| column.select.as_str()).collect::<Vec<_>>().join(", ")
}

fn statement(table: &PostgresTable, condition: Option<&str>, has_order: bool) -> String {
    let mut query = format!("SELECT {} FROM {}", columns_of(table), table.from);
    if let Some(condition) = condition {
        query.push_str(" WHERE ");
        query.push_str(condition);
    }
    if has_order {
        let column = |name: &String| table.columns.iter().find(|column| column.name == *name);
        let order: Vec<&str> = table.table.key.iter().filter_map(column).map(|column| column.order.as_str()).collect();
        query.push_str(" ORDER BY ");
        query.push_str(&order.join(", "));
    }
    format!("COPY ({query}) TO STDOUT (FORMAT binary)")
}

const ISO: &str = "%Y-%m-%dT%H:%M:%S%.f";

fn iso(moment: NaiveDateTime) -> String {
    moment.format(ISO).to_string()
}

/// The moment of a cursor; none that another program would spell in another way.
fn parse_iso(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, ISO).ok().filter(is_usual)
}

/// Whether a moment has a year of four digits.
fn is_usual(moment: &NaiveDateTime) -> bool {
    (1..=9_999).contains(&moment.year())
}

/// A moment as Postgres reads it; before its calendar begins, an infinity.
fn sql(moment: NaiveDateTime) -> String {
    let rest = moment.format("-%m-%dT%H:%M:%S%.f");
    match moment.year() {
        year @ 1.. => format!("{year:04}{rest}"),
        year @ -4_712.. => format!("{:04}{rest} BC", 1 - year),
        _ => "-infinity".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_spelt_as_postgres_reads_them() {
        for (moment, expected) in [
            ("2024-11-14T10:00:00.5", "2024-11-14T10:00:00.500"),
            ("0044-01-01T00:00:00", "0044-01-01T00:00:00"),
            ("0000-01-01T00:00:00", "0001-01-01T00:00:00 BC"),
            ("-0043-03-15T00:00:00", "0044-03-15T00:00:00 BC"),
            ("+10000-01-01T00:00:00", "10000-01-01T00:00:00"),
        ] {
            assert_eq!(expected, sql(moment.parse().unwrap()));
        }
        assert_eq!("-infinity", sql(NaiveDateTime::MIN));
    }
}
