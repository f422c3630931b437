"""A stand-in for OpenAI's chat API, so that the examples run without a key: answers from the sample questions of this tree.

Not part of any example's point. With a real key: set OPENAI_API_KEY (and OPENAI_BASE_URL if it is not OpenAI) and the examples
ask the real one.
"""

import json
import os
import pathlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Of a question: what says nothing about its topic.
COMMON = """
a an am are be become can could did do does for get go have how i if in is it me my of on or the there to was
what when where which who why will with would you your
"""
UNKNOWN = "That is not among the questions I know. Please write to the help desk."
TOPICS = pathlib.Path(__file__).resolve().parent.parent / "samples" / "topics.txt"


def read_topics():
    """[(topic, answer, [questions])] of the sample: the help desk of a made-up shop."""
    lines = "\n".join(line for line in TOPICS.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    blocks = [block.strip().split("\n") for block in lines.strip().split("\n\n")]
    return [(block[0], block[1][2:], block[2:]) for block in blocks]


def words(text):
    return set(re.findall(r"[a-z]+", text.lower())) - set(COMMON.split())


class Stub:
    """A server on a free port while the with block lasts; ``calls`` counts what reached it."""

    def __init__(self):
        self.calls = 0
        self._topics = [(answer, words(" ".join(questions))) for _, answer, questions in read_topics()]
        self._lock = threading.Lock()

    def answer(self, text):
        """What the help desk says to the topic that shares most words with the question."""
        with self._lock:
            self.calls += 1
        asked = words(text.rpartition("Question:")[2])
        answer, known = max(self._topics, key=lambda topic: len(asked & topic[1]))
        return answer if asked & known else UNKNOWN

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Real:
    """The same face for the real API: its calls are its own business."""

    calls, url = None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def upstream():
    return Real() if os.environ.get("OPENAI_API_KEY") else Stub()


def client_options(made):
    """What to give to a client of OpenAI's API so that it asks the stub, or nothing for the real one."""
    return {} if made.url is None else {"base_url": made.url, "api_key": "stub"}


def _handler(stub):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = stub.answer(body["messages"][-1]["content"])
            head = {"id": f"chatcmpl-{stub.calls}", "created": 1, "model": body["model"]}
            if body.get("stream"):
                deltas = [{"role": "assistant", "content": ""}, *({"content": word + " "} for word in text.split()), {}]
                self.start("text/event-stream", {"Transfer-Encoding": "chunked"})
                for place, delta in enumerate(deltas):
                    finish = "stop" if place == len(deltas) - 1 else None
                    choice = {"index": 0, "delta": delta, "finish_reason": finish}
                    self.chunk({**head, "object": "chat.completion.chunk", "choices": [choice]})
                self.chunk(None)
                return
            message = {"role": "assistant", "content": text}
            usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            data = json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
            self.start("application/json", {"Content-Length": str(len(data))})
            self.wfile.write(data)

        def start(self, kind, headers):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def chunk(self, event):
            data = f"data: {json.dumps(event) if event else '[DONE]'}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" + (b"" if event else b"0\r\n\r\n"))

    return Handler
