"""HTTP as clients really speak it: keep-alive, pipelining, chunks, 100-continue, gzip, HEAD, request ids."""
import gzip
import json

import pytest

from harness.contract import contract
from harness.http import build_request
from harness.timing import scaled
from harness.vectors import axis


def body_of(model, **fields):
    return {"embedding": axis(8, 0), "model_id": model, "response": "r", "query_text": "", **fields}


@contract("general-4: X-Request-Id on every answer, the caller's echoed")
def test_request_ids(api):
    targets = [("GET", "/health", None), ("POST", "/query", {}), ("GET", "/nothing", None),
               ("PUT", "/stats", None), ("GET", "/metrics", None), ("POST", "/query", b"{"),
               ("GET", "/openapi.json", None)]
    made = set()
    for method, target, body in targets:
        made.add(api.client.request(method, target, body).header("X-Request-Id"))
        for mine in ("mine-1", "0123456789abcdef" * 4):
            response = api.client.request(method, target, body, headers={"X-Request-Id": mine})
            assert response.header("X-Request-Id") == mine, target
    assert len(made) == len(targets) and None not in made and "" not in made


@contract("general-4: a request id cannot smuggle headers or grow without bound")
def test_strange_request_ids(api):
    for strange in ("", "x" * 5000, "a b", "é", "<script>", '"quoted"'):
        response = api.client.request("GET", "/health", headers={"X-Request-Id": strange})
        assert response.status in (200, 400)
        assert 0 < len(response.header("X-Request-Id")) <= 5000


@contract("general-5: JSON answers", "error-1: errors are JSON with a sentence")
def test_content_type_of_answers(api, model):
    for method, target, body in (("GET", "/health", None), ("POST", "/insert", body_of(model)),
                                 ("GET", "/stats", None), ("POST", "/query", b"{"), ("GET", "/nothing", None),
                                 ("PATCH", "/insert", None)):
        response = api.client.request(method, target, body)
        assert response.header("Content-Type").split(";")[0] == "application/json"
        assert isinstance(response.json(), dict)


@contract("general-6: kept alive")
def test_keep_alive(node):
    with node.client.connect() as connection:
        for _ in range(200):
            assert connection.request("GET", "/health").status == 200
        assert connection.request("GET", "/health", headers={"Connection": "close"}).status == 200
        assert connection.is_closed_by_peer()


@contract("general-6: HTTP/1.0 is answered and closed unless keep-alive is asked for")
def test_http_1_0(node):
    with node.client.connect() as connection:
        connection.send(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.read_response().json()["status"] == "ok"
        assert connection.is_closed_by_peer()


@contract("http-1: pipelined requests are answered in order")
@pytest.mark.parametrize("count", [2, 16, 200])
def test_pipelining(node, model, count):
    node.api.insert(axis(8, 0), model)
    requests = []
    for number in range(count):
        kind = number % 4
        method, target, body = [("GET", "/health", None),
                                ("POST", "/query", {"embedding": axis(8, 0), "model_id": model}),
                                ("POST", "/insert", body_of(model, id=f"p{number}")),
                                ("GET", "/nothing", None)][kind]
        requests.append(build_request(method, target, body, {"X-Request-Id": f"r{number}"}))
    with node.client.connect() as connection:
        connection.send(b"".join(requests))
        for number in range(count):
            response = connection.read_response()
            assert response.header("X-Request-Id") == f"r{number}"
            assert response.status == (404 if number % 4 == 3 else 200)
        assert connection.request("GET", "/livez").status == 200


@contract("http-1: a write and the read behind it, pipelined, keep their order")
def test_pipelined_write_then_read(node, model):
    for number in range(20):
        with node.client.connect() as connection:
            connection.send(
                build_request("POST", "/insert", body_of(model, id="x", response=f"r{number}")) +
                build_request("POST", "/query", {"embedding": axis(8, 0), "model_id": model}) +
                build_request("DELETE", "/entry/x") + build_request("GET", "/entry/x"))
            assert [connection.read_response().status for _ in range(1)] == [200]
            assert connection.read_response().json()["response"] == f"r{number}"
            assert [connection.read_response().status for _ in range(2)] == [200, 404]


@contract("http-2: Expect: 100-continue")
def test_expect_continue(node, model):
    data = json.dumps(body_of(model)).encode()
    with node.client.connect() as connection:
        connection.send(
            build_request("POST", "/insert", b"",
                          {"Content-Length": str(len(data)), "Expect": "100-continue"}))
        assert connection.read_response().status == 100
        connection.send(data)
        assert connection.read_response().status == 200
        assert connection.request("GET", "/livez").status == 200


@contract("http-2: a body that would be refused need not be sent", "error-9: oversize bodies")
def test_expect_continue_refused(node):
    with node.client.connect() as connection:
        connection.send(
            build_request("POST", "/insert", b"", {"Content-Length": str(1 << 33), "Expect": "100-continue"}))
        assert connection.read_response().status == 413


@contract("http-3: chunked bodies")
@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_chunked(node, model, size):
    data = json.dumps(body_of(model, response="é" * 3000)).encode()
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(data[i:i + size]), data[i:i + size])
                      for i in range(0, len(data), size))
    with node.client.connect() as connection:
        connection.send(b"POST /insert HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
                        b"0\r\nTrailer-Field: ignored\r\n\r\n")
        assert connection.read_response().status == 200
        assert connection.request("GET", "/livez").status == 200
    assert node.api.hit(axis(8, 0), model)["response"] == "é" * 3000


