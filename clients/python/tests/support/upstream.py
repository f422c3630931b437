"""An upstream that speaks OpenAI's and Anthropic's wire formats, streaming included, and does what a test tells it to."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional

# How long a stream that a test holds back waits for it: machines may be busy.
HOLD_SECONDS = 120


@dataclass
class Reply:
    """What to answer: a text, or whatever differs from a plain one."""

    text: str = "an answer"
    finish: str = ""  # OpenAI's finish_reason or Anthropic's stop_reason; empty: the usual one
    status: int = 200
    tool_call: bool = False
    calls: int = 1  # of tools, if there are any
    arguments: Optional[str] = None  # of the tools, in place of the usual ones
    refusal: Optional[str] = None
    thinking: Optional[str] = None  # Anthropic: a thinking block before the text; OpenAI: reasoning_content
    logprobs: bool = False
    choices: int = 1
    cut_stream: bool = False  # the connection ends in the middle of a stream
    end_without_finish: bool = False  # a stream ends properly, but before it said why
    stream_error: bool = False  # an error event in the middle of a stream
    extra: dict = field(default_factory=dict)  # fields of the whole answer


class Upstream:
    """``calls`` are the bodies that came in; ``reply`` is asked for each."""

    def __init__(self, tls=None):
        self.calls: list[dict] = []
        self.paths: list[str] = []
        self.headers: list[dict] = []
        self.reply: Callable[[dict, int], Reply] = lambda body, number: Reply(f"answer {number}")
        self.hold: Optional[threading.Event] = None  # waited for in the middle of a stream, which breaks off if it does not come
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def as_new(self) -> None:
        """For the next test: nothing is held back, nothing was heard."""
        for heard in (self.calls, self.paths, self.headers):
            heard.clear()
        self.hold = None
        self.answers()

    def answers(self, **fields: Any) -> None:
        """Every answer from now on is of this kind, its text numbered."""
        text = fields.pop("text", None)
        self.reply = lambda body, number: Reply(text if text is not None else f"answer {number}", **fields)

    def noted(self, path: str, headers: dict, body: dict) -> int:
        with self._lock:
            self.calls.append(body)
            self.paths.append(path)
            self.headers.append(headers)
            return len(self.calls)

    def close(self) -> None:
        if self.hold is not None:
            self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
ARGUMENTS = ['{"a":1}', '{"city":"Wien","note":"a text of \\"many\\" words, äöü, in parts","deep":{"list":[1,2.5,null]}}']
LOGPROBS = {"content": [{"token": "an", "logprob": -0.5, "bytes": [97, 110], "top_logprobs": []}], "refusal": None}


def tool_arguments(reply: Reply) -> list[str]:
    return [ARGUMENTS[min(number, 1)] if reply.arguments is None else reply.arguments for number in range(reply.calls)]


def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def openai_body(request: dict, reply: Reply, number: int) -> dict:
    message: dict = {"role": "assistant", "content": None if reply.tool_call else reply.text, "refusal": reply.refusal}
    if reply.tool_call:
        message["tool_calls"] = [
            {"id": f"call_{place}", "type": "function", "function": {"name": "look_up", "arguments": arguments}}
            for place, arguments in enumerate(tool_arguments(reply), 1)
        ]
    if reply.thinking:
        message["reasoning_content"] = reply.thinking
    finish = reply.finish or ("tool_calls" if reply.tool_call else "stop")
    choices = [
        {"index": index, "message": message, "finish_reason": finish, "logprobs": LOGPROBS if reply.logprobs else None}
        for index in range(reply.choices)
    ]
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1_700_000_000, "model": request["model"]}
    return {**head, "choices": choices, "usage": USAGE, "system_fingerprint": "fp_1", **reply.extra}


def openai_chunks(request: dict, body: dict, reply: Reply) -> list[dict]:
    head = {**{name: body[name] for name in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    made = []

    def chunk(index, delta, finish=None, logprobs=None):
        made.append({**head, "choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": logprobs}]})

    for choice in body["choices"]:
        index, message = choice["index"], choice["message"]
        chunk(index, {"role": "assistant", "content": ""})
        if message.get("reasoning_content"):
            chunk(index, {"reasoning_content": message["reasoning_content"]})
        for place, call in enumerate(message.get("tool_calls") or []):
            begun = {**call, "index": place, "function": {**call["function"], "arguments": ""}}
            chunk(index, {"tool_calls": [begun]})
            for half in halves(call["function"]["arguments"]):
                chunk(index, {"tool_calls": [{"index": place, "function": {"arguments": half}}]})
        if message.get("refusal"):
            chunk(index, {"refusal": message["refusal"]})
        for word in message["content"].split(" ") if message["content"] is not None else []:
            chunk(index, {"content": word + " "}, logprobs=choice["logprobs"])
        if not reply.end_without_finish:
            chunk(index, {}, choice["finish_reason"])
    if (request.get("stream_options") or {}).get("include_usage"):
        made.append({**head, "choices": [], "usage": USAGE})
    return made


def responses_body(request: dict, reply: Reply, number: int) -> dict:
    output: list[dict] = []
    if reply.thinking:
        output.append({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": reply.thinking}]})
    if reply.tool_call:
        output += [
            {"id": f"fc_{place}", "type": "function_call", "call_id": f"call_{place}", "name": "look_up", "arguments": arguments,
             "status": "completed"}
            for place, arguments in enumerate(tool_arguments(reply), 1)
        ]  # fmt: skip
    else:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        if reply.refusal or reply.finish in ("refusal", "content_filter"):
            part = {"type": "refusal", "refusal": reply.refusal or "no"}
        output.append({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]})
    cut_short = reply.finish == "length"
    return {
        "id": f"resp_{number}", "object": "response", "created_at": 1_700_000_000, "model": request["model"], "output": output,
        "status": "incomplete" if cut_short else "completed", "error": None, "parallel_tool_calls": True, "tools": [],
        "incomplete_details": {"reason": "max_output_tokens"} if cut_short else None, "tool_choice": "auto", "metadata": {},
        "usage": {
            "input_tokens": 11, "output_tokens": 7, "total_tokens": 18, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }, **reply.extra,
    }  # fmt: skip


def responses_events(body: dict, reply: Reply) -> list[dict]:
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    made: list[dict] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(body["output"]):
        if item["type"] == "function_call":
            at = {"item_id": item["id"], "output_index": index}
            begun = {**item, "arguments": "", "status": "in_progress"}
            made.append({"type": "response.output_item.added", "output_index": index, "item": begun})
            for half in halves(item["arguments"]):
                made.append({"type": "response.function_call_arguments.delta", **at, "delta": half})
            whole = {"name": item["name"], "arguments": item["arguments"]}
            made.append({"type": "response.function_call_arguments.done", **at, **whole})
            made.append({"type": "response.output_item.done", "output_index": index, "item": item})
            continue
        made.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "content": []}})
        for place, part in enumerate(item.get("content") or []):
            at = {"item_id": item["id"], "output_index": index, "content_index": place}
            made.append({"type": "response.content_part.added", **at, "part": {**part, "text": ""}})
            for word in part.get("text", "").split(" "):
                made.append({"type": "response.output_text.delta", **at, "delta": word + " ", "logprobs": []})
            made.append({"type": "response.content_part.done", **at, "part": part})
        made.append({"type": "response.output_item.done", "output_index": index, "item": item})
    if not reply.end_without_finish:
        made.append({"type": f"response.{body['status']}", "response": body})
    return [{**event, "sequence_number": number} for number, event in enumerate(made)]


def anthropic_body(request: dict, reply: Reply, number: int) -> dict:
    content: list[dict] = []
    if reply.thinking:
        content.append({"type": "thinking", "thinking": reply.thinking, "signature": "c2ln"})
    if reply.tool_call:
        content += [{"type": "text", "text": "Let me look."}] if reply.calls > 1 else []
        content += [
            {"type": "tool_use", "id": f"toolu_{place}", "name": "look_up", "input": json.loads(arguments)}
            for place, arguments in enumerate(tool_arguments(reply), 1)
        ]
    else:
        content.append({"type": "text", "text": reply.text})
    return {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": request["model"], "content": content,
        "stop_reason": reply.finish or ("tool_use" if reply.tool_call else "end_turn"), "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 8}, **reply.extra,
    }  # fmt: skip


def anthropic_events(body: dict, reply: Reply) -> list[dict]:
    opening = {**body, "content": [], "stop_reason": None, "usage": {"input_tokens": 12, "output_tokens": 1}}
    made: list[dict] = [{"type": "message_start", "message": opening}, {"type": "ping"}]
    for index, block in enumerate(body["content"]):

        def delta(index=index, **fields):
            made.append({"type": "content_block_delta", "index": index, "delta": fields})

        def start(index=index, **fields):
            made.append({"type": "content_block_start", "index": index, "content_block": fields})

        if block["type"] == "text":
            start(type="text", text="")
            for word in block["text"].split(" "):
                delta(type="text_delta", text=word + " ")
        elif block["type"] == "thinking":
            start(type="thinking", thinking="", signature="")
            delta(type="thinking_delta", thinking=block["thinking"])
            delta(type="signature_delta", signature=block["signature"])
        else:
            start(type="tool_use", id=block["id"], name=block["name"], input={})
            for part in ["", *halves(json.dumps(block["input"]))]:
                delta(type="input_json_delta", partial_json=part)
        made.append({"type": "content_block_stop", "index": index})
    if not reply.end_without_finish:
        ending = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]}
        made.append({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 8}})
        made.append({"type": "message_stop"})
    return made


def _handler(upstream: Upstream):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each body waits for the acknowledgement of its head

        def log_message(self, *arguments):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.path = self.path.partition("?")[0]
            number = upstream.noted(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            reply = upstream.reply(body, number)
            if reply.status != 200:
                return self.send(reply.status, {"error": {"type": "api_error", "message": "told to fail"}, "type": "error"})
            if self.path.endswith("/chat/completions"):
                answer = openai_body(body, reply, number)
                if body.get("stream"):
                    events = openai_chunks(body, answer, reply)
                    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
                    error = 'data: {"error":{"message":"told to fail","type":"server_error"}}\n\n'
                    return self.stream([*lines, "data: [DONE]\n\n"], reply, error)
                return self.send(200, answer)
            if self.path.endswith("/responses"):
                answer = responses_body(body, reply, number)
                if body.get("stream"):
                    lines = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in responses_events(answer, reply)]
                    error = 'event: error\ndata: {"type":"error","code":"server_error","message":"told to fail","param":null}\n\n'
                    return self.stream(lines, reply, error)
                return self.send(200, answer)
            if self.path.endswith("/messages"):
                answer = anthropic_body(body, reply, number)
                if body.get("stream"):
                    lines = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in anthropic_events(answer, reply)]
                    error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
                    return self.stream(lines, reply, error)
                return self.send(200, answer)
            return self.send(*self.other(body))

        def do_GET(self):
            path = self.path.partition("?")[0]
            upstream.noted(self.path, {name.lower(): value for name, value in self.headers.items()}, {})
            if path.endswith("/models"):
                return self.send(200, {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "o"}]})
            return self.send(404, {"error": {"message": "no such path"}})

        def other(self, body):
            """Embeddings as the providers answer them: the vector tells the length of the text."""
            texts = body.get("input") or body.get("texts")
            text = texts[0] if isinstance(texts, list) else texts
            vector = [1.0, float(len(text)), 0.5]
            if self.path.endswith("/v2/embed"):
                return 200, {"id": "x", "embeddings": {"float": [vector]}, "texts": [text]}
            if self.path.endswith("/api/embed"):
                return 200, {"model": body["model"], "embeddings": [vector]}
            if self.path.endswith("/embeddings"):
                return 200, {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector}]}
            return 404, {"error": {"message": "no such path"}}

        def send(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def stream(self, lines, reply, error):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            half = len(lines) // 2
            if reply.cut_stream:
                lines = lines[:half]
            elif reply.stream_error:
                lines = [*lines[:half], error]
            for place, line in enumerate(lines):
                if place == half and upstream.hold is not None and not upstream.hold.wait(HOLD_SECONDS):
                    self.close_connection = True
                    return
                data = line.encode()
                try:
                    self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                except OSError:
                    return
            if reply.cut_stream:
                self.close_connection = True
                return
            self.wfile.write(b"0\r\n\r\n")

    return Handler
