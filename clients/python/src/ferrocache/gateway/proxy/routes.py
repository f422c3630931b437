"""Which request is which: the paths of the providers' APIs, and where each goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional
from urllib.parse import quote

from ...middleware._anthropic import AnthropicDialect
from ...middleware._dialect import Dialect
from ...middleware._openai import OpenAIDialect
from ...middleware._responses import ResponsesDialect

INVALIDATE = "invalidate"
# Segments that lead out of a path; and what of a path need not be encoded.
_DOTS = frozenset({".", ".."})
_PLAIN = "/:@!$&'()*+,;=~"
_MODEL_PATH = re.compile(r"/models(/[^/]+)*")
# Azure's paths: with the deployment, which is its model, or as OpenAI's below /openai/v1, or neither.
_AZURE = re.compile(r"/openai(?:(/v1)|/deployments/([^/]+))?(/.+)")


@dataclass(frozen=True)
class Operation:
    """``dialect`` None: passed through. ``path``: what follows the provider's URL. ``deployment``: of Azure, else empty."""

    name: str
    provider: str = "openai"
    dialect: Optional[Dialect] = None
    path: str = ""
    deployment: str = ""


class Routes:
    """``keeps_calls``: see Dialect. ``has_azure``: without it Azure's paths are none."""

    def __init__(self, keeps_calls: bool, has_azure: bool) -> None:
        self._has_azure = has_azure
        self._of_openai: Dict[str, Operation] = {
            "/chat/completions": Operation("chat_completions", "openai", OpenAIDialect(keeps_calls)),
            "/responses": Operation("responses", "openai", ResponsesDialect(keeps_calls)),
            "/embeddings": Operation("embeddings"),
        }
        self._of_anthropic: Dict[str, Operation] = {
            "/messages": Operation("messages", "anthropic", AnthropicDialect(keeps_calls)),
            "/messages/count_tokens": Operation("count_tokens", "anthropic"),
        }

    def find(self, method: str, path: str, is_anthropic: bool) -> Optional[Operation]:
        """``path``: decoded, below the base path. None: no request of this proxy's."""
        if not _DOTS.isdisjoint(path.split("/")):
            return None  # whoever follows them is somewhere else, with the gateway's key
        if path.startswith("/v1/"):
            return self._found(method, path[3:], is_anthropic)
        azure = _AZURE.fullmatch(path) if self._has_azure else None
        if azure is None:
            return None
        version, deployment, rest = azure[1] or "", azure[2] or "", azure[3]
        found = self._common(method, rest)
        if found is None:
            return None
        begin = "/openai" + version + (f"/deployments/{quote(deployment, safe='')}" if deployment else "")
        return Operation(found.name, "azure", found.dialect, begin + quote(rest, safe=_PLAIN), deployment)

    def why_none(self, path: str) -> str:
        if not self._has_azure and "/openai/" in path:
            return "this gateway serves Azure's routes if proxy.azure.url is set"
        return "this gateway does not serve this route; its page lists those it does"

    def _found(self, method: str, path: str, is_anthropic: bool) -> Optional[Operation]:
        if method == "POST" and path == "/invalidate":
            return Operation(INVALIDATE, "")
        found = self._common(method, path)
        if method == "POST" and found is None:
            found = self._of_anthropic.get(path)
        if found is None:
            return None
        provider = "anthropic" if is_anthropic and found.name == "models" else found.provider
        return Operation(found.name, provider, found.dialect, quote(path, safe=_PLAIN))

    def _common(self, method: str, path: str) -> Optional[Operation]:
        """What OpenAI and Azure have in common."""
        if method == "POST":
            return self._of_openai.get(path)
        return Operation("models") if method == "GET" and _MODEL_PATH.fullmatch(path) else None