@contract("http-4: large answers gzipped for those who accept it")
def test_gzip(api, model):
    api.insert(axis(8, 0), model, "a repeated answer " * 5000)
    ask = {"embedding": axis(8, 0), "model_id": model}
    plain = api.client.request("POST", "/query", ask)
    assert plain.header("Content-Encoding") is None
    packed = api.client.request("POST", "/query", ask, headers={"Accept-Encoding": "deflate, gzip;q=0.8, br"})
    assert packed.header("Content-Encoding") == "gzip"
    assert len(packed.body) < len(plain.body) / 10
    assert json.loads(gzip.decompress(packed.body))["response"] == plain.json()["response"]
    assert "accept-encoding" in (packed.header("Vary") or "").lower()
    for refused in ("identity", "gzip;q=0", "br", "*;q=0"):
        assert api.client.request("POST", "/query", ask,
                                  headers={"Accept-Encoding": refused
                                           }).header("Content-Encoding") is None, refused


@contract("http-5: HEAD has no body and leaves the connection in step")
@pytest.mark.parametrize("target", ["/health", "/livez", "/metrics", "/stats", "/nothing", "/query"])
def test_head(node, target):
    with node.client.connect() as connection:
        connection.send(
            build_request("HEAD", target) + build_request("GET", "/health", headers={"X-Request-Id": "next"}))
        assert connection.read_response(head_only=True).status in (200, 404, 405)
        response = connection.read_response()
        assert response.header("X-Request-Id") == "next" and response.json()["status"] == "ok"


@contract("error-2: 405 adds Allow; an unknown path is 404")
def test_404_and_405(api):
    for method, target, allowed in (("GET", "/query", "POST"), ("GET", "/insert", "POST"),
                                    ("POST", "/stats", "GET"), ("PUT", "/entry/x", "DELETE"),
                                    ("DELETE", "/health", "GET"), ("POST", "/metrics", "GET"),
                                    ("GET", "/admin/compact", "POST"), ("POST", "/namespaces/x", "DELETE")):
        allow = api.call(method, target, expect=405).header("Allow")
        assert allowed in [name.strip() for name in allow.split(",")], f"{method} {target}: {allow}"
    for target in ("/", "/nothing", "/entry", "/entry/", "/entry/a/b", "/insert/x", "/Query", "//query",
                   "/admin", "/internal", "/queryx", "/openapi"):
        api.call("GET", target, expect=404)
        api.call("POST", target, {}, expect=404)


@contract("error-4: after a 400 the connection is open and in step")
def test_in_step_after_400(node, model):
    with node.client.connect() as connection:
        for bad in (b"{", b"[]", b"", b"\xff\xfe", b'{"embedding":[1,2'):
            connection.send(
                build_request("POST", "/insert", bad) +
                build_request("POST", "/insert", body_of(model, response=f"after {bad!r}", id="x")))
            assert connection.read_response().status == 400
            assert connection.read_response().status == 200
            assert connection.request("GET", "/entry/x").json()["response"] == f"after {bad!r}"


@contract("general-6: a body with GET or DELETE, and none with POST, leave the connection in step")
def test_unusual_bodies(node):
    with node.client.connect() as connection:
        assert connection.request("GET", "/health", {"unused": 1}).status == 200
        assert connection.request("DELETE", "/entry/unknown-id", {"unused": 1}).status == 404
        connection.send(b"POST /admin/compact HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response().status == 200
        assert connection.request("POST", "/query").status == 400
        assert connection.request("GET", "/livez").status == 200


@contract("general-6: header names in any case, many headers, an absolute target")
def test_header_forms(node):
    with node.client.connect() as connection:
        connection.send(
            b"POST /query HTTP/1.1\r\nhOsT: x\r\ncOnTeNt-LeNgTh:  2  \r\nx-ReQuEsT-iD:abc\r\n\r\n{}")
        response = connection.read_response()
        assert response.status == 400 and response.header("x-request-id") == "abc"
        many = {f"X-Header-{number}": "v" * 50 for number in range(80)}
        assert connection.request("GET", "/health", headers=many).status == 200


@contract("http-1: bytes that come one at a time make the same request")
def test_byte_by_byte(node, model):
    with node.client.connect(timeout=scaled(30)) as connection:
        for byte in build_request("POST", "/insert", body_of(model)):
            connection.send(bytes([byte]))
        assert connection.read_response().status == 200
