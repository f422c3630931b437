"""The sync client against a real node: every method, what is sent, what comes back, what is raised."""

from __future__ import annotations

import inspect

import pytest

from ferrocache import FerrocacheClient, FerrocacheError

A, B, C = [1.0, 0.0, 0.0, 0.0], [0.9, 0.1, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]


def test_signatures_of_the_contract():
    def shown(function):
        return [
            (name, parameter.default)
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY and name != "self"
        ]

    none = inspect.Parameter.empty
    assert shown(FerrocacheClient) == [("base_url", none), ("timeout", 10.0), ("auth_token", None)]
    assert shown(FerrocacheClient.insert) == [
        ("embedding", none), ("response", none), ("query_text", none), ("model_id", none),
        ("ttl_seconds", None), ("cache_scope", None), ("conversation_id", None),
    ]  # fmt: skip
    assert shown(FerrocacheClient.query) == [
        ("embedding", none), ("threshold", 0.92), ("model_id", None), ("query_text", None),
        ("cache_scope", None), ("conversation_id", None),
    ]  # fmt: skip
    assert shown(FerrocacheClient.delete_entry) == [("uuid", none)]
    assert shown(FerrocacheClient.invalidate) == [
        ("embedding", none), ("threshold", none), ("model_id", none), ("cache_scope", None),
    ]  # fmt: skip


def test_insert_then_query(client, model):
    answer = client.insert(A, "the answer", "the question", model)
    assert set(answer) == {"id", "status"}
    assert answer["status"] == "ok"
    hit = client.query(B, 0.9, model)
    assert hit["hit"] is True
    assert hit["id"] == answer["id"]
    assert hit["response"] == "the answer"
    assert 0.99 < hit["similarity"] < 1.0
    assert hit["exact_match"] is False
    assert client.query(C, model_id=model) == {"hit": False}
    exact = client.query(C, model_id=model, query_text="THE   question ")
    assert exact["exact_match"] is True
    assert exact["similarity"] == 1.0


def test_query_needs_a_model(client):
    with pytest.raises(ValueError, match="model_id"):
        client.query(A)
    with pytest.raises(ValueError, match="model_id"):
        client.query(A, 0.9, "")


def test_scopes_and_conversations_keep_apart(client, model):
    client.insert(A, "general", "q", model)
    client.insert(A, "tenant", "q", model, cache_scope="acme")
    client.insert(A, "talk", "q", model, cache_scope="acme", conversation_id="7")
    assert client.query(A, model_id=model)["response"] == "general"
    assert client.query(A, model_id=model, cache_scope="acme")["response"] == "tenant"
    inside = client.query(A, model_id=model, cache_scope="acme", conversation_id="7")
    assert (inside["response"], inside["scope"]) == ("talk", "conversation")
    outside = client.query(A, model_id=model, cache_scope="acme", conversation_id="8")
    assert (outside["response"], outside["scope"]) == ("tenant", "global")


def test_what_insert_takes_beyond(client, model):
    answer = client.insert(
        A, "r", "q", model, ttl_seconds=60, id="mine/1 ä".replace(" ä", ""), tags=["t1", "t2"],
        attributes={"lang": "en"}, cost=1.5,
    )  # fmt: skip
    assert answer["id"] == "mine/1"
    entry = client.get_entry("mine/1", model_id=model, vector=True)
    assert entry["tags"] == ["t1", "t2"]
    assert entry["attributes"] == {"lang": "en"}
    assert entry["cost"] == 1.5
    assert entry["expires_at"] - entry["inserted_at"] == 60
    assert entry["embedding"] == A
    assert "embedding" not in client.get_entry("mine/1", model_id=model)
    assert client.query(A, model_id=model, attributes={"lang": "de"}) == {"hit": False}
    assert client.internal_entry("mine/1")["model_id"] == model
    client.insert(C, "replaced", "q", model, id="mine/1")
    assert client.get_entry("mine/1", model_id=model)["response"] == "replaced"


def test_top_k(client, model):
    client.insert(A, "first", "one", model)
    client.insert(B, "second", "two", model)
    answer = client.query(A, 0.5, model, top_k=5)
    assert [match["response"] for match in answer["matches"]] == ["first", "second"]


def test_batches(client, model):
    results = client.insert_batch(
        [
            {"embedding": A, "response": "a", "query_text": "", "model_id": model},
            {"embedding": [0.0] * 4, "response": "b", "query_text": "", "model_id": model},
            {"embedding": C, "response": "c", "query_text": "", "model_id": model, "ttl_seconds": None},
        ]
    )
    assert results[0]["status"] == "ok"
    assert results[1]["status"] == 400
    assert results[2]["status"] == "ok"
    found = client.query_batch([{"embedding": C, "model_id": model}, {"embedding": A, "model_id": model}])
    assert [item["response"] for item in found] == ["c", "a"]


