"""Where a line stands in its table."""

from star.reject import Reject

RECORD_ID_MAX = 2**31 - 1


class Context:
    """Where the line that is being transformed stands."""

    __slots__ = ("_call", "_line")

    def __init__(self, call, line):
        self._call = call
        self._line = line

    @property
    def table(self):
        """The source table."""
        return self._call.table

    @property
    def sequence(self):
        """The sequence id of the packet, 1 or more."""
        return self._call.sequence

    @property
    def record(self):
        """The number of this record in its table, 1 or more, in the order of arrival over all packets."""
        return self._call.first_record + self._line

    @property
    def record_id(self):
        """The number of this record, where it fits an integer of 32 bits; else the line is rejected."""
        record = self._call.first_record + self._line
        if record > RECORD_ID_MAX:
            raise Reject("record-number", f"record {record} does not fit an integer of 32 bits")
        return record

    @property
    def line(self):
        """The index of the line in its packet, from 0."""
        return self._call.first_line + self._line
