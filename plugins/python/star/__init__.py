"""Write a star-schema transform as one function from a source row to a star row.

    JSON line ──► Source row ──► your function ──► Star rows ──► columns of the contract
                                     └── raise Reject: the line makes no row, the others go on

`fact_sales_order.py` shows all of it. A source table is a class of `Source`, a star table one of `Fact` or `Dimension`;
their columns are these types:

    type            JSON                                                        value in Python
    Boolean         true, false                                                 bool
    Int32, Int64    a number without fraction and exponent                      int
    Float64         a number, or "NaN", "Infinity", "-Infinity"                 float
    Decimal(p, s)   a number of at most s digits behind the point               decimal.Decimal, exact
    Date            "2022-11-03"                                                datetime.date
    Time            "14:20:49.962", 0 to 6 digits of a fraction                 datetime.time
    Timestamp       "2022-11-03T14:20:49.962", perhaps an offset from UTC       datetime.datetime, UTC, without a zone
    Utf8            a text                                                      str
    Lookup          the row of another table, which the host joins into it      an object of its Source class

`nullable=True` takes nulls, and lines without the column, as `None`; without it they are rejects.
"""

from wit_world.imports import log as host_log

from star.context import Context
from star.plugin import plugin
from star.reject import Reject
from star.source import Lookup, Source
from star.table import Dimension, Fact
from star.values import Boolean, Date, Decimal, Float64, Int32, Int64, Time, Timestamp, Utf8

__all__ = [
    "Boolean",
    "Context",
    "Date",
    "Decimal",
    "Dimension",
    "Fact",
    "Float64",
    "Int32",
    "Int64",
    "Lookup",
    "Reject",
    "Source",
    "Time",
    "Timestamp",
    "Utf8",
    "log",
    "plugin",
]


def log(message, level="info"):
    """Writes a line to the host's log; `level` is "debug", "info" or "warning"."""
    host_log.write(host_log.Level[level.upper()], message)
