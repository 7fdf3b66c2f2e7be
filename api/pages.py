"""Pages of a list: a cursor is the sort key of the last entry that the client has.

So a page never repeats or skips an entry because others came or went meanwhile.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from api.parameters import CURSOR, Ask
from api.problems import invalid

Key = TypeVar("Key")
Row = TypeVar("Row")

Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*$")]
Number = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,99}(\.[0-9]{1,99})?$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Pages(Generic[Key]):
    """The cursors of one list, whose sort key has that type."""

    def __init__(self, key: type[Key]) -> None:
        self._decode = msgspec.json.Decoder(key).decode

    def after(self, ask: Ask) -> Key | None:
        """Return the key after which the page begins; None for the first page."""
        text = ask[CURSOR]
        if text is None:
            return None
        try:
            return self._decode(urlsafe_b64decode(text))
        except ValueError as error:
            raise invalid("cursor", "cursor: not the `next_cursor` of a page") from error

    def cut(
        self, found: Sequence[Row], size: int, key: Callable[[Row], Key]
    ) -> tuple[list[Row], str | None]:
        """Cut rows, of which there is one more than a page has, and name the page after."""
        page = list(found[:size])
        if len(found) <= size:
            return page, None
        return page, urlsafe_b64encode(msgspec.json.encode(key(page[-1]))).decode()
