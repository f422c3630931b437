"""Server-sent events on their way through: raw, one by one, so that what is passed on is what came."""

from __future__ import annotations

import re
from typing import List

# What ends an event: an empty line, whatever ends lines here.
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n")
_LINES = re.compile(r"\r\n|\n|\r")


class Splitter:
    """Bytes, cut anywhere, to whole events with the empty line that ends each."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def waiting_bytes(self) -> int:
        return len(self._rest)

    def add(self, data: bytes) -> List[bytes]:
        begin = max(0, len(self._rest) - 3)  # an end may have been cut in two
        self._rest += data
        made = []
        done = 0
        for end in _END.finditer(self._rest, begin):
            made.append(bytes(self._rest[done : end.end()]))
            done = end.end()
        del self._rest[:done]
        return made

    def rest(self) -> bytes:
        """What came after the last whole event; empties."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


def data_of(event: bytes) -> str:
    """The text of its data lines; empty for a comment."""
    lines = _LINES.split(event.decode("utf-8", "replace"))  # nothing else ends a line: JSON may hold other separators
    return "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
