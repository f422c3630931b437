"""ferroctl import where something is in the way: whatever it says is done is stored, and going on loses nothing."""
import http.server
import json
import threading
import time

import pytest

from harness.node import HOST
from harness.vectors import axis


def entry(number, **more):
    return {"id": f"e{number}", "model_id": "m::8", "embedding": axis(8, number % 8), "query_text": f"q{number}",
            "response": "r", **more}


def write(path, entries):
    path.write_text("".join(json.dumps(one) + "\n" for one in entries))


class Tired(http.server.ThreadingHTTPServer):
    """Answers so many batches like a node; from then on every item with `then`, or the whole batch if that is None."""
    def __init__(self, batches, then=None):
        self.left, self.then, self.stored = batches, then, []
        super().__init__((HOST, 0), TiredHandler)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()

    @property
    def url(self):
        return f"http://{HOST}:{self.server_port}"


class TiredHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["items"]
        server, code, results = self.server, 200, [{"status": "ok", "id": item["id"]} for item in items]
        if server.left > 0:
            server.left -= 1
            server.stored += [item["id"] for item in items]
        elif server.then is None:
            code = 503
        else:
            results = [{"error": "not now", "status": server.then} for _ in items]
        body = json.dumps({"results": results} if code == 200 else {"error": "stopping"}).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_going_on_after_a_stop_leaves_no_entry_out(ctl, nodes):
    """The lines to leave out were counted as if none had expired: those before them were never stored."""
    past = time.time() - 3600
    entries = [entry(number, **({"expires_at": past} if 150 <= number < 200 else {})) for number in range(250)]
    write(nodes.folder / "all.jsonl", entries)
    with Tired(batches=1) as server:
        said = ctl("--url", server.url, "import", "all.jsonl", code=1).stderr
    assert "100 lines are done, go on with --skip 100" in said
    node = nodes.start()
    assert "stored 100, left out 50 whose time was over" in ctl("import", "all.jsonl", "--skip", 100, node=node).stderr
    assert all(node.api.has_entry(f"e{number}") == (number < 150 or number >= 200) for number in range(100, 250, 7))


@pytest.mark.parametrize("status", [502, 503, 507])
def test_what_the_node_cannot_take_now_stops_it(ctl, nodes, status):
    """It was counted as refused, and the mark moved on: going on left it out."""
    write(nodes.folder / "all.jsonl", [entry(number) for number in range(250)])
    with Tired(batches=1, then=status) as server:
        said = ctl("--url", server.url, "import", "all.jsonl", "--mark", "mark", code=1).stderr
    assert "line 101 was refused: not now" in said and "100 lines are done" in said
    assert (nodes.folder / "mark").read_text() == "100\n"
    assert "stored 150" in ctl("import", "all.jsonl", "--mark", "mark", node=nodes.start()).stderr


def test_what_the_node_never_takes_is_told_and_left_out(ctl, nodes):
    node = nodes.start()
    write(nodes.folder / "all.jsonl", [entry(0), {**entry(1), "embedding": [1.0]}, entry(2)])
    said = ctl("import", "all.jsonl", node=node, code=1).stderr
    assert "line 2 was refused: " in said and "stored 2, left out 0 whose time was over, refused 1" in said


def test_a_batch_that_is_too_large_is_sent_in_parts(ctl, nodes):
    """A hundred long answers were more than a body may be, and the import ended."""
    node = nodes.start({"http.max_body_bytes": 65536})
    write(nodes.folder / "all.jsonl", [entry(number, response="r" * 20_000) for number in range(30)])
    assert "stored 30" in ctl("import", "all.jsonl", node=node).stderr
    write(nodes.folder / "one.jsonl", [entry(30), entry(31, response="r" * 70_000)])
    assert "0 lines are done" in ctl("import", "one.jsonl", node=node, code=1).stderr  # not even alone


def test_half_a_last_line_does_not_keep_the_others_out(ctl, nodes):
    node = nodes.start()
    write(nodes.folder / "all.jsonl", [entry(number) for number in range(3)])
    path = nodes.folder / "all.jsonl"
    path.write_text(path.read_text()[:-20])
    said = ctl("import", "all.jsonl", node=node, code=2).stderr
    assert "line 3 is no JSON object; everything before it is stored" in said
    assert node.api.health()["entry_count"] == 2


def test_a_mark_that_does_not_belong_is_refused(ctl, nodes):
    node = nodes.start()
    write(nodes.folder / "all.jsonl", [entry(number) for number in range(3)])
    (nodes.folder / "mark").write_text("500\n")
    assert "of another file" in ctl("import", "all.jsonl", "--mark", "mark", node=node, code=2).stderr
    (nodes.folder / "mark").write_text("a diary\n")
    assert "no mark" in ctl("import", "all.jsonl", "--mark", "mark", node=node, code=2).stderr
    assert (nodes.folder / "mark").read_text() == "a diary\n"
    assert "cannot write nowhere/mark" in ctl("import", "all.jsonl", "--mark", "nowhere/mark", node=node, code=1).stderr
    (nodes.folder / "mark").unlink()
    assert "stored 3" in ctl("import", "all.jsonl", "--mark", "mark", node=node).stderr
    assert "stored 0" in ctl("import", "all.jsonl", "--mark", "mark", node=node).stderr