def test_delete_is_idempotent(client, model):
    uuid = client.insert(A, "r", "q", model)["id"]
    assert client.delete_entry(uuid) == {"status": "deleted", "deleted": True}
    assert client.delete_entry(uuid) == {"status": "deleted", "deleted": False}
    assert client.query(A, model_id=model) == {"hit": False}
    with pytest.raises(FerrocacheError) as raised:
        client.get_entry(uuid)
    assert raised.value.status == 404
    for empty in ("", "   "):
        with pytest.raises(ValueError, match="uuid"):
            client.delete_entry(empty)


def test_invalidate_by_radius(client, model):
    near = {client.insert(A, "r", "1", model)["id"], client.insert(B, "r", "2", model)["id"]}
    client.insert(C, "far", "3", model)
    told = client.invalidate(A, 0.9, model, dry_run=True)
    assert (told["deleted_count"], set(told["uuids"])) == (2, near)
    assert client.query(A, model_id=model)["hit"]
    done = client.invalidate(A, 0.9, model)
    assert (done["deleted_count"], done["invalidated_count"], set(done["uuids"])) == (2, 2, near)
    assert not client.query(A, model_id=model)["hit"]
    assert client.query(C, model_id=model)["hit"]


def test_invalidate_by_tag_attribute_and_scope(client, model):
    scope = f"{model}-scope"
    client.insert(A, "1", "1", model, tags=[f"{model}-x"], attributes={"kind": model})
    client.insert(B, "2", "2", model, tags=[f"{model}-y"], attributes={"kind": model})
    client.insert(C, "3", "3", model, cache_scope=scope)
    assert client.invalidate_matching(tags=[f"{model}-x"])["deleted_count"] == 1
    assert client.invalidate_matching(attributes={"kind": model}, dry_run=True)["deleted_count"] == 1
    assert client.invalidate_matching(attributes={"kind": model})["deleted_count"] == 1
    assert client.invalidate_matching(cache_scope=scope)["deleted_count"] == 1
    with pytest.raises(ValueError, match="tags, attributes or cache_scope"):
        client.invalidate_matching()
    with pytest.raises(ValueError, match="tags, attributes or cache_scope"):
        client.invalidate_matching(tags=[])
    with pytest.raises(TypeError, match="list"):
        client.invalidate_matching(tags="abc")


def test_namespaces(client, model):
    for scope in ("a", "b", "c"):
        client.insert(A, "r", "q", model, cache_scope=scope)
    page = client.namespaces(prefix=model, limit=2)
    assert len(page["namespaces"]) == 2
    assert page["next"]
    assert [found["cache_scope"] for found in client.iter_namespaces(model, page_size=2)] == ["a", "b", "c"]
    assert client.drop_namespace(f"{model}::a")["deleted_count"] == 1
    assert client.drop_namespace(model_id=model, cache_scope="b")["deleted_count"] == 1
    with pytest.raises(FerrocacheError, match="404"):
        client.drop_namespace(f"{model}::a")
    for wrong in ({}, {"name": "a", "model_id": "b"}, {"name": "a", "cache_scope": "b"}, {"name": ""}):
        with pytest.raises(ValueError):
            client.drop_namespace(**wrong)


def test_the_server_itself(client, model):
    client.insert(A, "r", "q", model)
    client.query(A, model_id=model)
    assert client.health()["status"] == "ok"
    assert client.ready() is True
    assert client.readiness() == {"status": "ready"}
    assert client.stats()["namespaces"][model]["entry_count"] == 1
    assert client.cluster_status()["mode"] == "single"
    assert client.entry_stats()["namespaces"][model][0]["access_count"] == 1
    assert client.compact()["status"] == "ok"
    assert "ferrocache_queries_total" in client.metrics()
    assert client.openapi()["openapi"].startswith("3.1")
    with pytest.raises(FerrocacheError) as raised:
        client.drain()  # a node alone has nobody to hand over to
    assert raised.value.status == 409
    with pytest.raises(FerrocacheError):
        client.cancel_drain()


def test_every_route_of_the_server_has_a_method(client):
    """Whoever adds a route to the node adds it to the clients."""
    import ferrocache._calls as calls

    made = {
        ("post", "/insert"), ("post", "/insert/batch"), ("post", "/query"), ("post", "/query/batch"),
        ("get", "/entry/{id}"), ("delete", "/entry/{id}"), ("get", "/internal/entry/{id}"),
        ("get", "/namespaces"), ("delete", "/namespaces"), ("delete", "/namespaces/{name}"),
        ("post", "/admin/invalidate"),
        # /livez is for whoever supervises the process
        ("get", "/livez"),
    }  # fmt: skip
    for call in vars(calls).values():
        if isinstance(call, calls.Call):
            made.add((call.method.lower(), call.path))
    paths = client.openapi()["paths"]
    assert {(method, path) for path, methods in paths.items() for method in methods} <= made


