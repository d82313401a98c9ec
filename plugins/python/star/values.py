"""The types of columns: how each reads values of JSON and writes those of the contract. The package's page says which there
are."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Inexact, InvalidOperation
from decimal import Context as DecimalContext
from decimal import Decimal as ExactDecimal
from functools import lru_cache
from itertools import accumulate, repeat
from types import NoneType

from wit_world.imports import types as contract

from star.decode import WideNumber
from star.reject import Reject, unexpected

# The most digits of which each number fits 64 bits.
SHORT_PRECISION_MAX = 18

EPOCH = datetime(1970, 1, 1)
EPOCH_DAY = EPOCH.toordinal()
MICROSECOND = timedelta(microseconds=1)
MICROS_PER_SECOND = 1_000_000

CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
OFFSET = r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)"
is_date = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
is_time = re.compile(CLOCK, re.ASCII).fullmatch
is_timestamp = re.compile(rf"\d{{4}}-\d\d-\d\d[T ]{CLOCK}{OFFSET}?", re.ASCII).fullmatch


def bitmap(bits):
    """Bit i is that of row i, the lowest of a byte first."""
    digits = "".join("1" if bit else "0" for bit in reversed(bits))
    return int(digits or "0", 2).to_bytes((len(bits) + 7) // 8, "little")


class Missing:
    """What stands for a column that a line does not have."""


MISSING = Missing()


class Type:
    """The type of a column, with what only star tables have: a comment, and the `table.field` that it references.

    Values are read and written many at a time, which costs a fraction of one at a time. A list with any bad value raises a
    `Reject`, and `by_halves` finds which it is.
    """

    # The types that a value of JSON may have, and one of a star row.
    json_kinds = frozenset()
    python_kinds = frozenset()
    # What stands at a null.
    blank = 0

    def __init__(self, comment=None, *, nullable=False, references=None, name=None):
        self.comment = comment
        self.nullable = nullable
        self.references = references
        # Where the column's name can't be that of an attribute.
        self.name = name

    def read(self, values):
        """The values of a source column, from their JSON."""
        kinds = set(map(type, values))
        if kinds <= self.json_kinds:
            return self.read_present(values)
        if not self.nullable and Missing in kinds:
            raise Reject("missing-column", "the line has no such column")
        if not self.nullable and NoneType in kinds:
            raise Reject("null", "found null in a column that must have a value")
        present = [value for value in values if value is not None and value is not MISSING]
        if not set(map(type, present)) <= self.json_kinds:
            raise unexpected("type", values, self.expected)
        read = iter(self.read_present(present) if present else ())
        return [None if value is None or value is MISSING else next(read) for value in values]

    def write(self, values):
        """The values of a star column as the contract has them, and `None` for a null."""
        kinds = set(map(type, values))
        if kinds <= self.python_kinds:
            return self.write_present(values)
        if not self.nullable and NoneType in kinds:
            raise Reject("null", "found None in a field that must have a value")
        present = [value for value in values if value is not None]
        if not set(map(type, present)) <= self.python_kinds:
            raise unexpected("type", values, self.expected)
        written = iter(self.write_present(present) if present else ())
        return [None if value is None else next(written) for value in values]

    def column(self, written):
        """The contract's column of written values."""
        validity = None
        if self.nullable and None in written:
            validity = bitmap([value is not None for value in written])
            written = [self.blank if value is None else value for value in written]
        return contract.Column(validity, self.contract_values(written))

    def contract_values(self, written):
        return self.values_class(written)


def by_halves(convert, values, start=0):
    """The values converted at once; where that fails, in halves, until each bad value is alone.

    Gives the converted values, `None` in place of a bad one, and the rejects of the bad ones by their index.
    """
    if not values:
        return [], {}
    try:
        return convert(values), {}
    except Reject as reject:
        if len(values) == 1:
            return [None], {start: reject}
    middle = len(values) // 2
    first, first_rejects = by_halves(convert, values[:middle], start)
    second, second_rejects = by_halves(convert, values[middle:], start + middle)
    return first + second, first_rejects | second_rejects


class Boolean(Type):
    contract_type = contract.ColumnType_Boolean()
    json_kinds = python_kinds = {bool}
    expected = "true or false"

    def read_present(self, values):
        return values

    write_present = read_present

    def contract_values(self, written):
        return contract.Values_Boolean(bitmap(written))


class Integer(Type):
    json_kinds = python_kinds = {int}

    def read_present(self, values):
        if min(values) < self.least or max(values) > self.most:
            raise unexpected("range", values, self.expected)
        return values

    write_present = read_present


class Int32(Integer):
    contract_type = contract.ColumnType_Int32()
    values_class = contract.Values_Int32
    least, most = -(2**31), 2**31 - 1
    expected = f"an integer of 32 bits, {least} to {most}"


class Int64(Integer):
    contract_type = contract.ColumnType_Int64()
    values_class = contract.Values_Int64
    least, most = -(2**63), 2**63 - 1
    expected = f"an integer of 64 bits, {least} to {most}"


