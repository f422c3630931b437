"""POST /insert/batch and /query/batch."""
import pytest

from harness.bad_input import Canary
from harness.contract import contract
from harness.vectors import as_base64, at_cosine, axis, random_unit


def insert_item(model, number, **fields):
    return {
        "embedding": axis(8, number % 8), "model_id": model, "response": f"r{number}",
        "query_text": f"q{number}", **fields
    }


@contract("batch-1: one result an item, in order", "batch-4: visible when answered")
def test_order_and_results(api, model):
    items = [insert_item(model, number, id=f"b{number}") for number in range(300)]
    results = api.call("POST", "/insert/batch", {"items": items}).json()["results"]
    assert results == [{"id": f"b{number}", "status": "ok"} for number in range(300)]
    queries = [{"embedding": axis(8, 0), "model_id": model, "query_text": f"q{number}"}
               for number in range(299, -1, -1)]
    results = api.call("POST", "/query/batch", {"items": queries}).json()["results"]
    assert [result["response"] for result in results] == [f"r{number}" for number in range(299, -1, -1)]


@contract("batch-1: each result is what the single route answers")
def test_same_answers_as_the_single_route(api, model, rng):
    vector = random_unit(rng, 8)
    api.insert(vector, model, "base", "text", attributes={"a": "b"})
    api.insert(vector, model, "talk", "text", conversation_id="7")
    queries = [{"embedding": vector}, {"embedding": axis(8, 0),
                                       "query_text": "TEXT"}, {"embedding_b64": as_base64(vector)},
               {"embedding": at_cosine(rng, vector, 0.5)}, {"embedding": vector, "top_k": 5},
               {"embedding": vector,
                "conversation_id": "7"}, {"embedding": vector, "conversation_id": "8",
                                          "top_k": 2}, {"embedding": vector, "attributes": {"a": "b"}},
               {"embedding": vector,
                "attributes": {"a": "c"}}, {"embedding": at_cosine(rng, vector, 0.5), "top_k": 3}]
    queries = [{**query, "model_id": model} for query in queries]
    results = api.call("POST", "/query/batch", {"items": queries}).json()["results"]
    changing = ("age_seconds", "ttl_remaining", "age", "matches")
    for query, result in zip(queries, results):
        single = api.call("POST", "/query", query).json()
        assert {k: v for k, v in result.items() if k not in changing} == \
            {k: v for k, v in single.items() if k not in changing}
        assert [match["id"] for match in result.get("matches", [])] == \
            [match["id"] for match in single.get("matches", [])]
        assert ("matches" in result) == ("matches" in single)


@contract("batch-2: a bad item fails alone")
def test_bad_items_fail_alone(api, model):
    good = insert_item(model, 0)
    bad = [{**good, "embedding": []}, {**good, "embedding": [0.0] * 8}, {**good, "model_id": ""},
           {**good, "response": 5}, {**good, "embedding": [1.0] * 9}, {**good, "ttl_seconds": 0},
           {**good, "cache_scope": "conv_1"}, {}, 5, "x", None, [], {**good, "tags": [""]},
           {**good, "id": "a b"}]
    items = [item for pair in zip([good] * len(bad), bad) for item in pair]
    results = api.call("POST", "/insert/batch", {"items": items}).json()["results"]
    assert len(results) == len(items)
    for index, result in enumerate(results):
        if index % 2 == 0:
            assert result["status"] == "ok" and api.has_entry(result["id"])
        else:
            assert result["status"] == 400 and result["error"], items[index]
    queries = [{"embedding": axis(8, 0), "model_id": model}, {"embedding": axis(8, 0)}, {"model_id": model},
               7, None, {"embedding": axis(9, 0),
                         "model_id": model}, {"embedding": axis(8, 0), "model_id": model,
                                              "top_k": 0}, {"embedding": axis(8, 0), "model_id": model}]
    results = api.call("POST", "/query/batch", {"items": queries}).json()["results"]
    assert results[0]["hit"] and results[-1]["hit"]
    assert all(result["status"] == 400 and result["error"] for result in results[1:-1])


@contract("batch-2: an oversize response fails alone", "insert-9: 413")
def test_oversize_item_fails_alone(api, model):
    items = [
        insert_item(model, 0),
        insert_item(model, 1, response="x" * ((1 << 20) + 1)),
        insert_item(model, 2)
    ]
    results = api.call("POST", "/insert/batch", {"items": items}).json()["results"]
    assert [result["status"] for result in results] == ["ok", 413, "ok"]


@contract("batch-1: items act in order", "insert-16: the same id replaces")
def test_items_act_in_order(api, model):
    items = [
        insert_item(model, 0, id="x"),
        insert_item(model, 1, id="x"),
        insert_item(model, 2, id="y", query_text="q"),
        insert_item(model, 3, id="z", query_text="q"), {**insert_item(model, 4), "embedding": [1.0, 2.0]}
    ]
    results = api.call("POST", "/insert/batch", {"items": items}).json()["results"]
    assert [result["status"] for result in results] == ["ok"] * 4 + [400]
    assert api.entry("x")["response"] == "r1"
    assert api.hit(axis(8, 6), model, query_text="q")["id"] == "z"


@contract("batch-2: in an empty namespace the first item fixes the dimension for the next ones")
def test_dimension_within_a_batch(api, model):
    items = [{**insert_item(model, 0), "embedding": [1.0] * size} for size in (5, 6, 5)]
    results = api.call("POST", "/insert/batch", {"items": items}).json()["results"]
    assert [result["status"] for result in results] == ["ok", 400, "ok"]
    assert "5" in results[1]["error"] and "6" in results[1]["error"]


@contract("batch-3: a thousand items unless set")
def test_item_limit(node, api, model):
    items = [insert_item(model, number) for number in range(1001)]
    canary = Canary(node)
    api.call("POST", "/insert/batch", {"items": items}, expect=(400, 413))
    api.call("POST", "/query/batch", {"items": items}, expect=(400, 413))
    canary.check()
    assert api.query(axis(8, 0), model) == {"hit": False}
    assert len(api.call("POST", "/query/batch", {"items": items[:1000]}).json()["results"]) == 1000


@contract("batch-3: the limit is configurable")
def test_item_limit_setting(nodes):
    api = nodes.start({"limits.max_batch_items": 3}).api
    api.call("POST", "/insert/batch", {"items": [insert_item("m", n) for n in range(3)]})
    api.call("POST", "/insert/batch", {"items": [insert_item("m", n) for n in range(4)]}, expect=(400, 413))
    api.call("POST", "/query/batch", {"items": [insert_item("m", n) for n in range(4)]}, expect=(400, 413))


@contract("batch-2: a body that is no batch is 400")
@pytest.mark.parametrize("body", [{}, {"items": {}}, {"items": 5}, {"items": None}, [], [{}], 5], ids=str)
def test_bad_bodies(node, api, body):
    canary = Canary(node)
    api.call("POST", "/insert/batch", body, expect=400)
    api.call("POST", "/query/batch", body, expect=400)
    canary.check()


@contract("batch-4: durable when answered")
def test_batch_survives_kill(nodes):
    node = nodes.start()
    for round_number in range(3):
        items = [insert_item("m", number, id=f"{round_number}-{number}") for number in range(200)]
        node.api.insert_many(items)
        node.restart(kill=True)
        assert node.api.health()["entry_count"] == 200 * (round_number + 1)
    assert all(node.api.has_entry(f"{r}-{n}") for r in range(3) for n in range(0, 200, 17))
