"""Bodies that are no JSON, or not the JSON that is wanted: a 4xx each, and the server goes on as before."""
import pytest

from harness.bad_input import CANARY_MODEL, Canary
from harness.contract import contract
from harness.vectors import axis

POST_ROUTES = ["/insert", "/query", "/insert/batch", "/query/batch", "/admin/invalidate"]
VALID = '"model_id":"bad::2","response":"r","query_text":"q"'


def insert_text(embedding: str, rest: str = VALID) -> bytes:
    return f'{{"embedding":{embedding},{rest}}}'.encode()


@contract("error-5: malformed JSON", "error-1: every error is JSON with a sentence")
@pytest.mark.parametrize("route", POST_ROUTES)
def test_malformed_json(node, api, route):
    canary = Canary(node)
    for body in (b"", b" ", b"{", b"}", b"[", b"nul", b"null", b"true", b"5", b'"x"', b"[]", b"{}}", b"{},",
                 b"{} {}", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{a:1}", b"{'a':1}", b'{"a":1 "b":2}',
                 b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":"\n"}',
                 b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":"', b"\x00", b'{"a":1}\x00', b"<xml/>", b"a=b&c=d",
                 b'{"a":tru}', b"\xef\xbb\xbf", b"/* c */{}", b"{}//"):
        response = api.client.request("POST", route, body)
        assert response.status == 400, f"{body!r}: {response}"
        assert response.json()["error"].strip()
    canary.check()


@contract("error-5: malformed JSON anywhere in an otherwise good body")
def test_every_truncation_of_a_good_body(node, api):
    canary = Canary(node)
    good = (f'{{"embedding":[1.5,-2e3],"tags":["t"],"attributes":{{"k":"v"}},"cost":1,"ttl_seconds":5,'
            f'"x":{{"y":[1]}},{VALID}}}').encode()
    for end in range(len(good)):
        assert api.client.request("POST", "/insert", good[:end]).status == 400, good[:end]
    canary.check()


@contract("error-5: syntax is checked in fields that are ignored, too")
@pytest.mark.parametrize(
    "field", [b'"x":nul', b'"x":[1,', b'"x":{"a":}', b'"x":"\xff"', b'"x":"\\ud800"', b'"x" 1', b'"x":-'])
def test_malformed_unknown_fields(node, api, field):
    canary = Canary(node)
    for body in (b"{" + field + b"," + insert_text("[1,2]")[1:],
                 insert_text("[1,2]")[:-1] + b"," + field + b"}"):
        assert api.client.request("POST", "/insert", body).status == 400
        assert api.client.request("POST", "/query", body).status == 400
    canary.check()


@contract("error-5: NaN, Infinity, overflowing floats")
@pytest.mark.parametrize("number", [
    "NaN", "Infinity", "-Infinity", "nan", "inf", "1e39", "-1e39", "3.5e38", "1e309", "-1e400", "1" * 400,
    "1e99999999999", "0x10", "1_000", "--1", "١"
], ids=lambda text: text[:12])
def test_numbers_that_are_no_floats(node, api, number):
    canary = Canary(node)
    for body in (insert_text(f"[{number},1]"), insert_text(f"[1,{number}]")):
        assert api.client.request("POST", "/insert", body).status == 400
        assert api.client.request("POST", "/query", body).status == 400
    if number not in ("1e39", "-1e39", "3.5e38", "1" * 400):  # doubles, which only the embedding cannot hold
        for field in ("threshold", "top_k"):
            body = insert_text("[1,2]", f'"{field}":{number},{VALID}')
            assert api.client.request("POST", "/query", body).status == 400
        for field in ("cost", "ttl_seconds"):
            body = insert_text("[1,2]", f'"{field}":{number},{VALID}')
            assert api.client.request("POST", "/insert", body).status == 400
    canary.check()


@contract("error-6: over-deep nesting")
@pytest.mark.parametrize("depth", [1000, 100_000, 2_000_000])
@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_deep_nesting(node, api, depth, opening, closing):
    canary = Canary(node)
    closed = opening * depth + "1" + closing * depth
    for deep in (closed, opening * depth):
        for body in (deep, f'{{"x":{deep},{VALID},"embedding":[1,2]}}', f'{{"embedding":{deep},{VALID}}}',
                     f'{{"items":{deep}}}', f'{{"attributes":{deep}}}'):
            route = "/insert/batch" if "items" in body[:9] else "/insert"
            assert 400 <= api.client.request("POST", route, body.encode()).status < 500
    canary.check()


