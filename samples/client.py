"""A node to try things on and a keep-alive client, with nothing but the standard library."""

import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_TIMEOUT_S = 60


class ServerError(Exception):
    pass


class Client:
    """One keep-alive connection. Not for several threads."""

    def __init__(self, port, host="127.0.0.1"):
        self.connection = http.client.HTTPConnection(host, port, timeout=30)

    def call(self, method, path, body=None):
        payload = None if body is None else json.dumps(body)
        self.connection.request(method, path, payload, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read().decode("utf-8")
        if answer.status != 200:
            raise ServerError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text.startswith(("{", "[")) else text

    def query(self, vector, model_id, **fields):
        return self.call("POST", "/query", {"embedding_b64": vector, "model_id": model_id, **fields})

    def insert(self, vector, model_id, text, response, **fields):
        return self.call(
            "POST",
            "/insert",
            {"embedding_b64": vector, "model_id": model_id, "query_text": text, "response": response, **fields},
        )

    def close(self):
        self.connection.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """A ferrocached process with a data folder of its own, removed with it."""

    def __init__(self, binary, settings=()):
        self.binary, self.settings = str(pathlib.Path(binary).resolve()), list(settings)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferrocache-"))
        self.port, self.process = free_port(), None

    def start(self, wait=True):
        command = [
            self.binary,
            "--port",
            str(self.port),
            "--http.bind",
            "127.0.0.1",
            "--wal_path",
            str(self.folder / "data"),
            *self.settings,
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FERROCACHE_")}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment)
        return self.wait_ready() if wait else self

    def wait_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                client = Client(self.port)
                client.call("GET", "/readyz")
                client.close()
                return self
            except (OSError, ServerError):
                time.sleep(0.02)
        raise ServerError(f"the node did not start:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Questions:
    """Texts with labels and their vectors: NAME.jsonl beside NAME.f32 (raw little-endian float32 rows)."""

    def __init__(self, folder, name, dimension=384):
        folder = pathlib.Path(folder)
        with open(folder / f"{name}.jsonl", encoding="utf-8") as lines:
            self.rows = [json.loads(line) for line in lines]
        raw = (folder / f"{name}.f32").read_bytes()
        width = dimension * 4
        if len(raw) != width * len(self.rows):
            raise ServerError(f"{name}.f32 holds {len(raw)} bytes, not {len(self.rows)} rows of {width}")
        self.vectors = [base64.b64encode(raw[at : at + width]).decode() for at in range(0, len(raw), width)]
        self.name, self.dimension = name, dimension

    def __len__(self):
        return len(self.rows)
