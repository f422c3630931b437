"""OpenAI's chat completions."""

from __future__ import annotations

import importlib
import json
import time
import uuid
from typing import Any, Callable, ClassVar, Dict, FrozenSet, List, Mapping, Optional

from .._calls import Json
from .._key import Key, is_absent, key_of, plain
from ._dialect import FORMAT, Dialect, Recorder, Stored, format_of, meta_attribute, meta_of, pieces, tokens
from ._tool_calls import CALLS, CallParts, are_whole_calls, call_deltas, function_deltas, is_whole_function, merge

# Arguments that say how the answer travels, who asks or what is kept, but not what the answer is.
IRRELEVANT = frozenset(
    {
        "messages",
        "stream",
        "stream_options",
        "timeout",
        "user",
        "safety_identifier",
        "metadata",
        "store",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "idempotency_key",
    }
)
WHOLE_FORMAT = "openai.chat.completion"
_PLAIN_MESSAGE = frozenset({"role", "content"})
_META = ("id", "created", "model", "system_fingerprint", "usage")


# Fields of a message that ask the caller to run tools, and their form in a stream.
_CALLS: Dict[str, Callable[[Any], List[Json]]] = {"tool_calls": call_deltas, "function_call": function_deltas}
_SAID = {"role": str, "content": str, "tool_calls": list, "function_call": dict, "refusal": str, "audio": dict}


class OpenAIDialect(Dialect):
    module = "openai"
    end_marks: ClassVar[FrozenSet[str]] = frozenset({"[DONE]"})
    shape: ClassVar[Json] = {
        "id": str,
        "created": int,
        "model": str,
        "usage": {"prompt_tokens": int, "completion_tokens": int, "total_tokens": int},
        "choices": [{"index": int, "finish_reason": str, "message": _SAID, "delta": _SAID}],
    }

    path: ClassVar[List[str]] = ["chat", "completions"]

    def key(self, arguments: Mapping[str, Any], numbers_exact: bool) -> Optional[Key]:
        exact = {name: value for name, value in arguments.items() if name not in IRRELEVANT and not is_absent(value)}
        messages, text = take_last_user_text(plain(arguments.get("messages") or []))
        return key_of({"api": "openai.chat", "arguments": exact, "messages": messages}, text, numbers_exact)

    def stored(self, answer: Json) -> Optional[Stored]:
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices:
            return None
        if not all(_is_complete(choice) or (self.keeps_calls and _is_call(choice)) for choice in choices):
            return None
        usage = answer.get("usage")
        cost = tokens(usage, "total_tokens")
        message = choices[0]["message"]
        said = {name for name, value in message.items() if value not in (None, [], {})}
        if len(choices) == 1 and said <= _PLAIN_MESSAGE and not choices[0].get("logprobs"):
            meta = {name: answer.get(name) for name in _META if _is_json(answer.get(name))}
            return Stored(message["content"], meta_attribute(meta, ["system_fingerprint", "usage", "model", "id"]), cost)
        calls = {CALLS: "true"} if any(_is_call(choice) for choice in choices) else {}
        return Stored(json.dumps(answer, separators=(",", ":")), {FORMAT: WHOLE_FORMAT, **calls}, cost)

    def recorder(self) -> Recorder:
        return ChunkRecorder(self)

    def answer(self, entry: Json, arguments: Mapping[str, Any]) -> Json:
        text = entry["response"]
        if format_of(entry) == WHOLE_FORMAT:
            answer = json.loads(text)
            if not isinstance(answer, dict) or not answer.get("choices"):
                raise ValueError("no chat completion")
            return answer
        meta = meta_of(entry)
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            "id": meta.get("id") or f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": meta.get("created") or int(time.time()),
            "model": meta.get("model") or str(arguments.get("model") or ""),
            "system_fingerprint": meta.get("system_fingerprint"),
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}],
            "usage": meta.get("usage") or {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }

    def events(self, answer: Json, arguments: Mapping[str, Any]) -> List[Json]:
        head = {name: answer.get(name) for name in ("id", "created", "model", "system_fingerprint")}
        head["object"] = "chat.completion.chunk"
        options = plain(arguments.get("stream_options")) if not is_absent(arguments.get("stream_options")) else None
        with_usage = bool((options or {}).get("include_usage"))
        if with_usage:
            head["usage"] = None

        def chunk(index: int, delta: Json, finish: Optional[str] = None, logprobs: Any = None) -> Json:
            choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
            return {**head, "choices": [choice]}

        made = []
        for choice in answer["choices"]:
            index, message = choice["index"], choice["message"]
            text, calls = message.get("content"), [name for name in _CALLS if message.get(name)]
            extra = {name: value for name, value in message.items() if name not in {*_PLAIN_MESSAGE, *calls} and value}
            opening = {"role": message.get("role") or "assistant", "content": None if text is None else "", **extra}
            made.append(chunk(index, opening))
            if choice.get("logprobs") and text:
                made.append(chunk(index, {"content": text}, logprobs=choice["logprobs"]))
            else:
                made += [chunk(index, {"content": piece}) for piece in pieces(text or "")]
            for name in calls:
                made += [chunk(index, delta) for delta in _CALLS[name](message[name])]
            made.append(chunk(index, {}, choice["finish_reason"]))
        if with_usage:
            made.append({**head, "choices": [], "usage": answer.get("usage")})
        return made

    def wire(self, events: List[Json]) -> bytes:
        lines = [f"data: {json.dumps(event, separators=(',', ':'))}\n\n" for event in events]
        return ("".join(lines) + "data: [DONE]\n\n").encode("utf-8")

    def answer_type(self) -> Any:
        return getattr(_sdk("openai.types.chat"), "ChatCompletion", None)

    def event_type(self) -> Any:
        return _sdk("openai.types.chat").ChatCompletionChunk

    def streaming(self) -> Any:
        return _sdk("openai._streaming")