@contract("error-7: invalid UTF-8 is 400")
@pytest.mark.parametrize("raw", [
    b"\xff", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xc3", b"\xe2\x82", b"a\xfeb"
], ids=repr)
def test_invalid_utf8(node, api, raw):
    canary = Canary(node)
    for field in (b"response", b"query_text", b"model_id", b"cache_scope", b"conversation_id", b"id",
                  b"unknown"):
        body = b'{"embedding":[1,2],"model_id":"bad::2","response":"r","query_text":"q","%s":"x%sx"}' % (
            field, raw)
        assert api.client.request("POST", "/insert", body).status == 400, field
    for fields in (b'"tags":["%s"]' % raw, b'"attributes":{"k":"%s"}' % raw, b'"attributes":{"%s":"v"}' % raw,
                   b'"%s":1' % raw):
        body = b'{"embedding":[1,2],"model_id":"bad::2","response":"r","query_text":"q",%s}' % fields
        assert api.client.request("POST", "/insert", body).status == 400, fields
    body = b'{"embedding":[1,2],"model_id":"bad::2","query_text":"%s"}' % raw
    assert api.client.request("POST", "/query", body).status == 400
    canary.check()


@contract("error-7: lone surrogates are 400, pairs are characters")
def test_surrogates(node, api, model):
    canary = Canary(node)
    for escape in (r"\ud800", r"\udfff", r"\ud83d", r"\ude00", r"\ud83dx", r"\ude00\ud83d", r"\ud83d\ud83d",
                   r"\ud83d\n", r"\uD800\u0041"):
        for field in ("response", "query_text", "model_id", "cache_scope"):
            body = f'{{"embedding":[1,2],{VALID},"{field}":"a{escape}b"}}'.replace(f'"{field}":"r",', "", 1)
            body = body.replace(f',"{field}":"q"', "", 1).replace(f'"{field}":"bad::2",', "", 1)
            assert api.client.request("POST", "/insert", body.encode()).status == 400, (escape, field)
        assert api.client.request("POST", "/insert",
                                  insert_text("[1,2]", f'"tags":["{escape}"],{VALID}')).status == 400
    body = f'{{"embedding":[1,2],"model_id":"{model}","response":"\\ud83d\\ude00","query_text":""}}'
    assert api.client.request("POST", "/insert", body.encode()).status == 200
    assert api.hit([1.0, 2.0], model)["response"] == "😀"
    canary.entry_count += 1
    canary.check()


@contract("error-5: wrong types in every field")
@pytest.mark.parametrize(
    "route, fields", [("/insert", [
        "embedding", "embedding_b64", "response", "query_text", "model_id", "ttl_seconds", "cache_scope",
        "conversation_id", "id", "uuid", "tags", "attributes", "cost"
    ]),
                      ("/query", [
                          "embedding", "embedding_b64", "model_id", "threshold", "query_text", "cache_scope",
                          "conversation_id", "attributes", "top_k"
                      ]),
                      ("/admin/invalidate", [
                          "embedding", "threshold", "model_id", "cache_scope", "conversation_id", "tags",
                          "attributes", "dry_run"
                      ])])
def test_wrong_types(node, api, route, fields):
    canary = Canary(node)
    good = {"embedding": axis(4, 0), "model_id": CANARY_MODEL, "threshold": 0.99}
    if route == "/insert":
        good |= {"response": "r", "query_text": "q"}
    fits = {
        "embedding": (), "cost": (3, -1.5), "threshold": (), "top_k": (3,), "ttl_seconds": (3,),
        "dry_run": (True, False), "attributes": ({},), "tags": ([],)
    }
    for field in fields:
        for value in (True, False, 3, -1.5, "text", [], {}, [[]], {"a": {}}, [{}]):
            if value in fits.get(field, ("text",)) and not (isinstance(value, bool) and field != "dry_run"):
                continue
            body = {
                key: kept
                for key, kept in good.items()
                if not (field == "embedding_b64" and key == "embedding")
            }
            response = api.client.request("POST", route, {**body, field: value})
            assert response.status == 400, f"{field}={value!r}: {response}"
    canary.check()


@contract("error-5: odd but legal JSON is read")
def test_odd_but_legal(node, api, model):
    odd = (f' \r\n\t{{ "\\u006dodel_id" : "{model}" ,\n"embedding":[ 1E0 , -0.0 ,2e-1,\t3 ],'
           f'"response":"\\u0041\\/\\"","query_text":"" , "x":[{{}},[],null,true,-0,1e-400]}} \n')
    assert api.client.request("POST", "/insert", odd.encode()).status == 200
    assert api.hit([1.0, 0.0, 0.2, 3.0], model, threshold=1.0)["response"] == 'A/"'


@contract("error-5: a broken escape in the path is refused")
@pytest.mark.parametrize("target", [
    "/entry/%zz", "/entry/%", "/entry/%4", "/entry/%ff", "/entry/x?model_id=%zz", "/entry/a%00b",
    "/namespaces/%ff", "/namespaces/%c3%28"
])
def test_broken_escapes(node, target):
    canary = Canary(node)
    assert node.client.request("DELETE", target).status in (400, 404)
    canary.check()
