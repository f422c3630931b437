"""What a request asks of the cache: the header Cache-Control and the field ``cache`` of the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional

from ..._calls import Json
from .problems import Refusal

NAMESPACE_CHARACTERS_MAX = 256
FIELD = "cache"


@dataclass(frozen=True)
class Controls:
    """``no_cache``: nothing stored is served. ``no_store``: nothing is stored. ``max_age_seconds``: nothing older, nothing stale.
    ``ttl_seconds``: how long the new answer is fresh. ``namespace``: entries of another are not seen."""

    no_cache: bool = False
    no_store: bool = False
    only_if_cached: bool = False
    max_age_seconds: Optional[int] = None
    ttl_seconds: Optional[int] = None
    namespace: str = ""


def controls_of(header: str, field: Any) -> Controls:
    """``header``: Cache-Control, empty for none; directives that are not known are ignored, as RFC 9111 wants it. ``field``: the
    body's ``cache``, an object or None. Raises Refusal for what the field cannot mean."""
    said = _directives(header)
    asked = _field(field)
    age = said.get("max-age", "")
    return Controls(
        no_cache="no-cache" in said or asked.get("no-cache", False),
        no_store="no-store" in said or asked.get("no-store", False),
        only_if_cached="only-if-cached" in said,
        max_age_seconds=int(age) if age.isascii() and age.isdecimal() and len(age) < 16 else None,
        ttl_seconds=asked.get("ttl"),
        namespace=asked.get("namespace", ""),
    )


def _directives(header: str) -> Dict[str, str]:
    made: Dict[str, str] = {}
    for part in header.split(","):
        name, _, value = part.partition("=")
        made[name.strip().lower()] = value.strip().strip('"')
    return made


def _field(field: Any) -> Json:
    if field is None:
        return {}
    for name, value in field.items():
        if name in ("no-cache", "no-store"):
            if not isinstance(value, bool):
                raise _wrong(name, "must be true or false")
        elif name == "ttl":
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise _wrong(name, "must be a whole number of seconds, at least 1")
        elif name == "namespace":
            if not isinstance(value, str) or len(value) > NAMESPACE_CHARACTERS_MAX:
                raise _wrong(name, f"must be a text of at most {NAMESPACE_CHARACTERS_MAX} characters")
        else:
            raise _wrong(name, "is not known; known are ttl, no-cache, no-store, namespace")
    return dict(field)


def _wrong(name: str, what: str) -> Refusal:
    return Refusal(400, "invalid_cache_control", f"{FIELD}.{name[:64]} {what}")
