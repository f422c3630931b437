"""A request to a provider, understood as far as the cache needs to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from ..._calls import Json
from ..._key import Key, NotCacheable, digest_of
from ...middleware._dialect import Dialect
from .callers import Caller
from .config import ProxySettings
from .controls import FIELD, Controls, controls_of
from .deps import HEADER, Dep, deps_of
from .routes import Operation

# Headers that may change what is answered.
_HEADERS_OF_KEY = ("anthropic-version", "anthropic-beta", "openai-beta")


@dataclass(frozen=True)
class Ask:
    """``payload`` goes to the provider. ``key`` None: nothing is looked up or stored, for the reason ``why_not``."""

    dialect: Optional[Dialect]
    caller: Caller
    payload: bytes
    arguments: Json
    key: Optional[Key]
    controls: Controls
    deps: Tuple[Dep, ...] = ()
    why_not: str = ""
    deployment: str = ""  # of Azure

    @property
    def streams(self) -> bool:
        return bool(self.arguments.get("stream"))

    @property
    def model(self) -> str:
        model = self.arguments.get("model")
        return model if isinstance(model, str) else self.deployment

    @property
    def may_call(self) -> bool:
        """Whether the answer may be one that asks the caller to run tools."""
        return bool(self.arguments.get("tools") or self.arguments.get("functions"))

    @property
    def scope(self) -> str:
        assert self.caller.scope is not None
        return self.caller.scope

    def same_form(self, other: Ask) -> bool:
        """Whether the answer to the other, byte for byte, is one to this."""
        return self.streams == other.streams and self.arguments.get("stream_options") == other.arguments.get("stream_options")


def ask_of(
    operation: Operation,
    caller: Caller,
    headers: Mapping[str, str],
    query: str,
    payload: bytes,
    settings: ProxySettings,
) -> Ask:
    """Raises Refusal for a control or a dependency that cannot be read. What else is odd is the provider's to refuse."""
    controls, dialect = controls_of(headers.get("cache-control", ""), None), operation.dialect
    if dialect is None:
        return Ask(None, caller, payload, {}, None, controls, why_not="not cached")
    try:
        arguments = json.loads(payload)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        return Ask(None, caller, payload, {}, None, controls, why_not="no JSON object")
    if isinstance(arguments.get(FIELD), dict):
        controls = controls_of(headers.get("cache-control", ""), arguments.pop(FIELD))
        payload = json.dumps(arguments, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if caller.scope is None:
        return Ask(dialect, caller, payload, arguments, None, controls, (), "no token", operation.deployment)
    if controls.no_cache and controls.no_store:
        return Ask(dialect, caller, payload, arguments, None, controls, (), "asked for", operation.deployment)
    deps = deps_of(headers.get(HEADER, ""))
    beside = {name: headers[name] for name in _HEADERS_OF_KEY if name in headers}
    more = {"policy": caller.policy, "namespace": controls.namespace, "headers": beside, "query": query}
    if operation.provider == "azure":
        more["azure"] = operation.deployment
    key = _key(dialect, arguments, more, settings.numbers_exact)
    why_not = "" if key else "not cacheable"
    return Ask(dialect, caller, payload, arguments, key, controls, deps, why_not, operation.deployment)


def _key(dialect: Dialect, arguments: Json, more: Json, numbers_exact: bool) -> Optional[Key]:
    """The key of the dialect, and beside what it holds what else must be equal here. The tenant is the entry's scope."""
    try:
        key = dialect.key(arguments, numbers_exact)
        if key is None:
            return None
        if key.question is not None:
            key.question.encode("utf-8")
        return Key(digest_of({**more, "key": key.digest}), key.question)
    except (NotCacheable, RecursionError, UnicodeEncodeError, AttributeError, TypeError, ValueError, LookupError):
        return None  # of a shape that this version does not know
