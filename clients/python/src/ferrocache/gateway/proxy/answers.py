"""Answers as the caller gets them: stored ones made into what its SDK expects, live ones as they come, and where each came from."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .ask import Ask
from .entries import Hit
from .flight import Flight, Reader

HIT_EXACT, HIT_STALE, HIT_SEMANTIC, MISS, BYPASS = "HIT_L1", "HIT_L1_STALE", "HIT_L2", "MISS", "BYPASS"
NAME = "FerroCache"  # of this cache in Cache-Status (RFC 9211)


@dataclass(frozen=True)
class Replay:
    body: bytes
    media_type: str
    usage: Any


def replay_of(ask: Ask, entry: Mapping[str, Any]) -> Optional[Replay]:
    """A stored answer in the form that is asked for. None if it cannot be read as one."""
    dialect = ask.dialect
    assert dialect is not None
    try:
        answer = dialect.answer(dict(entry), ask.arguments)
        if ask.streams:
            wire = dialect.wire(dialect.events(answer, ask.arguments))
            return Replay(wire, "text/event-stream; charset=utf-8", answer.get("usage"))
        body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return Replay(body, "application/json", answer.get("usage"))
    except (ValueError, TypeError, AttributeError, LookupError):
        return None


def kind_of(hit: Hit) -> str:
    if hit.fresh_seconds <= 0:
        return HIT_STALE
    return HIT_EXACT if hit.is_exact else HIT_SEMANTIC


def hit_headers(hit: Hit, failed_with: Optional[int] = None) -> Dict[str, str]:
    """``failed_with``: the provider's status, if a stale answer is served in place of its error."""
    # Rounded down: 1.00 is said of the same text alone.
    similarity = 1.0 if hit.is_exact else min(0.99, math.floor(hit.similarity * 100) / 100)
    said = f"{NAME}; hit; ttl={math.floor(hit.fresh_seconds)}"
    if failed_with is not None:
        said = f"{NAME}; fwd=stale; fwd-status={failed_with}"
    elif not hit.is_exact:
        said += f'; detail="similarity {similarity:.2f}"'
    age = str(int(hit.age_seconds))
    made = {"X-Cache": kind_of(hit), "X-Cache-Similarity": f"{similarity:.2f}", "X-Cache-Age": age, "Age": age}
    return {**made, "Cache-Status": said}


@dataclass(frozen=True)
class Forwarded:
    """Why a provider was asked, and how."""

    kind: str  # MISS or BYPASS
    reason: str  # of RFC 9211: bypass, miss, request, stale
    detail: str = ""
    collapsed: bool = False
    stored: bool = False

    def headers(self) -> Dict[str, str]:
        said = f"{NAME}; fwd={self.reason}"
        if self.stored:
            said += "; stored"
        if self.collapsed:
            said += "; collapsed"
        if self.detail:
            said += f'; detail="{self.detail}"'
        return {"X-Cache": self.kind, "X-Cache-Similarity": "0.00", "X-Cache-Age": "0", "Cache-Status": said}


def raw(headers: Mapping[str, str]) -> Tuple[Tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items())


def with_headers(response: Response, given: Tuple[Tuple[bytes, bytes], ...], ours: Mapping[str, str]) -> Response:
    """The provider's headers, and this cache's in the place of its own of the same name."""
    made = raw(ours)
    names = {name for name, _ in made}
    # What a relayed answer has of its own is the length of nothing.
    length = [] if isinstance(response, Relayed) else [one for one in response.raw_headers if one[0] == b"content-length"]
    response.raw_headers = [*((name, value) for name, value in given if name not in names), *made, *length]
    return response


class Relayed(Response):
    """A flight on its way to one reader, who leaves it however this ends. Raises Broken."""

    def __init__(self, flight: Flight, reader: Reader) -> None:
        assert flight.head is not None
        super().__init__(status_code=flight.head.status)
        self._flight, self._reader = flight, reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending, gone = asyncio.ensure_future(self._sent(send)), asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except OSError:
            pass  # nobody is there any more
        finally:
            sending.cancel()
            gone.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)
            self._flight.leave(self._reader)

    async def _sent(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self._flight.parts(self._reader):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
