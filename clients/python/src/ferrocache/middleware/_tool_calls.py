"""Answers that ask the caller to run its tools, for those who store them: what is whole, and what streams bring in parts.

The wrappers never store one. The gateway does where it is configured to, and serves it to the same text alone: the arguments of a
call are made from the very words of a question.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

from .._calls import Json
from ._dialect import pieces

# Of an entry: the answer has calls of tools.
CALLS = "ferrocache.calls"
# The kinds of calls that are for the caller to run: type -> the field of what the model wrote for it.
_WRITTEN = {"function": "arguments", "custom": "input"}


def is_json(text: Any) -> bool:
    """A model may write anything; some write nothing for a tool without parameters."""
    if not isinstance(text, str):
        return False
    try:
        return not text or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def are_whole_calls(calls: Any) -> bool:
    """Of a chat completion: each can be run by whoever reads it."""
    return isinstance(calls, list) and bool(calls) and all(_is_whole_call(call) for call in calls)


def _is_whole_call(call: Any) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str):
        return False
    kind = call.get("type") or "function"
    tool = call.get(kind)
    if kind not in _WRITTEN or not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return False
    return is_whole_function(tool) if kind == "function" else isinstance(tool.get("input"), str)


def is_whole_function(function: Any) -> bool:
    return isinstance(function, dict) and bool(function.get("name")) and is_json(function.get("arguments"))


def call_deltas(calls: List[Json]) -> List[Json]:
    """The calls of a chat completion as the deltas of a stream."""
    made: List[Json] = []
    for index, call in enumerate(calls):
        kind = call.get("type") or "function"
        field, tool = _WRITTEN[kind], call[kind]
        made.append({"tool_calls": [{**call, "index": index, kind: {**tool, field: ""}}]})
        made += [{"tool_calls": [{"index": index, kind: {field: piece}}]} for piece in pieces(tool[field])]
    return made


def function_deltas(function: Json) -> List[Json]:
    """The same for the one call of the API's older form."""
    parts = [{"function_call": {"arguments": piece}} for piece in pieces(function["arguments"])]
    return [{"function_call": {**function, "arguments": ""}}, *parts]


class CallParts:
    """The calls of one choice, from the deltas of a stream. Raises ValueError for what cannot be put together."""

    def __init__(self) -> None:
        self._calls: Dict[int, Json] = {}

    def add(self, deltas: List[Json]) -> None:
        for delta in deltas:
            index = delta.get("index")
            if not isinstance(index, int):
                raise ValueError("a part of a call without its index")
            merge(self._calls.setdefault(index, {}), {name: value for name, value in delta.items() if name != "index"})

    def whole(self) -> List[Json]:
        return [self._calls[index] for index in sorted(self._calls)]


def merge(call: Json, delta: Json) -> None:
    """What a model writes for a tool comes in parts; everything else at once, and by some servers again and again."""
    for name, value in delta.items():
        if isinstance(value, dict):
            merge(call.setdefault(name, {}), value)
        elif name in _WRITTEN.values() and isinstance(value, str):
            call[name] = call.get(name, "") + value
        elif value is not None and not call.get(name):
            call[name] = value
