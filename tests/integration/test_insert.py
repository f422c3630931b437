"""POST /insert: what is accepted, what comes back, what is refused."""
import uuid

import pytest

from harness.bad_input import Canary
from harness.contract import contract
from harness.vectors import as_base64, axis, random_unit

MIB = 1 << 20


def body(model, **fields):
    return {"embedding": axis(8, 0), "model_id": model, "response": "r", "query_text": "q", **fields}


@contract("insert-1: 200 with id and status ok", "general-5: JSON answers")
def test_answer_shape(api, model):
    response = api.call("POST", "/insert", body(model), expect=200)
    assert response.header("Content-Type").split(";")[0] == "application/json"
    answer = response.json()
    assert answer["status"] == "ok"
    assert str(uuid.UUID(answer["id"])) == answer["id"]


@contract("insert-2: visible once answered")
def test_visible_to_another_connection_at_once(node, api, model, rng):
    other = api.with_token(None)
    for number in range(50):
        vector = random_unit(rng, 8)
        entry_id = api.insert(vector, model, f"r{number}", f"text {number}")
        assert other.hit(vector, model, threshold=1.0)["response"] == f"r{number}"
        assert other.hit(axis(8, 0), model, query_text=f"text {number}")["id"] == entry_id
        assert other.entry(entry_id)["response"] == f"r{number}"


@contract("general-1: unknown fields ignored", "general-2: null means absent")
def test_unknown_fields_and_nulls(api, model):
    optional = [
        "ttl_seconds", "cache_scope", "conversation_id", "id", "uuid", "tags", "attributes", "cost",
        "embedding_b64"
    ]
    entry_id = api.call("POST", "/insert",
                        body(model, surprise={"deep": [1, {"x": None}]},
                             **dict.fromkeys(optional))).json()["id"]
    entry = api.entry(entry_id)
    assert not {"expires_at", "cache_scope", "conversation_id", "cost"
                } & {k
                     for k, v in entry.items()
                     if v is not None}
    assert entry["tags"] == [] and entry["attributes"] == {}
    nulls = dict.fromkeys(
        ["threshold", "query_text", "cache_scope", "conversation_id", "attributes", "top_k", "embedding_b64"])
    answer = api.hit(axis(8, 0), model, another_surprise=[[]], **nulls)
    assert answer["id"] == entry_id and "scope" not in answer


@contract("general-2: null means absent, also where a field is required")
@pytest.mark.parametrize("field", ["embedding", "model_id", "response", "query_text"])
def test_required_fields(api, model, field):
    without = {key: value for key, value in body(model).items() if key != field}
    assert field in api.call("POST", "/insert", without, expect=400).json()["error"]
    api.call("POST", "/insert", body(model, **{field: None}), expect=400)


