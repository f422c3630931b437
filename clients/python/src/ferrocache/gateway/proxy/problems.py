"""Errors that this proxy itself answers, in the shape that the caller's SDK knows."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from starlette.responses import Response

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


@dataclass
class Refusal(Exception):
    """What ends a request without a provider's answer. ``message`` says what to change."""

    status: int
    code: str
    message: str
    retry_after: Optional[float] = None

    def answer(self, is_anthropic: bool, headers: Mapping[str, str]) -> Response:
        if is_anthropic:
            kind = _ANTHROPIC_TYPES.get(self.status, "api_error")
            body: Dict[str, Any] = {"type": "error", "error": {"type": kind, "message": self.message}}
        else:
            kind = "invalid_request_error" if self.status < 500 else "server_error"
            body = {"error": {"message": self.message, "type": kind, "param": None, "code": self.code}}
        more = dict(headers)
        if self.status == 401:
            more["WWW-Authenticate"] = "Bearer"
        if self.retry_after is not None:
            more["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        return Response(json.dumps(body, ensure_ascii=False).encode("utf-8"), self.status, more, "application/json")
