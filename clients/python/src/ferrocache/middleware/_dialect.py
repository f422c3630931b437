"""What the flow of a cached call needs to know of an SDK. One implementation for each SDK; none keeps state of a call."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Optional, Tuple, Union

from .._calls import Json
from .._key import Key

# Attributes of an entry that say how its response is to be read. Without them it is the plain text of an answer.
FORMAT = "ferrocache.format"
META = "ferrocache.meta"
ATTRIBUTE_BYTES_MAX = 1024
# Pieces in which a stored text is streamed again.
PIECE_CHARACTERS = 40


@dataclass(frozen=True)
class Stored:
    """An answer as it goes into an entry."""

    response: str
    attributes: Dict[str, str] = field(default_factory=dict)
    cost: Optional[float] = None


class Recorder(ABC):
    """Puts together what a stream brings. Used by one stream."""

    @abstractmethod
    def add(self, event: Json) -> None:
        """One event of the stream, as plain values."""

    @abstractmethod
    def finished(self) -> Optional[Stored]:
        """After the end of the stream: the answer, or None if it must not be served again."""


# A kind of value, the fields of an object, or (in a list) what a list holds.
Shape = Union[type, Tuple[type, ...], Dict[str, Any], List[Any]]


class Dialect(ABC):
    """``module``: the SDK's name, whose types a hit is made of if it is installed. ``end_marks``: what the last event of a whole
    stream is, or is called by its type. ``keeps_calls``: whether an answer that asks the caller to run tools is one to store."""

    module: str
    end_marks: ClassVar[FrozenSet[str]]
    # What is read of an answer or an event that has no fields to list: a mock in somebody's tests.
    shape: ClassVar[Dict[str, Any]]
    # From the client to the object whose ``create`` is cached.
    path: ClassVar[List[str]]

    def __init__(self, keeps_calls: bool = False) -> None:
        self.keeps_calls = keeps_calls

    @abstractmethod
    def key(self, arguments: Mapping[str, Any], numbers_exact: bool) -> Optional[Key]:
        """None: this request is not for the cache. May raise NotCacheable."""

    @abstractmethod
    def stored(self, answer: Json) -> Optional[Stored]:
        """A whole answer as an entry, or None if it must not be served again."""

    @abstractmethod
    def recorder(self) -> Recorder:
        """For a stream on its way to the caller."""

    @abstractmethod
    def answer(self, entry: Json, arguments: Mapping[str, Any]) -> Json:
        """A hit as the body that the API would have sent. Raises ValueError if the entry holds no such thing."""

    @abstractmethod
    def events(self, answer: Json, arguments: Mapping[str, Any]) -> List[Json]:
        """That body as the events of a stream."""

    @abstractmethod
    def wire(self, events: List[Json]) -> bytes:
        """Those events as the API sends them."""

    @abstractmethod
    def answer_type(self) -> Any:
        """The SDK's type of an answer."""

    @abstractmethod
    def event_type(self) -> Any:
        """The SDK's type of a stream's event."""

    @abstractmethod
    def streaming(self) -> Any:
        """The SDK's module that has Stream and AsyncStream."""


def as_plain(value: Any) -> Any:
    """An SDK's object as JSON values. Whatever has attributes only (a caller's own stand-in) gives those that it has."""
    if hasattr(value, "model_dump") and not isinstance(value, type):
        if _is_pydantic(value):
            return value.model_dump(mode="json", exclude_unset=True, warnings=False)
        dumped = value.model_dump()
        return dumped if isinstance(dumped, Mapping) else value
    if isinstance(value, Mapping):
        return {name: as_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(item) for item in value]
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return {name: as_plain(item) for name, item in vars(value).items() if not name.startswith("_")}
    return value


def read(value: Any, shape: Shape) -> Any:
    """What an object has of a shape; None for what is of another kind, as every attribute of a mock is that nobody set."""
    if isinstance(shape, dict):
        fields = {name: read(getattr(value, name, None), inner) for name, inner in shape.items()}
        return {name: found for name, found in fields.items() if found is not None} or None
    if isinstance(shape, list):
        if isinstance(value, (list, tuple)):
            return [read(item, shape[0]) or {} for item in value]
        try:  # a mock is set up by answer.choices[0].message.content = ..., and knows no length
            first = read(value[0], shape[0])
        except (TypeError, LookupError):
            return None
        return None if first is None else [first]
    return value if isinstance(value, shape) and not isinstance(value, bool) else None


def _is_pydantic(value: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def as_namespace(value: Any) -> Any:
    """JSON values as objects with attributes: what a hit is when the SDK is not installed."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: as_namespace(item) for name, item in value.items()})
    if isinstance(value, list):
        return [as_namespace(item) for item in value]
    return value


def meta_attribute(meta: Mapping[str, Any], dispensable: List[str]) -> Dict[str, str]:
    """What belongs to an answer beside its text, as one attribute; parts that do not fit are left out."""
    kept = {name: value for name, value in meta.items() if value is not None}
    for left_out in [None, *dispensable]:
        kept.pop(left_out or "", None)
        text = json.dumps(kept, separators=(",", ":"))
        if len(text.encode("utf-8")) <= ATTRIBUTE_BYTES_MAX:
            return {META: text}
    return {}


def meta_of(entry: Json) -> Json:
    try:
        meta = json.loads((entry.get("attributes") or {}).get(META, "{}"))
    except ValueError:
        return {}
    return meta if isinstance(meta, dict) else {}


def format_of(entry: Json) -> str:
    return str((entry.get("attributes") or {}).get(FORMAT, ""))


def pieces(text: str) -> List[str]:
    """A text in parts of whole words, none lost."""
    parts: List[str] = []
    begin = 0
    while begin < len(text):
        end = min(begin + PIECE_CHARACTERS, len(text))
        if end < len(text):
            space = text.rfind(" ", begin, end)
            end = space + 1 if space > begin else end
        parts.append(text[begin:end])
        begin = end
    return parts


def tokens(usage: Any, *names: str) -> Optional[float]:
    """The tokens that an answer took: its cost."""
    if not isinstance(usage, dict):
        return None
    counts = [usage.get(name) for name in names]
    total = sum(count for count in counts if isinstance(count, (int, float)))
    return float(total) if total > 0 else None
