"""One call of a provider for many who ask the same, or what means the same, at the same time."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import httpx

from ...middleware._dialect import Dialect, Recorder, Stored
from ..embedding import cosine
from .ask import Ask
from .entries import Entries, Lookup
from .flight import Failure, Flight, Head
from .sse import Splitter, data_of
from .upstream import Provider, refused, returned_headers, unreachable

# Calls under way whose questions are compared by meaning with a new one; beyond them only equal texts meet.
COMPARED_MAX = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What is asked of whom. ``headers`` are the caller's, made fit for the provider."""

    ask: Ask
    lookup: Lookup
    provider: Provider
    method: str
    path: str
    headers: Sequence[Tuple[bytes, bytes]]

    @property
    def group(self) -> Optional[Tuple[Any, ...]]:
        """Only what is equal in all of this can share an answer and its entry. None: shares with nobody."""
        ask = self.ask
        if ask.key is None:
            return None
        return ask.scope, ask.key.digest, ask.deps, ask.controls.no_store, ask.controls.ttl_seconds


@dataclass(frozen=True)
class _Listed:
    wanted: Wanted
    flight: Flight


class Flights:
    """Belongs to the event loop. ``stop`` ends what is under way."""

    def __init__(self, entries: Entries, threshold: float, keep_bytes: int, count_stored: Callable[[Ask], None]) -> None:
        self._entries, self._threshold, self._keep_bytes, self._count_stored = entries, threshold, keep_bytes, count_stored
        self._listed: Dict[Tuple[Any, ...], List[_Listed]] = {}
        self._under_way: Dict[asyncio.Task[None], Flight] = {}

    def join(self, wanted: Wanted, alone: bool = False) -> Tuple[Flight, Optional[Ask]]:
        """A call that is under way, and what its leader asked; or a new one, and None. Who gets it has to ``join`` it before
        anything else. ``alone``: a new one in any case."""
        group = None if alone else wanted.group
        under_way = self._listed.get(group, []) if group is not None else []
        for place, one in enumerate(under_way):
            if one.flight.is_open and self._means_the_same(wanted, one.wanted, place):
                return one.flight, one.wanted.ask
        flight = Flight(self._keep_bytes)
        if group is not None:
            self._listed.setdefault(group, []).append(_Listed(wanted, flight))
        task = asyncio.create_task(self._fly(flight, wanted))
        flight.task = task
        self._under_way[task] = flight
        task.add_done_callback(self._under_way.pop)
        return flight, None

    async def stop(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def waiting(self) -> int:
        """How many wait for a provider."""
        return sum(flight.readers for flight in self._under_way.values())

    def _means_the_same(self, new: Wanted, old: Wanted, place: int) -> bool:
        assert new.ask.key is not None
        assert old.ask.key is not None
        mine, other = new.ask.key.question, old.ask.key.question
        if mine == other:
            return True
        a, b = new.lookup.place, old.lookup.place
        if mine is None or other is None or a is None or b is None or place >= COMPARED_MAX:
            return False
        if new.ask.may_call:
            return False  # what a model writes for a tool, it makes from the very words
        return cosine(a.embedding, b.embedding) >= self._threshold

    def _unlist(self, wanted: Wanted, flight: Flight) -> None:
        group = wanted.group
        if group is None:
            return
        left = [one for one in self._listed.get(group, []) if one.flight is not flight]
        if left:
            self._listed[group] = left
        else:
            self._listed.pop(group, None)

    # --- the call ---

    async def _fly(self, flight: Flight, wanted: Wanted) -> None:
        try:
            payload = wanted.ask.payload if wanted.method != "GET" else None
            async with wanted.provider.answer(wanted.method, wanted.path, wanted.headers, payload) as response:
                if response.status_code >= 300:
                    failure = await refused(response)
                    self._unlist(wanted, flight)
                    flight.fail(failure)
                elif "text/event-stream" in response.headers.get("content-type", ""):
                    await self._relay_events(flight, wanted, response)
                else:
                    await self._relay_whole(flight, wanted, response)
        except httpx.HTTPError as error:
            self._unlist(wanted, flight)
            _log.warning("the provider %s failed: %s", wanted.provider.name, type(error).__name__)
            if flight.head is None:
                flight.fail(unreachable(error))
        except Exception:
            self._unlist(wanted, flight)
            _log.exception("a call of the provider %s failed unexpectedly", wanted.provider.name)
            if flight.head is None:
                flight.fail(Failure(500, False, "unexpected", "the gateway failed; its log says where"))
        finally:
            self._unlist(wanted, flight)
            if not flight.ended:
                flight.end(is_broken=True)

    async def _relay_events(self, flight: Flight, wanted: Wanted, response: httpx.Response) -> None:
        """Each event as it comes; the last one when the answer is stored, so that whoever has seen the end finds it."""
        dialect = wanted.ask.dialect if wanted.ask.key is not None else None
        recording = None if dialect is None else Recording(dialect, self._keep_bytes)
        flight.begin(Head(response.status_code, returned_headers(response)))
        splitter = Splitter()
        async for data in response.aiter_bytes():
            if recording is None:
                await flight.add(data)
                continue
            for event in splitter.add(data):
                if recording.add(event):
                    await self._store(flight, wanted, recording.finished())
                await flight.add(event)
            if splitter.waiting_bytes > self._keep_bytes:
                await flight.add(splitter.rest())
                recording = None
        rest = splitter.rest()
        if rest:
            await flight.add(rest)
        flight.end()

    async def _relay_whole(self, flight: Flight, wanted: Wanted, response: httpx.Response) -> None:
        """When it is complete and stored; one that is too large for that, as it comes."""
        head = Head(response.status_code, returned_headers(response))
        body = bytearray()
        async for data in response.aiter_bytes():
            body += data
            if len(body) > self._keep_bytes:
                if flight.head is None:
                    flight.begin(head)
                await flight.add(bytes(body))
                body.clear()
        if flight.head is None:
            if wanted.ask.key is not None and wanted.ask.dialect is not None:
                await self._store(flight, wanted, stored_of(wanted.ask.dialect, bytes(body)))
            flight.begin(head)
        await flight.add(bytes(body))
        flight.end()

    async def _store(self, flight: Flight, wanted: Wanted, stored: Optional[Stored]) -> None:
        if stored is None:
            return
        flight.stored = stored
        # From here on nobody who goes away ends this: the answer is paid for.
        flight.is_stored = await self._entries.store(wanted.ask, wanted.lookup, stored)
        if flight.is_stored:
            self._count_stored(wanted.ask)


class Recording:
    """What a stream brings, until its terminal event."""

    def __init__(self, dialect: Dialect, bytes_max: int) -> None:
        self._dialect, self._room = dialect, bytes_max
        self._recorder: Optional[Recorder] = dialect.recorder()
        self._ended = False

    def add(self, event: bytes) -> bool:
        """Whether this was the terminal event. What cannot be read is passed on and stores nothing."""
        self._room -= len(event)
        data = data_of(event)
        if not data or self._ended:
            return False
        body: Any = None
        try:
            if data not in self._dialect.end_marks:
                body = json.loads(data)
                if self._recorder is not None and self._room >= 0:
                    self._recorder.add(body)
        except Exception as error:
            self._recorder = None
            _log.warning("a stream is not stored, it could not be read: %s", type(error).__name__)
        self._ended = data in self._dialect.end_marks or (isinstance(body, dict) and body.get("type") in self._dialect.end_marks)
        return self._ended

    def finished(self) -> Optional[Stored]:
        if self._recorder is None or self._room < 0:
            return None
        try:
            return self._recorder.finished()
        except Exception as error:
            _log.warning("a stream is not stored, it could not be read: %s", type(error).__name__)
            return None


def stored_of(dialect: Dialect, body: bytes) -> Optional[Stored]:
    try:
        answer = json.loads(body)
        return dialect.stored(answer) if isinstance(answer, dict) else None
    except Exception as error:
        _log.warning("an answer is not stored, it could not be read: %s", type(error).__name__)
        return None
