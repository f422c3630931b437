"""Doors (ferrocache.gateway processes), and the embedder that they ask: OpenAI's wire format, vectors that tests choose."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

# How long anything may take that is not about time: machines may be busy.
PATIENCE_SECONDS = 300
DIMENSION = 64
NEWER_SDK = "speakeasy-sdk/python 0.14.0 2.932.9 langcache"


def until(holds):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def vector_of(text):
    """``... @30`` lies 30 degrees from ``... @0``; any other text is the bag of its words."""
    angle = re.search(r"@(-?\d+)$", text)
    made = [0.0] * DIMENSION
    if angle:
        made[0], made[1] = math.cos(math.radians(int(angle[1]))), math.sin(math.radians(int(angle[1])))
    else:
        for word in re.findall(r"\w+", text.casefold()) or [text]:
            made[zlib.crc32(word.encode()) % DIMENSION] += 1.0
    return made


class Embedder:
    """``reply(text)`` gives (status, body); ``calls`` are the texts that came, the probes of readiness left out."""

    def __init__(self):
        self.calls, self.keys = [], set()
        self.hold = threading.Event()  # cleared: nobody is answered
        self.hold.set()
        self.works()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if body["input"] != "ready?":
                    outer.calls.append(body["input"])
                outer.keys.add(self.headers.get("Authorization"))
                outer.hold.wait(PATIENCE_SECONDS)
                status, answer = outer.reply(body["input"])
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def as_new(self):
        """For the next test: nothing is held back, nothing was heard."""
        self.hold.set()
        self.works()
        self.calls.clear()
        self.keys.clear()

    def works(self):
        self.reply = lambda text: (200, {"data": [{"embedding": vector_of(text)}]})

    def fails(self, status, body=b"{}"):
        self.reply = lambda text: (status, body)

    def close(self):
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Door:
    """A gateway process. ``configuration`` is TOML; ``url`` is where it listens once it was started."""

    def __init__(self, folder: Path, configuration: str, environment=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gateway.toml").write_text(configuration, encoding="utf-8")
        self.environment = environment or {}
        self.process, self.url = None, ""

    def start(self, wait=True):
        command = [sys.executable, "-m", "ferrocache.gateway", "--config", str(self.folder / "gateway.toml")]
        with open(self.folder / "door.log", "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **self.environment},
            )  # fmt: skip
        try:
            self._wait(wait)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _wait(self, until_ready):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.url:
            assert self.process.poll() is None, f"the door ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"the door does not listen:\n{self.log()}"
            self.url = next((line["url"] for line in self.lines() if line["message"] == "listening"), "")
            time.sleep(0.02)
        while until_ready and not self.is_ready():
            assert time.monotonic() < deadline, f"the door does not get ready:\n{self.log()}"
            time.sleep(0.05)

    def is_ready(self):
        try:
            return self.readiness()[0] == 200
        except httpx.TransportError:
            return False

    def readiness(self):
        """(status, reason)"""
        with plain_http() as http:
            answer = http.get(self.url + "/readyz")
            return answer.status_code, answer.json().get("reason")

    def log(self):
        return (self.folder / "door.log").read_text(errors="replace")

    def lines(self):
        """What was logged."""
        return [json.loads(line) for line in self.log().splitlines(keepends=True) if line[0] == "{" and line[-1] == "\n"]

    def stop(self):
        """The exit code, after SIGTERM."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


def embedding(embedder, more=""):
    """Its time limit is not what tests are about: machines may be busy."""
    url = f'url = "{embedder.url}", timeout_seconds = {PATIENCE_SECONDS}'
    return f'embedding = {{ provider = "openai", model = "words", {url}{more} }}'


def plain_http(**options):
    """Without the certificates of authorities, which take their time to load."""
    return httpx.Client(timeout=PATIENCE_SECONDS, verify=False, **options)


class Cache:
    """One cache of a door over plain HTTP."""

    def __init__(self, url, cache_id, key):
        self.path, self.id = f"{url}/v1/caches/{cache_id}", cache_id
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = plain_http(headers=headers)

    def send(self, method, path="", **options):
        return self.http.request(method, self.path + path, **options)

    def set(self, prompt, response="an answer", **more):
        return self.send("POST", "/entries", json={"prompt": prompt, "response": response, **more})

    def stored(self, prompt, response="an answer", **more):
        answer = self.set(prompt, response, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()["entryId"]

    def search(self, prompt, **more):
        return self.send("POST", "/entries/search", json={"prompt": prompt, **more})

    def found(self, prompt, **more):
        answer = self.search(prompt, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def responses(self, prompt, **more):
        return [entry["response"] for entry in self.found(prompt, **more)]

    def delete(self, **body):
        return self.send("DELETE", "/entries", json=body)

    def flush(self):
        return self.send("POST", "/flush")

    def close(self):
        self.http.close()
