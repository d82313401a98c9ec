"""A plugin: the loop over the lines of one call."""

import gc
from decimal import Context as DecimalContext
from decimal import setcontext
from itertools import compress

from wit_world.imports import types as contract

from star.context import Context
from star.decode import decode
from star.reject import Reject
from star.table import Star

# For arithmetic on decimals: the product of any two has at most 76 digits.
ARITHMETIC = DecimalContext(prec=76)

# Lines that are read at once: enough to make up for the cost of a column, and few enough that their objects take little memory.
BATCH_LINES = 1_000


def plugin(name, version, transform, source, *tables):
    """The class that a plugin's module must have under the name `Plugin`.

    `transform` takes a row of `source` and a `Context`, and returns a row of one of `tables`, a list of such rows, or
    `None` for no row.
    """

    class Plugin:
        def describe(self):
            star_tables = [table._star_table() for table in tables]
            return contract.Manifest(
                name, version, source._table, source._source_columns(), source._lookups(), star_tables
            )

        def transform(self, context, json_lines):
            setcontext(ARITHMETIC)
            lines = json_lines.split(b"\n")
            if not lines[-1]:
                lines.pop()
            call = Call(context, transform, source, tables)
            for start in range(0, len(lines), BATCH_LINES):
                call.add(lines[start : start + BATCH_LINES], start)
            return call.finish()

    # An instance lives for one call: what the rows leave behind goes when nothing refers to it, and cycles may stay.
    gc.disable()
    return Plugin


class Call:
    """What one call made so far."""

    def __init__(self, context, transform, source, tables):
        self.context = context
        self.transform = transform
        self.source = source
        self.collected = {table: Collected(table) for table in tables}
        self.rejects = []

    def add(self, lines, start):
        """Transforms lines, the first of which has the index `start` in the call."""
        objects, rejects = decode_all(lines)
        sources, bad = self.source._read(objects)
        rejects = bad | rejects
        made = {table: ([], []) for table in self.collected}
        for index, row in enumerate(sources):
            if index in rejects:
                continue
            try:
                for star in rows_of(self.transform(row, Context(self.context, start + index))):
                    rows, rows_lines = made[type(star)]
                    rows.append(star)
                    rows_lines.append(index)
            except Reject as reject:
                rejects[index] = reject
            except MemoryError:
                # The host finds the line that takes so much, and says so.
                raise
            except Exception as error:
                rejects[index] = Reject("exception", said(error))
        written = []
        for table, (rows, rows_lines) in made.items():
            columns, bad = table._write(rows)
            written.append(columns)
            for index, reject in bad.items():
                rejects.setdefault(rows_lines[index], reject)
        for (table, (_, rows_lines)), columns in zip(made.items(), written):
            self.collected[table].add(columns, rows_lines, rejects, start)
        for index in sorted(rejects):
            reject = rejects[index]
            self.rejects.append(contract.Reject(start + index, reject.code, reject.column, reject.message))

    def finish(self):
        return contract.Output([rows.finish() for rows in self.collected.values()], self.rejects)


class Collected:
    """The rows that a call made for a star table, and the line of each."""

    def __init__(self, table):
        self.fields = [field for _, _, field in table._fields]
        self.columns = [[] for _ in self.fields]
        self.lines = []

    def add(self, columns, lines, rejects, start):
        """Adds rows, but for those of rejected lines."""
        if rejects:
            kept = [line not in rejects for line in lines]
            lines = compress(lines, kept)
            columns = [list(compress(column, kept)) for column in columns]
        self.lines.extend([start + line for line in lines])
        for values, more in zip(self.columns, columns):
            values.extend(more)

    def finish(self):
        columns = [field.column(written) for field, written in zip(self.fields, self.columns)]
        return contract.Rows(len(self.lines), columns, self.lines)


def decode_all(lines):
    """The JSON object of each line, an empty one for a line that is none, and the rejects of those by their index."""
    objects = []
    rejects = {}
    for index, line in enumerate(lines):
        try:
            objects.append(decode(line))
        except Reject as reject:
            objects.append({})
            rejects[index] = reject
    return objects, rejects


def rows_of(made):
    """The rows that a function made of a line: none, one, or several, of any of its tables."""
    if made is None:
        return ()
    return (made,) if isinstance(made, Star) else made


def said(error):
    """What an exception says, and where it was raised."""
    place = error.__traceback__
    while place.tb_next is not None:
        place = place.tb_next
    file = place.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{type(error).__name__}: {error} ({file}, line {place.tb_lineno})"