def test_errors_carry_the_server_s_sentence(client, model):
    with pytest.raises(FerrocacheError, match="zero") as raised:
        client.insert([0.0] * 4, "r", "q", model)
    assert raised.value.status == 400
    assert isinstance(raised.value, RuntimeError)
    with pytest.raises(FerrocacheError) as raised:
        client.insert([float("nan")] * 4, "r", "q", model)
    assert raised.value.status == 400
    client.insert(A, "r", "q", model)
    with pytest.raises(FerrocacheError, match="dimension"):
        client.query([1.0, 0.0], model_id=model)
    with pytest.raises(FerrocacheError, match="conv_"):
        client.insert(A, "r", "q", model, cache_scope="conv_1")


def test_texts_come_back_byte_for_byte(client, model):
    text = 'ünïcode \U0001f600 \u0000 \r\n\t "quoted" \\ \u2028'
    client.insert(A, text, text, model)
    assert client.query(A, model_id=model)["response"] == text
    assert client.query(C, model_id=model, query_text=text)["exact_match"]


@pytest.mark.parametrize("make", ["array", "tuple", "generator", "numpy", "numpy_row", "numpy_scalars"])
def test_embeddings_of_other_types(client, model, make):
    import array

    import numpy

    embedding = {
        "array": lambda: array.array("f", A),
        "tuple": lambda: tuple(A),
        "generator": lambda: (value for value in A),
        "numpy": lambda: numpy.array(A, numpy.float32),
        "numpy_row": lambda: numpy.array([A], numpy.float32),
        "numpy_scalars": lambda: [numpy.float32(value) for value in A],
    }[make]()
    uuid = client.insert(embedding, "r", "q", model)["id"]
    assert client.get_entry(uuid, vector=True)["embedding"] == A


def test_numbers_and_ids_of_other_types(client, model):
    """json knows no scalars of numpy, no Decimal and no UUID; total_seconds() gives a float."""
    import datetime
    import decimal
    import fractions
    import uuid

    import numpy

    own = uuid.uuid4()
    hour = datetime.timedelta(hours=1).total_seconds()
    embedding = [decimal.Decimal(1), fractions.Fraction(0), 0, 0]
    stored = client.insert(embedding, "r", "q", model, hour, id=own, cost=numpy.float32(0.5))
    assert stored["id"] == str(own)
    entry = client.get_entry(own)
    assert (entry["expires_at"] - entry["inserted_at"], entry["cost"]) == (3600, 0.5)
    for threshold in (numpy.float32(0.5), numpy.float16(0.5), decimal.Decimal("0.5"), numpy.array(0.5)):
        assert client.query(A, threshold, model, top_k=numpy.int64(1))["hit"]
    item = {"embedding": A, "response": "r", "query_text": "q", "model_id": model}
    results = client.insert_batch({**item, "ttl_seconds": ttl} for ttl in (60.0, numpy.int64(60)))
    assert [result["status"] for result in results] == ["ok", "ok"]
    with pytest.raises(FerrocacheError, match="ttl_seconds must be a whole number"):
        client.insert(A, "r", "q", model, 1.5)
    with pytest.raises(TypeError, match="bytes cannot be sent"):
        client.insert(A, b"r", "q", model)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:3000",
        "ftp://host",
        "http://",
        "http://a:b@host",
        "http://host?x=1",
        " , ",
        "http://a:99999",
        "http://a b:3000",
        "http://a\nb:3000",
        "http://a\x00b:3000",
        "http://a/b\x7f",
    ],
)
def test_base_urls_that_cannot_be(url):
    with pytest.raises(ValueError, match="base_url"):
        FerrocacheClient(url)


def test_a_base_url_with_a_route_in_it_is_told(node):
    with FerrocacheClient(node.url + "/v1") as client, pytest.raises(FerrocacheError, match="check the base URL") as raised:
        client.health()
    assert raised.value.status == 404


@pytest.mark.parametrize("url", [None, 3000, b"http://localhost:3000"])
def test_base_urls_of_another_kind(url):
    with pytest.raises(TypeError, match="base_url must be"):
        FerrocacheClient(url)


@pytest.mark.parametrize("embedding", [None, 7, "text", b"bytes"])
def test_embeddings_that_are_no_sequence(client, model, embedding):
    with pytest.raises(TypeError, match="embedding must be a sequence of numbers"):
        client.query(embedding, model_id=model)


def test_base_url_with_slash(node, model):
    with FerrocacheClient(node.url + "/") as client:
        assert client.health()["status"] == "ok"
        assert client.base_url == node.url
