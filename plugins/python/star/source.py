"""Rows of a source table."""

from wit_world.imports import types as contract

from star.decode import Repeated
from star.reject import Reject
from star.values import MISSING, Type, by_halves


class Source:
    """A row of a source table, or of a looked-up one: `class Payment(Source, table="payment")`.

    Its attributes are the columns; of several bad ones the first in their order is the reason of the reject.
    """

    def __init_subclass__(cls, table):
        columns = [(attribute, column) for attribute, column in vars(cls).items() if isinstance(column, Type)]
        cls._table = table
        cls._attributes = [attribute for attribute, _ in columns]
        cls._columns = [(column.name or attribute, column) for attribute, column in columns]

    @classmethod
    def _read(cls, objects):
        """A row of each JSON object, and the rejects of the bad ones by their index."""
        rejects = {}
        if Repeated in set(map(type, objects)):
            rejects = cls._repeated_columns(objects)
        columns = []
        for name, column in cls._columns:
            values, bad = by_halves(column.read, [values.get(name, MISSING) for values in objects])
            columns.append(values)
            for index, reject in bad.items():
                reject.column = name if reject.column is None else f"{name}.{reject.column}"
                rejects.setdefault(index, reject)
        return [cls._row(values) for values in zip(*columns)], rejects

    @classmethod
    def _row(cls, values):
        row = cls.__new__(cls)
        row.__dict__ = dict(zip(cls._attributes, values))
        return row

    @classmethod
    def _repeated_columns(cls, objects):
        rejects = {}
        names = {name for name, _ in cls._columns}
        for index, values in enumerate(objects):
            repeated = [name for name in getattr(values, "names", ()) if name in names]
            if repeated:
                rejects[index] = Reject("duplicate-column", "the column comes twice in the line", repeated[0])
        return rejects

    @classmethod
    def _source_columns(cls):
        columns = [(name, column) for name, column in cls._columns if not isinstance(column, Lookup)]
        return [contract.SourceColumn(name, column.contract_type, column.nullable) for name, column in columns]

    @classmethod
    def _lookups(cls):
        lookups = [(name, column) for name, column in cls._columns if isinstance(column, Lookup)]
        return [
            contract.Lookup(name, lookup.column, lookup.key, lookup.source._source_columns())
            for name, lookup in lookups
        ]


class Lookup(Type):
    """The row of another table, an object of its `source` class: the one whose `key` the `column` of this table refers to."""

    json_kinds = {dict, Repeated}
    expected = "a JSON object"

    def __init__(self, source, column, key, *, nullable=False):
        super().__init__(nullable=nullable, name=source._table)
        self.source = source
        self.column = column
        self.key = key

    def read_present(self, values):
        rows, rejects = self.source._read(values)
        if rejects:
            raise rejects[min(rejects)]
        return rows
