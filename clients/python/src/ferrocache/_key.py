"""What must be equal for an answer to be served again, as a hash inside the model_id: the namespace keeps it apart exactly."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from ._meaning import numbers_in, split_turn

MODEL_ID_BYTES_MAX = 256
DIGEST_CHARACTERS = 32
_ABSENT_TYPES = ("NotGiven", "Omit", "Omitted")
_DIMENSION = re.compile(r"::\d+\Z")


class NotCacheable(Exception):
    """Something in the request has no fixed text to hash."""


@dataclass(frozen=True)
class Key:
    """``digest`` of what must be equal; ``question`` is what is compared by meaning, None if nothing is."""

    digest: str
    question: Optional[str]


def is_absent(value: Any) -> bool:
    """None, and the markers by which SDKs say that an argument was not given."""
    return value is None or type(value).__name__ in _ABSENT_TYPES


def plain(value: Any) -> Any:
    """Any argument of an SDK as JSON values, the absent left out, equal for what means the same. Raises NotCacheable."""
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotCacheable("a number that is none")
        return int(value) if value == int(value) else value
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items() if not is_absent(item)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        return {"type": value.__qualname__, "schema": plain(value.model_json_schema())}
    if not isinstance(value, type) and hasattr(value, "model_dump"):
        dumped = value.model_dump(mode="json", exclude_none=True)
        if isinstance(dumped, (Mapping, list, str, int, float)) or dumped is None:  # a mock's is another mock
            return plain(dumped)
    raise NotCacheable(f"a {type(value).__name__}")


def digest_of(parts: Dict[str, Any]) -> str:
    text = json.dumps(plain(parts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]


def key_of(exact: Dict[str, Any], text: str, numbers_exact: bool = True) -> Optional[Key]:
    """The key of a request whose user's text is ``text`` and the rest of which is ``exact``. None without a text."""
    if not text.strip():
        return None
    turn = split_turn(text)
    parts = {**exact, "material": turn.material}
    if turn.question is None:
        parts["whole"] = True
    elif numbers_exact:
        parts["numbers"] = numbers_in(turn.question)
    return Key(digest_of(parts), turn.question)


def model_id_with(base: str, digest: str, dimension: Optional[int]) -> str:
    """``name#digest::384``: the digest goes before the dimension, which stays the end by convention."""
    found = _DIMENSION.search(base)
    stem = base[: found.start()] if found else base
    suffix = "" if dimension is None else found.group() if found else f"::{dimension}"
    room = MODEL_ID_BYTES_MAX - len(f"#{digest}{suffix}")
    if len(stem.encode("utf-8")) > room:
        stem = hashlib.sha256(stem.encode("utf-8")).hexdigest()[:DIGEST_CHARACTERS]
    return f"{stem}#{digest}{suffix}"
