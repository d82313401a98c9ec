"""The exact reading of a line of JSON: numbers keep their digits, and a key that comes twice is seen."""

import json
from decimal import Decimal, InvalidOperation

from star.reject import Reject, unexpected


class Repeated(dict):
    """A JSON object with a key that comes twice."""

    names = ()


class WideNumber(str):
    """A number whose exponent no decimal has room for, as it stands in the line."""


def json_object(pairs):
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    repeated = Repeated(values)
    seen = set()
    repeated.names = [name for name, _ in pairs if name in seen or seen.add(name)]
    return repeated


def number(text):
    """A JSON number with a point or an exponent."""
    try:
        return Decimal(text)
    except InvalidOperation:
        is_zero = not text.lower().partition("e")[0].strip("-0.")
        return Decimal(0) if is_zero else WideNumber(text)


def integer(text):
    """An integer; one of more digits than `int` takes is out of every range, and so is what stands for it."""
    digits_max = 4_000
    if len(text) <= digits_max:
        return int(text)
    return -(10**digits_max) if text.startswith("-") else 10**digits_max


def no_constant(name):
    raise json.JSONDecodeError(f"`{name}` is no JSON", name, 0)


DECODER = json.JSONDecoder(object_pairs_hook=json_object, parse_float=number, parse_constant=no_constant)
# Slower, and only for lines with an integer that `int` refuses.
LONG_DECODER = json.JSONDecoder(
    object_pairs_hook=json_object, parse_float=number, parse_int=integer, parse_constant=no_constant
)


def decode(line):
    """The JSON object that a line is.

    Raises `Reject`: `utf8`, or `json`.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Reject("utf8", f"the line is not valid UTF-8 at byte {error.start + 1}") from None
    try:
        value = decode_text(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Reject("json", f"not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise unexpected("json", [value], "a JSON object")
    if "\\u" in text and not all(map(is_text, value)):
        raise Reject("json", "not valid JSON: a key has half a character")
    return value


def decode_text(text):
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return LONG_DECODER.decode(text)


def is_text(value):
    """Whether it is one in UTF-8: the escapes of JSON can make half a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
