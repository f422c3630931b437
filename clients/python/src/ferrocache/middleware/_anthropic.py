"""Anthropic's messages."""

from __future__ import annotations

import json
import uuid
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Optional

from .._calls import Json
from .._key import Key, is_absent, key_of, plain
from ._dialect import FORMAT, Dialect, Recorder, Stored, format_of, meta_attribute, meta_of, pieces, tokens
from ._openai import _sdk, take_last_user_text
from ._tool_calls import CALLS

IRRELEVANT = frozenset({"messages", "stream", "timeout", "metadata", "service_tier", "idempotency_key", "inference_geo"})
WHOLE_FORMAT = "anthropic.message"
# Both mean that the model said all that it had to say.
COMPLETE = frozenset({"end_turn", "stop_sequence"})
REPLAYED_BLOCKS = frozenset({"text", "thinking", "redacted_thinking"})
_META = ("id", "model", "stop_reason", "stop_sequence", "usage")
# How a block's delta is added to it: delta type -> (field, whether it is a list).
_DELTAS = {
    "text_delta": ("text", False),
    "thinking_delta": ("thinking", False),
    "signature_delta": ("signature", False),
    "citations_delta": ("citations", True),
}


_BLOCK = {"type": str, "text": str, "thinking": str, "signature": str, "data": str}
_ENDING = {"stop_reason": str, "stop_sequence": str}
_USAGE = {"input_tokens": int, "output_tokens": int}
_MESSAGE: Json = {"id": str, "model": str, "role": str, "content": [_BLOCK], "usage": _USAGE, **_ENDING}


