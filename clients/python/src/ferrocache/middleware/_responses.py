"""OpenAI's responses, those that depend on nothing that the provider keeps."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Optional

from .._calls import Json
from .._key import Key, is_absent, key_of, plain
from ._dialect import FORMAT, Dialect, Recorder, Stored, format_of, pieces, tokens
from ._openai import IRRELEVANT as OF_CHATS
from ._openai import _sdk, take_last_user_text
from ._tool_calls import CALLS, is_json

IRRELEVANT = OF_CHATS | {"input", "conversation", "previous_response_id", "background"}
WHOLE_FORMAT = "openai.response"
_NOT_COMPLETE = ("error", "incomplete_details")
# Items that ask the caller to run a tool: type -> the field of what the model wrote for it.
_WRITTEN = {"function_call": "arguments", "custom_tool_call": "input"}

_PART = {"type": str, "text": str}
_ITEM = {"id": str, "type": str, "role": str, "status": str, "content": [_PART]}
_RESPONSE: Json = {"id": str, "model": str, "object": str, "status": str, "output": [_ITEM]}


class ResponsesDialect(Dialect):
    module = "openai"
    end_marks: ClassVar[FrozenSet[str]] = frozenset({"response.completed"})
    shape: ClassVar[Json] = {**_RESPONSE, "type": str, "response": _RESPONSE}

    path: ClassVar[List[str]] = ["responses"]

    def key(self, arguments: Mapping[str, Any], numbers_exact: bool) -> Optional[Key]:
        if any(not is_absent(arguments.get(name)) for name in ("conversation", "previous_response_id")):
            return None  # the earlier turns are the provider's secret
        if arguments.get("background") is True:
            return None  # the answer comes later, by other calls
        exact = {name: value for name, value in arguments.items() if name not in IRRELEVANT and not is_absent(value)}
        given = plain(arguments.get("input") or [])
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        messages, text = take_last_user_text(items)
        return key_of({"api": "openai.responses", "arguments": exact, "messages": messages}, text, numbers_exact)

    def stored(self, answer: Json) -> Optional[Stored]:
        output = answer.get("output")
        if answer.get("status") != "completed" or any(answer.get(name) for name in _NOT_COMPLETE):
            return None
        if not isinstance(output, list) or not all(_is_replayed(item) or self._is_kept_call(item) for item in output):
            return None
        has_calls = any(item["type"] in _WRITTEN for item in output)
        said = [part["text"] for item in output if item["type"] == "message" for part in item["content"]]
        if not has_calls and not any(text.strip() for text in said):
            return None
        attributes = {FORMAT: WHOLE_FORMAT, **({CALLS: "true"} if has_calls else {})}
        return Stored(json.dumps(answer, separators=(",", ":")), attributes, tokens(answer.get("usage"), "total_tokens"))

    def _is_kept_call(self, item: Any) -> bool:
        if not self.keeps_calls or not isinstance(item, dict) or item.get("type") not in _WRITTEN:
            return False
        named = all(isinstance(item.get(name), str) for name in ("call_id", "name", _WRITTEN[item["type"]]))
        has_ended = item.get("status", "completed") == "completed"
        return named and has_ended and (item["type"] != "function_call" or is_json(item["arguments"]))

    def recorder(self) -> Recorder:
        return ResponseRecorder(self)

    def answer(self, entry: Json, arguments: Mapping[str, Any]) -> Json:
        answer = json.loads(entry["response"]) if format_of(entry) == WHOLE_FORMAT else None
        if not isinstance(answer, dict) or not answer.get("output"):
            raise ValueError("no response")
        return answer

    def events(self, answer: Json, arguments: Mapping[str, Any]) -> List[Json]:
        begun = {**answer, "status": "in_progress", "output": [], "usage": None}
        made: List[Json] = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
        for index, item in enumerate(answer["output"]):
            made += _item_events(index, item)
        made.append({"type": "response.completed", "response": answer})
        return [{**event, "sequence_number": number} for number, event in enumerate(made)]

    def wire(self, events: List[Json]) -> bytes:
        lines = (f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n" for event in events)
        return "".join(lines).encode("utf-8")

    def answer_type(self) -> Any:
        return getattr(_sdk("openai.types.responses"), "Response", None)

    def event_type(self) -> Any:
        return _sdk("openai.types.responses").ResponseStreamEvent

    def streaming(self) -> Any:
        return _sdk("openai._streaming")


def _is_replayed(item: Any) -> bool:
    """Words, and the thoughts before them: nothing to do for the caller, nothing that another tool was asked."""
    if not isinstance(item, dict):
        return False
    if item.get("type") == "reasoning":
        return True
    content = item.get("content")
    if item.get("type") != "message" or item.get("status", "completed") != "completed" or not isinstance(content, list):
        return False
    return all(
        isinstance(part, dict) and part.get("type") == "output_text" and isinstance(part.get("text"), str) for part in content
    )


def _item_events(index: int, item: Json) -> List[Json]:
    if item["type"] in _WRITTEN:
        return _call_events(index, item)
    is_message = item["type"] == "message"
    field = "content" if is_message else "summary"
    inner = item.get(field) or []
    made: List[Json] = []
    for place, part in enumerate(inner):
        at: Dict[str, Any] = {"item_id": item.get("id"), "output_index": index, f"{field}_index": place}
        made += _text_events(at, part) if is_message else _summary_events(at, part)
    begun = {**item, field: [], **({"status": "in_progress"} if "status" in item else {})}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *made,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _call_events(index: int, item: Json) -> List[Json]:
    field = _WRITTEN[item["type"]]
    name = "function_call_arguments" if field == "arguments" else "custom_tool_call_input"
    at: Dict[str, Any] = {"item_id": item.get("id"), "output_index": index}
    begun = {**item, field: "", **({"status": "in_progress"} if "status" in item else {})}
    whole = {field: item[field], **({"name": item["name"]} if field == "arguments" else {})}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *({"type": f"response.{name}.delta", **at, "delta": piece} for piece in pieces(item[field])),
        {"type": f"response.{name}.done", **at, **whole},
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _text_events(at: Json, part: Json) -> List[Json]:
    def event(name: str, **fields: Any) -> Json:
        return {"type": f"response.{name}", **at, **fields}

    logprobs = part.get("logprobs") or []
    notes = enumerate(part.get("annotations") or [])
    return [
        event("content_part.added", part={**part, "text": "", "annotations": []}),
        *(event("output_text.delta", delta=piece, logprobs=[]) for piece in pieces(part["text"])),
        *(event("output_text.annotation.added", annotation=note, annotation_index=number) for number, note in notes),
        event("output_text.done", text=part["text"], logprobs=logprobs),
        event("content_part.done", part=part),
    ]


def _summary_events(at: Json, part: Json) -> List[Json]:
    def event(name: str, **fields: Any) -> Json:
        return {"type": f"response.reasoning_summary_{name}", **at, **fields}

    text = part.get("text") or ""
    return [
        event("part.added", part={**part, "text": ""}),
        *(event("text.delta", delta=piece) for piece in pieces(text)),
        event("text.done", text=text),
        event("part.done", part=part),
    ]


class ResponseRecorder(Recorder):
    """The last event of a stream has the whole response in it."""

    def __init__(self, dialect: ResponsesDialect) -> None:
        self._dialect = dialect
        self._response: Optional[Json] = None
        self._spoilt = False

    def add(self, event: Json) -> None:
        if event.get("type") == "error":
            self._spoilt = True
        elif event.get("type") == "response.completed":
            self._response = event["response"]

    def finished(self) -> Optional[Stored]:
        return None if self._spoilt or self._response is None else self._dialect.stored(self._response)
