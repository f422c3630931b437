"""The load of e2e scenarios must notice what it is there for: a cache that loses, mixes up, resurrects or refuses."""

import argparse
import http.server
import json
import pathlib
import sys
import threading
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e" / "load"))

import main as load_main  # noqa: E402

REQUESTS = 600
WAIT_SECONDS = 60


class Cache:
    """A cache in a dictionary, with a fault or none."""

    def __init__(self, fault=None):
        self.fault, self.entries, self.lock = fault, {}, threading.Lock()
        self.inserts = self.deletes = self.requests = self.connections = 0
        self.enough = threading.Event()
        self.tokens = {"first"}

    def answer(self, method, path, body, token):
        """Status and answer; None breaks the connection."""
        with self.lock:
            self.requests += 1
            if self.requests >= REQUESTS:
                self.enough.set()
            if self.fault == "refuses" and self.requests % 50 == 0:
                return 503, {"error": "overloaded"}
            if self.fault == "breaks" and self.requests % 50 == 0:
                return None
            if token not in self.tokens:
                return 401, {"error": "token"}
            if path == "/insert":
                return self.insert(body)
            if path == "/query":
                return self.query(body)
            identity = path.split("?")[0].rpartition("/")[2]
            return self.delete(identity) if method == "DELETE" else self.read(identity)

    def insert(self, body):
        self.inserts += 1
        if not (self.fault == "loses" and self.inserts % 20 == 0):
            self.entries[body["id"]] = {"id": body["id"], "response": body["response"], "embedding": body["embedding"]}
        return 200, {"id": body["id"], "status": "ok"}

    def query(self, body):
        for entry in self.entries.values():
            if entry["embedding"] == body["embedding"]:
                response = "the answer to another" if self.fault == "mixes up" else entry["response"]
                return 200, {"hit": True, "id": entry["id"], "response": response}
        return 200, {"hit": False}

    def read(self, identity):
        return (200, self.entries[identity]) if identity in self.entries else (404, {"error": "entry not found"})

    def delete(self, identity):
        self.deletes += 1
        if identity not in self.entries:
            return 404, {"error": "entry not found"}
        if self.fault != "resurrects":
            del self.entries[identity]
        return 200, {"status": "deleted"}


def serve(cache):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def handle_one(self):
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            path = urllib.parse.unquote(self.path)
            found = cache.answer(self.command, path, body, self.headers.get("Authorization", "").removeprefix("Bearer "))
            if found is None:
                self.close_connection = True
                return
            content = json.dumps(found[1]).encode()
            self.send_response(found[0])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_DELETE = handle_one

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run(tmp_path, cache, midway=None):
    """The load's report after about REQUESTS requests and its verification."""
    token_file = tmp_path / "token"
    token_file.write_text("first")
    server = serve(cache)
    options = argparse.Namespace(url=f"http://127.0.0.1:{server.server_port}", token_file=str(token_file), ca_file=None,
                                 rate=2000, workers=4, seed=7, request_seconds=5)  # fmt: skip
    load = load_main.Load(options)
    load.start()
    try:
        assert cache.enough.wait(WAIT_SECONDS)
        if midway:
            midway(load, token_file)
    finally:
        load.finish()
        load.finisher.join(WAIT_SECONDS)
        server.shutdown()
        server.server_close()
    report = load.describe()
    assert report["state"] == "done"
    return report


def test_an_honest_cache_is_found_honest(tmp_path):
    report = run(tmp_path, Cache())
    assert sum(report["done"].values()) >= REQUESTS
    assert report["failed"] == {"insert": 0, "query": 0, "delete": 0}
    assert (report["missed_count"], report["wrong_count"]) == (0, 0)
    assert report["verified"]["entries"] == report["done"]["insert"]
    assert report["done"]["delete"] > 0


def test_lost_entries_are_noticed(tmp_path):
    report = run(tmp_path, Cache("loses"))
    assert report["verified"]["lost"] > 0
    assert report["missed_count"] > 0
    assert all("does not find it" in one["what"] or "not there to be deleted" in one["what"] for one in report["missed"])


def test_a_foreign_answer_is_noticed(tmp_path):
    report = run(tmp_path, Cache("mixes up"))
    assert any("was answered with" in one["what"] for one in report["wrong"])


def test_a_deleted_entry_that_is_back_is_noticed(tmp_path):
    cache = Cache("resurrects")
    report = run(tmp_path, cache)
    assert report["verified"]["resurrected"] == cache.deletes > 0


def test_a_refused_request_counts_as_failed_and_its_entry_as_unknown(tmp_path):
    report = run(tmp_path, Cache("refuses"))
    assert sum(report["failed"].values()) > 0
    assert report["wrong_count"] == 0
    assert "503" in report["failures"][0]["reason"]


def test_a_request_on_a_broken_kept_connection_is_sent_again_and_counted(tmp_path):
    report = run(tmp_path, Cache("breaks"))
    assert report["resent"] > 0
    assert report["wrong_count"] == 0


@pytest.mark.parametrize("in_time", [True, False])
def test_a_changed_token_is_read_again(tmp_path, in_time):
    """With both accepted nothing fails; a token withdrawn before its successor is readable fails requests."""
    cache = Cache()

    def rotate(load, token_file):
        if in_time:
            cache.tokens.add("second")
        else:
            cache.tokens = {"second"}
            wait_for(lambda: sum(load.report.describe()["failed"].values()) > 0)
        fresh = token_file.with_suffix(".new")  # as the kubelet does it: a reader never sees an empty file
        fresh.write_text("second")
        fresh.replace(token_file)
        wait_for(lambda: len(load.token.changes) == 2)

    report = run(tmp_path, cache, rotate)
    assert (sum(report["failed"].values()) == 0) == in_time
    assert len({one["fingerprint"] for one in report["tokens"]}) == 2


def wait_for(predicate):
    ticks = threading.Event()
    for _ in range(WAIT_SECONDS * 100):
        if predicate():
            return
        ticks.wait(0.01)
    raise AssertionError("never happened")
