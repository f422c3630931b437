"""Reading one entry back, deleting it, and the debts of deletion."""
import time

import pytest

from harness.contract import contract
from harness.names import printed_name
from harness.vectors import axis


@contract("entry-1: every field of an entry comes back", "entry-11: times are Unix seconds",
          "insert-19: cost", "insert-17: tags", "insert-18: attributes")
def test_read_back_everything(api, model):
    before = time.time()
    entry_id = api.insert(axis(8, 0), model, "the answer", "The Question?", cache_scope="tenant",
                          conversation_id="7", tags=["b", "a"], attributes={"lang": "en", "tier": "gold"},
                          cost=0.5, ttl_seconds=100)
    entry = api.entry(entry_id)
    assert {
        "id", "response", "query_text", "model_id", "cache_scope", "conversation_id", "tags", "attributes",
        "cost", "inserted_at", "expires_at", "last_accessed_at", "access_count"
    } <= entry.keys()
    assert (entry["id"], entry["response"], entry["query_text"]) == (entry_id, "the answer", "The Question?")
    assert (entry["model_id"], entry["cache_scope"], entry["conversation_id"]) == (model, "tenant", "7")
    assert sorted(entry["tags"]) == ["a", "b"] and entry["attributes"] == {"lang": "en", "tier": "gold"}
    assert entry["cost"] == 0.5 and entry["access_count"] == 0
    assert before - 1.5 <= entry["inserted_at"] <= time.time() + 1.5
    assert abs(entry["expires_at"] - entry["inserted_at"] - 100) <= 1


@contract("entry-1: what was not set is not there")
def test_read_back_without_options(api, model):
    entry = api.entry(api.insert(axis(8, 0), model))
    assert not {"cache_scope", "conversation_id", "cost", "expires_at", "embedding"} & entry.keys()
    assert entry["tags"] == [] and entry["attributes"] == {}


@contract("entry-2: the vector as stored, normalised, on request")
def test_read_back_vector(api, model):
    entry_id = api.insert([3.0, 0.0, -4.0], model)
    assert "embedding" not in api.entry(entry_id)
    assert "embedding" not in api.entry(entry_id, vector="false")
    assert api.entry(entry_id, vector="true")["embedding"] == pytest.approx([0.6, 0.0, -0.8], abs=1e-6)


@pytest.mark.one_node("/internal/entry looks on the node alone")
@contract("general-10: /internal/entry/{id}")
def test_internal_entry(api, model):
    entry_id = api.insert([3.0, 0.0, -4.0], model, "r", "q", cache_scope="tenant", conversation_id="c:1",
                          tags=["t"])
    entry = api.call("GET", f"/internal/entry/{entry_id}").json()
    assert entry["embedding"] == pytest.approx([0.6, 0.0, -0.8], abs=1e-6)
    assert entry["model_id"] == printed_name(model, "tenant", "c:1")
    assert (entry["id"], entry["response"], entry["query_text"], entry["tags"]) == (entry_id, "r", "q", ["t"])


@pytest.mark.one_node("each owner counts the reads that it serves")
@contract("entry-4: access_count and last_accessed_at follow the hits")
def test_access_figures(api, model):
    entry_id = api.insert(axis(8, 0), model, query_text="q")
    other = api.insert(axis(8, 1), model, query_text="other")
    begin = time.time()
    for _ in range(3):
        api.hit(axis(8, 0), model)
    api.hit(axis(8, 5), model, query_text="q")
    api.miss(axis(8, 5), model)
    entry = api.entry(entry_id)
    assert entry["access_count"] == 4
    assert begin - 1.5 <= entry["last_accessed_at"] <= time.time() + 1.5
    assert api.entry(other)["access_count"] == 0


@contract("entry-6: the answers of DELETE", "entry-3: 404 for none")
def test_delete(api, model):
    entry_id = api.insert(axis(8, 0), model, query_text="q")
    answer = api.delete(entry_id)
    assert answer["status"] == "deleted" and answer["deleted"] is True
    assert api.call("DELETE", f"/entry/{entry_id}", expect=404).json() == {"error": "entry not found"}
    api.call("GET", f"/entry/{entry_id}", expect=404)
    api.call("GET", f"/internal/entry/{entry_id}", expect=404)
    api.miss(axis(8, 0), model, query_text="q", threshold=0)


@pytest.mark.one_node("local=true means the node alone")
@contract("general-8: local=true is accepted", "general-9: repair is accepted")
def test_local_and_repair(api, model):
    body = {
        "embedding": axis(8, 0), "model_id": model, "response": "r", "query_text": "", "tags": ["local-tag"]
    }
    for target in ("/insert?local=true", "/insert?local=false"):
        entry_id = api.call("POST", target, body).json()["id"]
    for target in ("/query?local=true", "/query?repair=true", "/query?repair=false",
                   "/query?local=true&repair=false"):
        assert api.call("POST", target, body).json()["hit"] is True
    api.call("DELETE", f"/entry/{entry_id}?local=true")
    api.call("DELETE", f"/entry/{entry_id}?local=true", expect=404)
    answer = api.call("POST", "/admin/invalidate?local=true", {"tags": ["local-tag"]}).json()
    assert answer["deleted_count"] == 1


@contract("entry-9: a deleted entry never comes back", "inval-8: nor an invalidated one")
@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "kill -9"])
@pytest.mark.parametrize("compact_after", [False, True])
def test_deleted_stays_deleted(nodes, kill, compact_after):
    """Snapshots before the delete must not bring it back, nor snapshots after it lose the delete."""
    node = nodes.start()
    for index in range(8):
        node.api.insert(axis(8, index), "m::8", f"r{index}", f"q{index}", id=f"e{index}", tags=[f"t{index}"],
                        cache_scope="s" if index == 4 else None)
    node.api.compact()
    node.api.delete("e0")
    node.api.invalidate(tags=["t1"])
    node.api.invalidate(embedding=axis(8, 2), threshold=0.9, model_id="m::8")
    node.api.call("DELETE", "/namespaces?model_id=m::8&cache_scope=s")
    node.api.insert(axis(8, 3), "m::8", "newer", "q3", id="e3")
    if compact_after:
        node.api.compact()
    for _ in range(2):
        node.restart(kill=kill)
        present = [index for index in range(8) if node.api.has_entry(f"e{index}")]
        assert present == [3, 5, 6, 7]
        assert node.api.health()["entry_count"] == 4
        assert node.api.hit(axis(8, 3), "m::8")["response"] == "newer"
        for gone in (0, 1, 2):
            node.api.miss(axis(8, gone), "m::8", query_text=f"q{gone}")
