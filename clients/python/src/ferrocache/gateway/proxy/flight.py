"""One call of a provider, and everybody who waits for its answer.

The call is a task of its own: whoever started it may go away, and it goes on while anybody else is there. Parts of the answer are
kept from the first, so that whoever joins late gets them all, until they are more than ``keep_bytes``: then nobody joins any
more, and the slowest reader sets the pace.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import AsyncIterator, Dict, List, Optional, Tuple

from ...middleware._dialect import Stored


@dataclass(frozen=True)
class Head:
    status: int
    headers: Tuple[Tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class Failure:
    """An answer that is an error, or that there is none. ``may_differ``: another caller may have more luck."""

    status: int
    may_differ: bool
    code: str = ""
    message: str = ""
    headers: Tuple[Tuple[bytes, bytes], ...] = ()
    body: Optional[bytes] = None  # the provider's own; None: there was no answer


class Broken(Exception):
    """The answer ended before its end."""


@dataclass(eq=False)
class Reader:
    """Somebody who waits. ``place``: the number of the next part."""

    place: int = 0


@dataclass(eq=False)
class Flight:
    """Written by one task, read by many, all on one event loop."""

    keep_bytes: int
    stored: Optional[Stored] = None
    is_stored: bool = False  # in the cluster
    failure: Optional[Failure] = None
    head: Optional[Head] = None
    ended: bool = False
    is_broken: bool = False
    _parts: List[bytes] = field(default_factory=list)
    _gone: int = 0  # parts that were dropped
    _kept: int = 0  # bytes
    _readers: Dict[int, Reader] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: Optional[asyncio.Task[None]] = None

    # --- the writing task ---

    def begin(self, head: Head) -> None:
        self.head = head
        self._changed()

    def fail(self, failure: Failure) -> None:
        self.failure, self.ended = failure, True
        self._changed()

    async def add(self, part: bytes) -> None:
        """Waits while more is kept than should be: the slowest reader has to catch up."""
        self._parts.append(part)
        self._kept += len(part)
        self._changed()
        while self._kept > self.keep_bytes:
            self._drop_read()
            if self._kept > self.keep_bytes:
                await self._wake.wait()

    def end(self, is_broken: bool = False) -> None:
        self.ended, self.is_broken = True, is_broken
        self._changed()

    def _drop_read(self) -> None:
        slowest = min((reader.place for reader in self._readers.values()), default=self._gone + len(self._parts))
        count = slowest - self._gone
        self._kept -= sum(map(len, self._parts[:count]))
        del self._parts[:count]
        self._gone = slowest

    # --- those who wait ---

    @property
    def is_open(self) -> bool:
        """Whether who joins now gets everything."""
        return self._gone == 0 and self._kept <= self.keep_bytes and self.failure is None and not self.is_broken

    @property
    def readers(self) -> int:
        return len(self._readers)

    def join(self) -> Reader:
        reader = Reader()
        self._readers[id(reader)] = reader
        return reader

    def leave(self, reader: Reader) -> None:
        """The last who goes ends a call that nobody waits for any more."""
        self._readers.pop(id(reader), None)
        self._changed()
        if not self._readers and not self.ended and self.stored is None and self.task is not None:
            self.task.cancel()

    async def until_head(self) -> None:
        while self.head is None and not self.ended:
            await self._wake.wait()

    async def until_end(self, reader: Reader) -> None:
        async for _ in self._read(reader):
            pass

    async def parts(self, reader: Reader) -> AsyncIterator[bytes]:
        """Raises Broken if the answer breaks off."""
        async for part in self._read(reader):
            yield part
        if self.is_broken:
            raise Broken

    async def _read(self, reader: Reader) -> AsyncIterator[bytes]:
        while True:
            while reader.place < self._gone + len(self._parts):
                part = self._parts[reader.place - self._gone]
                reader.place += 1
                yield part
            if self._kept > self.keep_bytes:
                self._changed()  # the writer may go on
            if self.ended:
                return
            await self._wake.wait()

    def _changed(self) -> None:
        wake, self._wake = self._wake, asyncio.Event()
        wake.set()