def _sdk(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def take_last_user_text(messages: List[Json]) -> Any:
    """The messages with the text of the last user's turn taken out, and that text."""
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if not isinstance(message, dict) or message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return [*messages[:place], {**message, "content": None}, *messages[place + 1 :]], content
        if isinstance(content, list):
            texts = [part["text"] for part in content if _is_text(part)]
            left = [{"type": part["type"]} if _is_text(part) else part for part in content]
            return [*messages[:place], {**message, "content": left}, *messages[place + 1 :]], "\n\n".join(texts)
        return messages, ""
    return messages, ""


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("text", "input_text") and isinstance(part.get("text"), str)


def _is_json(value: Any) -> bool:
    return isinstance(value, (str, int, float, dict))


def _is_complete(choice: Any) -> bool:
    """Ended by itself, with words and nothing else to do."""
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        return False
    message = choice["message"]
    # A stand-in of a caller's own may have no finish_reason at all; a real one always has.
    if "finish_reason" in choice and choice["finish_reason"] != "stop":
        return False
    if any(message.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")):
        return False
    return isinstance(message.get("content"), str) and bool(message["content"].strip())


def _is_call(choice: Any) -> bool:
    """Ended by itself, to have tools run."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict) or any(message.get(name) for name in ("refusal", "audio")):
        return False
    # "stop": the request had named the tool.
    if choice.get("finish_reason") not in ("tool_calls", "function_call", "stop"):
        return False
    old = message.get("function_call")
    return are_whole_calls(message.get("tool_calls")) if not old else is_whole_function(old)


class ChunkRecorder(Recorder):
    """Chunks to the completion that they are the parts of."""

    def __init__(self, dialect: OpenAIDialect) -> None:
        self._dialect = dialect
        self._head: Json = {}
        self._usage: Any = None
        self._choices: Dict[int, Json] = {}
        self._calls: Dict[int, CallParts] = {}
        self._spoilt = False

    def add(self, event: Json) -> None:
        if event.get("error"):
            self._spoilt = True
        for name in ("id", "created", "model", "system_fingerprint"):
            if event.get(name) is not None:
                self._head[name] = event[name]
        if event.get("usage"):
            self._usage = event["usage"]
        for part in event.get("choices") or []:
            empty = {"index": part.get("index", 0), "finish_reason": None, "logprobs": None, "message": {"role": "assistant"}}
            choice = self._choices.setdefault(part.get("index", 0), empty)
            if part.get("finish_reason") is not None:
                choice["finish_reason"] = part["finish_reason"]
            self._add_logprobs(choice, part.get("logprobs"))
            for name, value in (part.get("delta") or {}).items():
                self._add_delta(choice, name, value)

    def _add_delta(self, choice: Json, name: str, value: Any) -> None:
        if value is None or name == "role":
            return
        message = choice["message"]
        if isinstance(value, str):
            message[name] = message.get(name, "") + value
        elif name == "tool_calls" and self._dialect.keeps_calls:
            calls = self._calls.setdefault(choice["index"], CallParts())
            calls.add(value)
            message[name] = calls.whole()
        elif name == "function_call" and self._dialect.keeps_calls:
            merge(message.setdefault(name, {}), value)
        elif value:
            self._spoilt = True  # calls of tools, and what cannot be put together by adding texts

    def _add_logprobs(self, choice: Json, logprobs: Any) -> None:
        if not isinstance(logprobs, dict):
            return
        kept = choice["logprobs"] or {"content": None, "refusal": None}
        for name in ("content", "refusal"):
            if logprobs.get(name):
                kept[name] = [*(kept[name] or []), *logprobs[name]]
        choice["logprobs"] = kept

    def finished(self) -> Optional[Stored]:
        if self._spoilt or not self._choices:
            return None
        choices = [self._choices[index] for index in sorted(self._choices)]
        whole = {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage}
        return self._dialect.stored(whole)
