"""Why a line made no row."""

import json


class Reject(Exception):
    """A line that makes no row: the others go on.

    `code` is a stable word for the reason (lower-case letters, digits and hyphens), `column` the source column with the bad
    value, where it is one column's.
    """

    def __init__(self, code, message, column=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.column = column


def unexpected(code, values, expected):
    """A reject that says what was found, where it is one value, and what was expected."""
    found = f"found `{shown(values[0])}`, " if len(values) == 1 else ""
    return Reject(code, f"{found}expected {expected}")


def shown(value):
    """A value about as it stands in the line, cut."""
    chars_max = 60
    plain = type(value) in (bool, dict, int, list, str, type(None))
    text = json.dumps(value, ensure_ascii=False, default=str) if plain else str(value)
    return text if len(text) <= chars_max else text[:chars_max] + "…"
