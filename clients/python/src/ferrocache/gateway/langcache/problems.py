"""The errors of LangCache's API: a closed list of types, each with its status, sent as application/json."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from starlette.responses import Response

from ...errors import FerrocacheError
from ..embedding import EmbeddingFailed

# type -> (status, title)
TYPES: Mapping[str, Any] = {
    "/errors/invalid-data": (400, "Invalid data"),
    "/errors/authentication-failed": (401, "Authentication failed"),
    "/errors/insufficient-permissions": (403, "Insufficient permissions"),
    "/errors/cache/not-found": (404, "Cache not found"),
    "/errors/cache/entry/not-found": (404, "Cache entry not found"),
    "/errors/resource/not-found": (404, "Resource not found"),
    "/errors/payload-too-large": (413, "Payload too large"),
    "/errors/embeddings/unauthorized": (424, "Embedding service refused access"),
    "/errors/embeddings/too-many-requests": (424, "Embedding service is busy"),
    "/errors/database/resource-database-unavailable": (424, "Resource unavailable"),
    "/errors/database/out-of-memory": (424, "Out of memory"),
    "/errors/cache/index-not-found": (424, "Index not found"),
    "/errors/too-many-requests": (429, "Too many requests"),
    "/errors/unexpected-error": (500, "Unexpected error"),
    "/errors/embeddings/unexpected-error": (500, "Unexpected error of the embedding service"),
}

INVALID = "/errors/invalid-data"
UNAVAILABLE = "/errors/database/resource-database-unavailable"
UNEXPECTED = "/errors/unexpected-error"

# From 0.12 on the SDKs know other names, and take an answer with one that they do not know for broken.
_LATER: Mapping[str, str] = {
    "/errors/cache/not-found": "/errors/resource-not-found",
    "/errors/cache/entry/not-found": "/errors/resource-not-found",
    "/errors/resource/not-found": "/errors/resource-not-found",
    "/errors/embeddings/unauthorized": "/errors/resource-unavailable",
    "/errors/embeddings/too-many-requests": "/errors/resource-unavailable",
    "/errors/database/resource-database-unavailable": "/errors/resource-unavailable",
    "/errors/database/out-of-memory": "/errors/database-out-of-memory",
    "/errors/cache/index-not-found": "/errors/resource-unavailable",
    "/errors/embeddings/unexpected-error": "/errors/unexpected-error",
}
_SDK = re.compile(r"speakeasy-sdk/\w+ (\d+)\.(\d+)\.\S* .*langcache$")


@dataclass
class Problem(Exception):
    """What ends a request. ``fields`` are those of the body that are wrong: field, rule, message."""

    type: str
    detail: str
    fields: Optional[List[Dict[str, str]]] = None
    retry_after: Optional[float] = None

    @property
    def status(self) -> int:
        return int(TYPES[self.type][0])

    def answer(self, instance: str, user_agent: str, headers: Mapping[str, str]) -> Response:
        status, title = TYPES[self.type]
        body: Dict[str, Any] = {
            "title": title,
            "type": _LATER.get(self.type, self.type) if _is_later(user_agent) else self.type,
            "status": status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.fields:
            body["fields"] = self.fields
        more = dict(headers)
        if status == 401:
            more["WWW-Authenticate"] = "Bearer"
        if self.retry_after is not None:
            more["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        return Response(json.dumps(body, ensure_ascii=False).encode("utf-8"), status, more, "application/json")


def _is_later(user_agent: str) -> bool:
    sdk = _SDK.match(user_agent)
    return sdk is not None and (int(sdk[1]), int(sdk[2])) >= (0, 12)


def wrong(field: str, rule: str, message: str) -> Problem:
    return Problem(INVALID, f"{field}: {message}", [{"field": field, "rule": rule, "message": message}])


def of_embedder(error: EmbeddingFailed) -> Problem:
    types = {
        "unauthorized": "/errors/embeddings/unauthorized",
        "too-many-requests": "/errors/embeddings/too-many-requests",
        "unavailable": UNAVAILABLE,
    }
    return Problem(types.get(error.kind, "/errors/embeddings/unexpected-error"), error.detail, retry_after=error.retry_after)


def of_node(error: FerrocacheError) -> Problem:
    """By status: the node's sentences speak of its own API, which the caller does not use."""
    status = error.status
    if status == 413:
        return Problem(
            "/errors/payload-too-large", "the response is larger than the cache node stores; see limits.max_response_bytes"
        )
    if status == 507:
        return Problem("/errors/database/out-of-memory", "the cache node is at its memory budget and can evict nothing")
    if status == 400 and "dimension" in str(error):
        return Problem("/errors/cache/index-not-found", "the cache holds vectors of another dimension; flush it")
    if status in (401, 403):
        return Problem(UNAVAILABLE, f"the cache node refused the gateway's token (HTTP {status}); it needs the role admin")
    if status is None or status == 429 or status >= 500:
        return Problem(
            UNAVAILABLE, "the cache node cannot be used" + (f" (HTTP {status})" if status else ": it was not reached in time")
        )
    return Problem(UNEXPECTED, f"the cache node refused what the gateway sent (HTTP {status})")