@contract("general-3: any Content-Type")
@pytest.mark.parametrize("content_type", [
    "application/x-www-form-urlencoded", "text/plain", "", None, "application/json; charset=utf-8",
    "multipart/form-data"
])
def test_content_types(node, model, content_type):
    data = b'{"embedding":[1,0,0],"model_id":"%s","response":"r","query_text":""}' % model.encode()
    with node.client.connect() as connection:
        lines = [b"POST /insert HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(data)]
        if content_type is not None:
            lines.append(b"Content-Type: " + content_type.encode())
        connection.send(b"\r\n".join(lines) + b"\r\n\r\n" + data)
        assert connection.read_response().status == 200


@contract("insert-4: 1..4096 finite values of any magnitude", "query-3: identical hits at 1.0")
@pytest.mark.parametrize(
    "vector", [[1.0], [-0.25], [1e-30] * 4, [1e-38, 2e-38, -3e-38], [3e38] * 8, [3.4e38, -3.4e38, 1.0],
               [1e-44, 0.0], [1.0] * 4096, [0.1 * i - 3 for i in range(1536)], [0, 1, 2], [1e38, 1e-38]],
    ids=[
        "one", "negative", "tiny", "least", "huge", "largest", "denormal", "4096", "1536", "integers", "mixed"
    ])
def test_legal_vectors(api, model, vector):
    entry_id = api.insert(vector, model)
    answer = api.hit(vector, model, threshold=1.0)
    assert answer["id"] == entry_id and abs(answer["similarity"] - 1.0) <= 1e-6


@contract("insert-4: at most 4096 and finite", "insert-5: no zero vector", "error-5: wrong types")
@pytest.mark.parametrize("embedding", [[], [0.0], [0.0] * 8, [-0.0, 0], [1.0] * 4097, "text", {}, 7, True,
                                       [1, "2"], [1, None], [[1.0]], [True, False], [1.0, {}]], ids=str)
def test_illegal_vectors(node, api, model, embedding):
    canary = Canary(node)
    api.call("POST", "/insert", body(model, embedding=embedding), expect=400)
    api.call("POST", "/query", {"model_id": model, "embedding": embedding}, expect=400)
    canary.check()


@contract("insert-6: base64 of little-endian floats", "query-11: embedding or embedding_b64")
def test_base64(api, model, rng):
    vector = random_unit(rng, 8)
    without = {key: value for key, value in body(model).items() if key != "embedding"}
    entry_id = api.call("POST", "/insert", {**without, "embedding_b64": as_base64(vector)}).json()["id"]
    stored = api.entry(entry_id, vector="true")["embedding"]
    assert max(abs(a - b) for a, b in zip(stored, vector)) < 1e-6
    assert api.hit(vector, model, threshold=1.0)["id"] == entry_id
    answer = api.call("POST", "/query",
                      {"embedding_b64": as_base64(vector), "model_id": model, "threshold": 1.0})
    assert answer.json()["id"] == entry_id


@contract("insert-6: only base64 of whole finite floats", "error-5: wrong types")
@pytest.mark.parametrize("text", [
    "", "AACAPw", "AACAPw=", "AACA", "AAC*Pw==", "AACAPwA=", "AACAPw==AACAPw==",
    as_base64([float("nan")]),
    as_base64([float("inf"), 1.0]),
    as_base64([0.0, 0.0]),
    as_base64([1.0] * 4097), 7, ["AACAPw=="]
])
def test_bad_base64(node, api, model, text):
    canary = Canary(node)
    without = {key: value for key, value in body(model).items() if key != "embedding"}
    if text != "AACAPw":  # unpadded base64 of one whole float: tolerance is allowed, corruption is not
        api.call("POST", "/insert", {**without, "embedding_b64": text}, expect=400)
        api.call("POST", "/query", {"model_id": model, "embedding_b64": text}, expect=400)
    else:
        api.call("POST", "/query", {"model_id": model, "embedding_b64": text}, expect=(200, 400))
    canary.check()


@contract("insert-7: exactly one of the two", "query-11: embedding or embedding_b64 required")
def test_exactly_one_embedding(api, model):
    both = body(model, embedding_b64=as_base64(axis(8, 0)))
    neither = {key: value for key, value in body(model).items() if key != "embedding"}
    for wrong in (both, neither):
        api.call("POST", "/insert", wrong, expect=400)
        api.call("POST", "/query", wrong, expect=400)
    api.call("POST", "/query", {"embedding": axis(8, 0)}, expect=400)
    assert api.miss(axis(8, 0), model) == {"hit": False}


@contract("insert-8: response byte for byte")
@pytest.mark.parametrize("text", [
    "", " ", "\u0000", "a\u0000b", '"\\/\b\f\n\r\t', "\u2028\u2029", "naïve 🎉 漢字", "\x7f\x80", "\ufeff",
    "e\u0301 \u00e9", "</script>", "\U0010ffff", "x" * 100_000
], ids=ascii)
def test_response_byte_for_byte(api, model, text):
    entry_id = api.insert(axis(8, 0), model, text, "q")
    assert api.hit(axis(8, 0), model)["response"] == text
    assert api.entry(entry_id)["response"] == text
    assert api.hit(axis(8, 1), model, query_text="q", top_k=2)["matches"][0]["response"] == text


@contract("insert-9: 1 MiB unless set, 413 beyond")
def test_response_limit(node, api, model):
    canary = Canary(node)
    api.insert(axis(8, 0), model, "é" * (MIB // 2))
    assert len(api.hit(axis(8, 0), model)["response"]) == MIB // 2
    api.call("POST", "/insert", body(model, response="x" * (MIB + 1)), expect=413)
    api.call("POST", "/insert", body(model, response="é" * (MIB // 2) + "x"), expect=413)
    canary.entry_count += 1
    canary.check()


@contract("insert-9: the limit is configurable")
def test_response_limit_setting(nodes):
    api = nodes.start({"limits.max_response_bytes": 2048}).api
    api.insert(axis(8, 0), "m", "x" * 2048)
    api.call("POST", "/insert", body("m", response="x" * 2049), expect=413)


@contract("insert-10: query_text may be empty")
def test_empty_query_text(api, model):
    assert api.entry(api.insert(axis(8, 0), model, query_text=""))["query_text"] == ""


@contract("insert-11: model_id 1..256 bytes, opaque", "insert-22: scope and conversation at most 256 bytes",
          "insert-15: id of 1..128 visible ASCII", "insert-17: tags", "insert-18: attributes",
          "error-11: exact bounds")
@pytest.mark.parametrize(
    "field, good, bad",
    [("model_id", ["m", "x" * 256, "é" * 128, " spaced name ", "a/b?c#d%"
                   ], ["", "x" * 257, "é" * 128 + "x", 5, []]),
     ("cache_scope", ["s" * 256, "é" * 128], ["s" * 257, "é" * 128 + "x", 5, ["s"]]),
     ("conversation_id", ["c" * 256, "7"], ["c" * 257, 5, {}]),
     ("id", ["!", "~" * 128, "a/b?c=d&e%20#", '"\\', "7"
             ], ["", "x" * 129, "a b", "é", "a\n", "\u007f", 5, " a"]),
     ("uuid", ["x" * 128], ["", "x" * 129, "tab\t", True]),
     ("tags", [[], ["t"], ["t" * 128], [f"t{i}" for i in range(32)], ["é" * 64], ["a", "a"]
               ], ["t", [""], ["t" * 129], [f"t{i}" for i in range(33)], [5], [None], {}, ["é" * 64 + "x"]]),
     ("attributes", [{}, {"a": ""}, {"a" * 64: "v" * 1024}, {f"a{i}": "v"
                                                             for i in range(16)}, {"A-Za.0_9": "é" * 512}],
      [[], "a", {"": "v"}, {"a" * 65: "v"}, {"a b": "v"}, {"é": "v"}, {"a": "v" * 1025}, {"a": 5},
       {"a": None}, {"a": ["v"]}, {f"a{i}": "v"
                                   for i in range(17)}, {"a:b": "v"}]),
     ("cost", [0, 1, 0.25, 1e300, -1, -0.5], ["1", True, [], {}]),
     ("ttl_seconds", [1, 315_360_000], [0, -1, 315_360_001, 1.5, "60", True, 10**30]),
     ("response", ["r"], [5, ["r"], {}, True]), ("query_text", ["q", "q" * 10_000], [5, ["q"], False])])
def test_field_bounds(node, api, model, field, good, bad):
    for value in good:
        # One replaces the other, so that none that lives for a second ends while a canary counts.
        name = {} if field in ("id", "uuid") else {"id": "one-of-the-good"}
        api.call("POST", "/insert", body(model, **name, **{field: value}))
    canary = Canary(node)
    for value in bad:
        response = node.client.request("POST", "/insert", body(model, **{field: value}))
        assert response.status == 400, f"{field}={value!r:.80}: {response}"
        assert response.json()["error"]
    canary.check()


@contract("insert-13: a scope beginning conv_ is refused")
def test_scope_beginning_conv(api, model):
    for scope in ("conv_", "conv_7", "  conv_7 "):
        api.call("POST", "/insert", body(model, cache_scope=scope), expect=400)
    for scope in ("conv", "aconv_7", "CONV_7"):
        api.call("POST", "/insert", body(model, cache_scope=scope))


@contract("insert-19: cost comes back")
def test_cost(api, model):
    for cost in (0, 3, 0.125, 12.5, -2.5):
        assert api.entry(api.insert(axis(8, 0), model, cost=cost))["cost"] == cost
    assert api.entry(api.insert(axis(8, 0), model)).get("cost") is None


@contract("insert-20: id and uuid must agree")
def test_id_and_uuid(api, model):
    assert api.insert(axis(8, 0), model, id="one", uuid="one") == "one"
    assert api.insert(axis(8, 0), model, uuid="two") == "two"
    api.call("POST", "/insert", body(model, id="one", uuid="other"), expect=400)
