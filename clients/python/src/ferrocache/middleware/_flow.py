"""The course of a cached call: key, lookup, hit or model, store. For both kinds of client, streaming or not."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import logging
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Mapping, Optional, cast

from .._cache import AsyncCache, Cache, Found, Options
from .._key import Key, NotCacheable
from ._dialect import Dialect, Stored, as_namespace, as_plain, read

log = logging.getLogger("ferrocache")


def mark(answer: Any, hit: Optional[bool], entry: Optional[Mapping[str, Any]] = None) -> Any:
    """Tells on the answer where it came from."""
    marks: Dict[str, Any] = {"_ferrocache_hit": hit}
    if entry is not None:
        marks["_ferrocache_similarity"] = float(entry.get("similarity") or 0.0)
    for name, value in marks.items():
        try:
            setattr(answer, name, value)
        except Exception:  # an answer that takes no attributes is handed on as it is
            log.debug("%s takes no attribute", type(answer).__name__)
    return answer


class Flow:
    """What sync and async calls share."""

    def __init__(self, dialect: Dialect, options: Options, create: Callable[..., Any], client: Any) -> None:
        self.dialect, self.options, self.create, self.client = dialect, options, create, client

    def for_client(self, create: Callable[..., Any], client: Any) -> Flow:
        """The same cache and its connections for a copy of the client."""
        other = copy.copy(self)
        other.create, other.client = create, client
        return other

    def function(self) -> Callable[..., Any]:
        """What takes the place of the SDK's ``create``: with its name, its signature and its text of help."""
        raise NotImplementedError

    def _dressed(self, function: Any) -> Callable[..., Any]:
        function._ferrocache_flow = self
        with contextlib.suppress(ValueError, TypeError):  # what has no signature keeps its secret
            # By itself: some Pythons would look behind the SDK's own wrapping and find an unbound function.
            function.__signature__ = inspect.signature(self.create)
        return cast(Callable[..., Any], function)

    def close(self) -> None:
        raise NotImplementedError

    async def close_async(self) -> None:
        raise NotImplementedError

    def prepared(self, arguments: Dict[str, Any]) -> Optional[Key]:
        """The request's key; iterators among its arguments become lists first, since they are read twice."""
        for name in ("messages", "tools"):
            value = arguments.get(name)
            if value is not None and not isinstance(value, (str, list, tuple)) and hasattr(value, "__iter__"):
                arguments[name] = list(value)
        try:
            return self.dialect.key(arguments, self.options.numbers_exact)
        except NotCacheable as reason:
            log.debug("not cached: %s", reason)
            return None

    def revived(self, found: Found, arguments: Mapping[str, Any]) -> Any:
        """A hit as the SDK's own object; None if the entry cannot be read as one."""
        assert found.entry is not None
        try:
            answer = self.dialect.answer(found.entry, arguments)
            if arguments.get("stream"):
                return mark(self._stream(answer, arguments), True, found.entry)
            kind = self.dialect.answer_type()
            return mark(as_namespace(answer) if kind is None else kind.construct(**answer), True, found.entry)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            log.warning("an entry of the cache is no answer of %s: %s", self.dialect.module, error)
            return None

    def _stream(self, answer: Dict[str, Any], arguments: Mapping[str, Any]) -> Any:
        events = self.dialect.events(answer, arguments)
        streaming = self.dialect.streaming()
        if streaming is None:
            return self._plain_stream([as_namespace(event) for event in events])
        http = getattr(streaming, "httpx2", None) or streaming.httpx  # the library that this version of the SDK uses
        response = http.Response(
            200,
            headers={"content-type": "text/event-stream; charset=utf-8"},
            content=self.dialect.wire(events),
            request=http.Request("POST", "http://ferrocache/"),
        )
        return self._sdk_stream(streaming, response)

    def _sdk_stream(self, streaming: Any, response: Any) -> Any:
        raise NotImplementedError

    def _plain_stream(self, events: List[Any]) -> Any:
        raise NotImplementedError

    def worth_storing(self, answer: Any) -> Optional[Stored]:
        """None also for what cannot be understood: an odd answer is the caller's, not the cache's."""
        try:
            return self.dialect.stored(_fields_of(answer, self.dialect))
        except Exception as error:
            log.warning("an answer is not stored, it could not be read: %s", error)
            return None