class Float64(Type):
    contract_type = contract.ColumnType_Float64()
    values_class = contract.Values_Float64
    json_kinds = {int, ExactDecimal, WideNumber, str}
    python_kinds = {float, int}
    expected = 'a number, or "NaN", "Infinity" or "-Infinity"'
    blank = 0.0

    def read_present(self, values):
        return [self.read_one(value) for value in values]

    def read_one(self, value):
        if type(value) is str:
            if value not in ("NaN", "Infinity", "-Infinity"):
                raise unexpected("type", [value], self.expected)
            return float(value)
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if number in (float("inf"), float("-inf")):
            raise unexpected("range", [value], "a number that 64 bits can hold")
        return number

    def write_present(self, values):
        return list(map(float, values))


class Decimal(Type):
    """A decimal number of `precision` digits, `scale` of them behind the point. What does not fit is a reject, never rounded."""

    json_kinds = {int, ExactDecimal, WideNumber}
    python_kinds = {ExactDecimal}

    def __init__(self, precision, scale, comment=None, **options):
        super().__init__(comment, **options)
        self.precision = precision
        self.scale = scale
        self.unit = ExactDecimal(1).scaleb(-scale)
        # Refuses, with an exception, to round and to have more digits.
        self.context = DecimalContext(prec=precision, traps=[Inexact, InvalidOperation])
        self.contract_type = contract.ColumnType_Decimal(contract.DecimalType(precision, scale))
        self.expected = f"a number of at most {precision - scale} digits before and {scale} behind the point"

    def read_present(self, values):
        if WideNumber in map(type, values):
            raise unexpected("decimal", values, self.expected)
        return self.exact(map(ExactDecimal, values), values)

    def write_present(self, values):
        """The numbers without their point: 340 for 3.40 of scale 2."""
        texts = map(format, self.exact(values, values), repeat("f"))
        try:
            return [int(text.replace(".", "")) for text in texts]
        except ValueError:
            raise unexpected("decimal", values, self.expected) from None

    def exact(self, numbers, values):
        """The same numbers, each with all digits behind the point."""
        try:
            return list(map(ExactDecimal.quantize, numbers, repeat(self.unit), repeat(None), repeat(self.context)))
        except (Inexact, InvalidOperation):
            raise unexpected("decimal", values, self.expected) from None

    def contract_values(self, written):
        if self.precision <= SHORT_PRECISION_MAX:
            return contract.Values_Decimal64(written)
        return contract.Values_Decimal128(b"".join(value.to_bytes(16, "little", signed=True) for value in written))


@lru_cache(maxsize=4096)
def parse_date(text):
    """The day; the days of a table are few."""
    if not is_date(text):
        raise ValueError
    return date.fromisoformat(text)


class Date(Type):
    contract_type = contract.ColumnType_Date()
    values_class = contract.Values_Date
    json_kinds = {str}
    python_kinds = {date}
    expected = 'a day of the years 1 to 9999 as "YYYY-MM-DD"'

    def read_present(self, values):
        try:
            return list(map(parse_date, values))
        except ValueError:
            raise unexpected("date", values, self.expected) from None

    def write_present(self, values):
        return [value.toordinal() - EPOCH_DAY for value in values]


class Time(Type):
    contract_type = contract.ColumnType_Time()
    values_class = contract.Values_Time
    json_kinds = {str}
    python_kinds = {time}
    expected = 'a time of day as "HH:MM:SS", with at most 6 digits of a fraction'

    def read_present(self, values):
        if not all(map(is_time, values)):
            raise unexpected("time", values, self.expected)
        return list(map(time.fromisoformat, values))

    def write_present(self, values):
        refuse_zones(values)
        return [
            ((value.hour * 60 + value.minute) * 60 + value.second) * MICROS_PER_SECOND + value.microsecond
            for value in values
        ]


class Timestamp(Type):
    contract_type = contract.ColumnType_Timestamp()
    values_class = contract.Values_Timestamp
    json_kinds = {str}
    python_kinds = {datetime}
    expected = (
        'a point in time as "YYYY-MM-DDTHH:MM:SS", with at most 6 digits of a fraction, in the years 1 to 9999'
    )

    def read_present(self, values):
        try:
            if all(map(is_timestamp, values)):
                return [utc(value) for value in map(datetime.fromisoformat, values)]
        except (ValueError, OverflowError):
            pass
        raise unexpected("timestamp", values, self.expected)

    def write_present(self, values):
        refuse_zones(values)
        return [(value - EPOCH) // MICROSECOND for value in values]


def utc(value):
    return value if value.tzinfo is None else value.replace(tzinfo=None) - value.utcoffset()


def refuse_zones(values):
    if any([value.tzinfo is not None for value in values]):
        raise unexpected("type", values, "a time without a zone")


class Utf8(Type):
    contract_type = contract.ColumnType_Utf8()
    json_kinds = python_kinds = {str}
    expected = "a text"
    blank = b""

    def read_present(self, values):
        self.write_present(values)
        return values

    def write_present(self, values):
        try:
            return list(map(str.encode, values))
        except UnicodeEncodeError:
            # The escapes of JSON can make half a character.
            raise unexpected("type", values, self.expected) from None

    def contract_values(self, written):
        offsets = list(accumulate(map(len, written), initial=0))
        return contract.Values_Utf8(contract.Text(offsets, b"".join(written)))
