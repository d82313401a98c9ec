"""Rows of a star table."""

from operator import attrgetter

from wit_world.imports import types as contract

from star.values import Type, by_halves


class Star:
    """A row of a star table. Its classes are those of `Fact` and `Dimension`; their doc strings are the tables' comments."""

    def __init_subclass__(cls, table, key):
        fields = [(attribute, field) for attribute, field in vars(cls).items() if isinstance(field, Type)]
        cls._table = table
        cls._key = [key] if isinstance(key, str) else list(key)
        cls._attributes = {attribute for attribute, _ in fields}
        cls._fields = [(field.name or attribute, attrgetter(attribute), field) for attribute, field in fields]

    def __init__(self, **values):
        if values.keys() != self._attributes:
            odd = ", ".join(sorted(values.keys() ^ self._attributes))
            raise TypeError(f"a row of `{self._table}` lacks fields, or has some that there are not: {odd}")
        self.__dict__ = values

    @classmethod
    def _write(cls, rows):
        """The contract's values of each field, and the rejects of the bad rows by their index."""
        columns = []
        rejects = {}
        for name, value_of, field in cls._fields:
            written, bad = by_halves(field.write, list(map(value_of, rows)))
            columns.append(written)
            for index, reject in bad.items():
                reject.message = f"the plugin's value of the field `{name}`: {reject.message}"
                rejects.setdefault(index, reject)
        return columns, rejects

    @classmethod
    def _star_table(cls):
        fields = [
            contract.Field(name, field.contract_type, field.nullable, reference(field.references), field.comment)
            for name, _, field in cls._fields
        ]
        return contract.StarTable(cls._table, cls._kind, cls._key, fields, cls.__doc__)


class Fact(Star, table=None, key=()):
    """One row for each version of a source row: `class FactPayment(Fact, table="fact_payment", key="payment_record_id")`."""

    _kind = contract.StarKind.FACT


class Dimension(Star, table=None, key=()):
    """One row for each key: the latest value."""

    _kind = contract.StarKind.DIMENSION


def reference(table_and_field):
    return contract.Reference(*table_and_field.split(".")) if table_and_field else None