class SyncFlow(Flow):
    def __init__(self, dialect: Dialect, options: Options, create: Callable[..., Any], client: Any) -> None:
        super().__init__(dialect, options, create, client)
        self.cache = Cache(options)

    def function(self) -> Callable[..., Any]:
        @functools.wraps(self.create, updated=())
        def create(*positional: Any, **arguments: Any) -> Any:
            return self(*positional, **arguments)

        return self._dressed(create)

    def close(self) -> None:
        self.cache.client.close()

    def __call__(self, *positional: Any, **arguments: Any) -> Any:
        key = None if positional else self.prepared(arguments)
        if key is None:
            return mark(self.create(*positional, **arguments), False)
        found = self.cache.lookup(key)
        if found.entry is not None:
            hit = self.revived(found, arguments)
            if hit is not None:
                return hit
        outcome = None if found.place is None else False
        answer = self.create(**arguments)
        if arguments.get("stream"):
            return mark(self._recorded(answer, found), outcome)
        stored = self.worth_storing(answer) if found.place is not None else None
        if stored is not None:
            self.cache.store(found.place, stored.response, stored.attributes, stored.cost)
        return mark(answer, outcome)

    def _recorded(self, stream: Any, found: Found) -> Any:
        """The same stream, with what it brings written down on the way."""
        if found.place is None:
            return stream
        streaming = self.dialect.streaming()
        if streaming is not None and isinstance(stream, streaming.Stream):
            stream._iterator = self._recording(stream._iterator, found)
            return stream
        return PlainStream(self._recording(iter(stream), found), stream)

    def _recording(self, events: Iterator[Any], found: Found) -> Iterator[Any]:
        recorder, readable = self.dialect.recorder(), True
        try:
            for event in events:
                if readable:
                    readable = _added(recorder, event, self.dialect)
                yield event
        finally:
            if hasattr(events, "close"):
                events.close()
        stored = recorder.finished() if readable else None
        if stored is not None:
            self.cache.store(found.place, stored.response, stored.attributes, stored.cost)

    def _sdk_stream(self, streaming: Any, response: Any) -> Any:
        return streaming.Stream(cast_to=self.dialect.event_type(), response=response, client=self.client)

    def _plain_stream(self, events: List[Any]) -> Any:
        return PlainStream(iter(events), None)


class AsyncFlow(Flow):
    def __init__(self, dialect: Dialect, options: Options, create: Callable[..., Any], client: Any) -> None:
        super().__init__(dialect, options, create, client)
        self.cache = AsyncCache(options)

    def function(self) -> Callable[..., Any]:
        @functools.wraps(self.create, updated=())
        async def create(*positional: Any, **arguments: Any) -> Any:
            return await self(*positional, **arguments)

        return self._dressed(create)

    async def close_async(self) -> None:
        await self.cache.client.aclose()

    async def __call__(self, *positional: Any, **arguments: Any) -> Any:
        key = None if positional else self.prepared(arguments)
        if key is None:
            return mark(await self.create(*positional, **arguments), False)
        found = await self.cache.lookup(key)
        if found.entry is not None:
            hit = self.revived(found, arguments)
            if hit is not None:
                return hit
        outcome = None if found.place is None else False
        answer = await self.create(**arguments)
        if arguments.get("stream"):
            return mark(self._recorded(answer, found), outcome)
        stored = self.worth_storing(answer) if found.place is not None else None
        if stored is not None:
            await self.cache.store(found.place, stored.response, stored.attributes, stored.cost)
        return mark(answer, outcome)

    def _recorded(self, stream: Any, found: Found) -> Any:
        if found.place is None:
            return stream
        streaming = self.dialect.streaming()
        if streaming is not None and isinstance(stream, streaming.AsyncStream):
            stream._iterator = self._recording(stream._iterator, found)
            return stream
        return AsyncPlainStream(self._recording(stream.__aiter__(), found), stream)

    async def _recording(self, events: AsyncIterator[Any], found: Found) -> AsyncIterator[Any]:
        recorder, readable = self.dialect.recorder(), True
        try:
            async for event in events:
                if readable:
                    readable = _added(recorder, event, self.dialect)
                yield event
        finally:
            if hasattr(events, "aclose"):
                await events.aclose()
        stored = recorder.finished() if readable else None
        if stored is not None:
            await self.cache.store(found.place, stored.response, stored.attributes, stored.cost)

    def _sdk_stream(self, streaming: Any, response: Any) -> Any:
        return streaming.AsyncStream(cast_to=self.dialect.event_type(), response=response, client=self.client)

    def _plain_stream(self, events: List[Any]) -> Any:
        async def replay() -> AsyncIterator[Any]:
            for event in events:
                yield event

        return AsyncPlainStream(replay(), None)


def _fields_of(value: Any, dialect: Dialect) -> Dict[str, Any]:
    """An answer or an event as a mapping. TypeError if it has nothing that is known."""
    body = as_plain(value)
    if not isinstance(body, dict):
        body = read(value, dialect.shape)
    if body is None:
        raise TypeError(f"a {type(value).__name__}")
    return cast(Dict[str, Any], body)


def _added(recorder: Any, event: Any, dialect: Dialect) -> bool:
    """Whether the event could be read. One that could not leaves the caller's stream alone and stores nothing."""
    try:
        recorder.add(_fields_of(event, dialect))
        return True
    except Exception as error:
        log.warning("a stream is not stored, it could not be read: %s", error)
        return False


class PlainStream:
    """A stream without an SDK: iterates, and hands everything else to the stream behind it."""

    def __init__(self, iterator: Iterator[Any], inner: Any) -> None:
        self._iterator, self._inner = iterator, inner

    def __iter__(self) -> Iterator[Any]:
        return self._iterator

    def __next__(self) -> Any:
        return next(self._iterator)

    def __enter__(self) -> PlainStream:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()

    def close(self) -> None:
        if hasattr(self._inner, "close"):
            self._inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class AsyncPlainStream:
    """The same for ``async for``."""

    def __init__(self, iterator: AsyncIterator[Any], inner: Any) -> None:
        self._iterator, self._inner = iterator, inner

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterator

    async def __anext__(self) -> Any:
        return await self._iterator.__anext__()

    async def __aenter__(self) -> AsyncPlainStream:
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self.close()

    async def close(self) -> None:
        for name in ("aclose", "close"):
            if hasattr(self._inner, name):
                await getattr(self._inner, name)()
                return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