class AnthropicDialect(Dialect):
    module = "anthropic"
    end_marks: ClassVar[FrozenSet[str]] = frozenset({"message_stop"})
    shape: ClassVar[Json] = {
        **_MESSAGE,
        "type": str,
        "index": int,
        "message": _MESSAGE,
        "content_block": _BLOCK,
        "delta": {**_BLOCK, **_ENDING},
    }

    path: ClassVar[List[str]] = ["messages"]

    def key(self, arguments: Mapping[str, Any], numbers_exact: bool) -> Optional[Key]:
        exact = {name: value for name, value in arguments.items() if name not in IRRELEVANT and not is_absent(value)}
        messages, text = take_last_user_text(_without_marks(plain(arguments.get("messages") or [])))
        parts = {"api": "anthropic.messages", "arguments": _without_marks(plain(exact)), "messages": messages}
        return key_of(parts, text, numbers_exact)

    def stored(self, answer: Json) -> Optional[Stored]:
        content = answer.get("content")
        if not isinstance(content, list) or not content:
            return None
        # A stand-in of a caller's own may have no stop_reason at all; a real one always has.
        has_calls = self.keeps_calls and any(_is_call(block) for block in content)
        if "stop_reason" in answer and answer["stop_reason"] not in (COMPLETE | {"tool_use"} if has_calls else COMPLETE):
            return None
        if not all(_is_replayed(block) or (has_calls and _is_call(block)) for block in content):
            return None
        if not has_calls and not any((block.get("text") or "").strip() for block in content):
            return None
        cost = tokens(answer.get("usage"), "input_tokens", "output_tokens")
        if len(content) == 1 and not has_calls and not content[0].get("citations"):
            meta = {name: answer.get(name) for name in _META if isinstance(answer.get(name), (str, int))}
            usage = answer.get("usage")
            if isinstance(usage, dict):
                meta["usage"] = {name: value for name, value in usage.items() if value is not None}
            return Stored(content[0]["text"], meta_attribute(meta, ["usage", "model", "id"]), cost)
        attributes = {FORMAT: WHOLE_FORMAT, **({CALLS: "true"} if has_calls else {})}
        return Stored(json.dumps(answer, separators=(",", ":")), attributes, cost)

    def recorder(self) -> Recorder:
        return EventRecorder(self)

    def answer(self, entry: Json, arguments: Mapping[str, Any]) -> Json:
        text = entry["response"]
        if format_of(entry) == WHOLE_FORMAT:
            answer = json.loads(text)
            if not isinstance(answer, dict) or not answer.get("content"):
                raise ValueError("no message")
            return answer
        meta = meta_of(entry)
        return {
            "id": meta.get("id") or f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": meta.get("model") or str(arguments.get("model") or ""),
            "content": [{"type": "text", "text": text}],
            "stop_reason": meta.get("stop_reason") or "end_turn",
            "stop_sequence": meta.get("stop_sequence"),
            "usage": meta.get("usage") or {"input_tokens": 0, "output_tokens": 0},
        }

    def events(self, answer: Json, arguments: Mapping[str, Any]) -> List[Json]:
        usage = answer.get("usage") or {}
        opening = {**answer, "content": [], "stop_reason": None, "stop_sequence": None}
        opening["usage"] = {**usage, "output_tokens": min(1, usage.get("output_tokens") or 0)}
        made: List[Json] = [{"type": "message_start", "message": opening}]
        for index, block in enumerate(answer["content"]):
            made += _block_events(index, block)
        ending = {"stop_reason": answer.get("stop_reason"), "stop_sequence": answer.get("stop_sequence")}
        told = {"output_tokens": usage.get("output_tokens") or 0}
        made.append({"type": "message_delta", "delta": ending, "usage": told})
        made.append({"type": "message_stop"})
        return made

    def wire(self, events: List[Json]) -> bytes:
        lines = (f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n" for event in events)
        return "".join(lines).encode("utf-8")

    def answer_type(self) -> Any:
        return getattr(_sdk("anthropic.types"), "Message", None)

    def event_type(self) -> Any:
        return _sdk("anthropic.types").RawMessageStreamEvent

    def streaming(self) -> Any:
        return _sdk("anthropic._streaming")


def _is_replayed(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type", "text") in REPLAYED_BLOCKS


def _is_call(block: Any) -> bool:
    """Of a tool that the caller runs. Tools that the provider runs have other types."""
    if not isinstance(block, dict) or block.get("type") != "tool_use" or not isinstance(block.get("input"), dict):
        return False
    return isinstance(block.get("id"), str) and isinstance(block.get("name"), str)


def _without_marks(value: Any) -> Any:
    """Without cache_control: where the provider caches its own work changes no answer."""
    if isinstance(value, dict):
        return {name: _without_marks(item) for name, item in value.items() if name != "cache_control"}
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    return value


def _block_events(index: int, block: Json) -> List[Json]:
    def delta(**fields: Any) -> Json:
        return {"type": "content_block_delta", "index": index, "delta": fields}

    kind = block.get("type", "text")
    made: List[Json] = []
    if kind == "text":
        empty = {**block, "text": "", "citations": None if block.get("citations") is None else []}
        made += [delta(type="text_delta", text=piece) for piece in pieces(block["text"])]
        made += [delta(type="citations_delta", citation=citation) for citation in block.get("citations") or []]
    elif kind == "thinking":
        empty = {**block, "thinking": "", "signature": ""}
        made += [delta(type="thinking_delta", thinking=piece) for piece in pieces(block["thinking"])]
        made.append(delta(type="signature_delta", signature=block.get("signature") or ""))
    elif kind == "tool_use":
        empty = {**block, "input": {}}
        written = json.dumps(block["input"], separators=(",", ":"), ensure_ascii=False) if block["input"] else ""
        made += [delta(type="input_json_delta", partial_json=piece) for piece in ["", *pieces(written)]]
    else:
        empty = block
    start = {"type": "content_block_start", "index": index, "content_block": empty}
    return [start, *made, {"type": "content_block_stop", "index": index}]


class EventRecorder(Recorder):
    """Events to the message that they are the parts of."""

    def __init__(self, dialect: AnthropicDialect) -> None:
        self._dialect = dialect
        self._message: Optional[Json] = None
        self._blocks: List[Json] = []
        self._inputs: Dict[int, str] = {}  # of tools, by the number of their block
        self._spoilt = False
        self._stopped = False

    def add(self, event: Json) -> None:
        kind = event.get("type")
        if kind == "message_start":
            self._message = dict(event["message"])
        elif kind == "content_block_start":
            if event["index"] != len(self._blocks):
                self._spoilt = True
            self._blocks.append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            self._add_delta(event["index"], event["delta"])
        elif kind == "content_block_stop" and self._inputs.get(event["index"]):
            self._blocks[event["index"]]["input"] = json.loads(self._inputs[event["index"]])
        elif kind == "message_delta" and self._message is not None:
            self._message.update({name: value for name, value in event["delta"].items() if value is not None})
            told = {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
            self._message["usage"] = {**(self._message.get("usage") or {}), **told}
        elif kind == "message_stop":
            self._stopped = True
        elif kind == "error":
            self._spoilt = True

    def _add_delta(self, index: int, delta: Json) -> None:
        block, known = self._blocks[index], _DELTAS.get(str(delta.get("type")))
        if delta.get("type") == "input_json_delta" and self._dialect.keeps_calls and block.get("type") == "tool_use":
            self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
            return
        if known is None:
            self._spoilt = True  # a tool's input, or what this version does not know
            return
        name, is_list = known
        if is_list:
            block[name] = [*(block.get(name) or []), delta["citation"]]
        else:
            block[name] = (block.get(name) or "") + delta[name]

    def finished(self) -> Optional[Stored]:
        if self._spoilt or not self._stopped or self._message is None:
            return None
        return self._dialect.stored({**self._message, "content": self._blocks})
