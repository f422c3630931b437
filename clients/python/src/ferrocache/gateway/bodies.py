"""Bodies of requests, which are bounded in size and in time."""

from __future__ import annotations

import asyncio
from typing import List

from starlette.requests import Request


class BodyTooLarge(Exception):
    pass


class BodyTooSlow(Exception):
    pass


async def read_body(request: Request, bytes_max: int, timeout_seconds: float) -> bytes:
    """Raises BodyTooLarge, BodyTooSlow, and ClientDisconnect."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > bytes_max:
        raise BodyTooLarge

    async def read() -> bytes:
        parts: List[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > bytes_max:
                raise BodyTooLarge
            parts.append(part)
        return b"".join(parts)

    try:
        return await asyncio.wait_for(read(), timeout_seconds)
    except asyncio.TimeoutError as error:
        raise BodyTooSlow from error
