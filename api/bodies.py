"""Answers that were made lately: the same rows are not made into JSON twice."""

from __future__ import annotations

from collections import OrderedDict

MOST_BYTES = 32 << 20

What = tuple[str, bytes]
"""The tag of an answer, and the rows that it was made of."""


class Bodies:
    """Bodies of answers, those asked for lately; of so many bytes at most.

    What it is found by has the question and the rows, so that none is ever out of date: an answer's
    tag alone stays the same where somebody altered the read store by hand.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._held: OrderedDict[What, bytes] = OrderedDict()

    def get(self, what: What) -> bytes | None:
        """Return a body, if it is here."""
        body = self._held.get(what)
        if body is not None:
            self._held.move_to_end(what)
        return body

    def put(self, what: What, body: bytes) -> None:
        """Keep a body; those that were not asked for the longest go."""
        if what in self._held:
            return
        self._held[what] = body
        self._bytes += len(body) + len(what[1])
        while self._bytes > self._most:
            (_, rows), oldest = self._held.popitem(last=False)
            self._bytes -= len(oldest) + len(rows)
