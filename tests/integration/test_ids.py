"""Ids: replacing by id, ids in several namespaces, ids that the server makes."""
import threading

from harness.contract import contract
from harness.timing import wait_until
from harness.vectors import axis, random_unit


@contract("insert-16: the same id replaces the entry")
def test_replace_by_id(api, model):
    before = api.health()["entry_count"]
    api.insert(axis(8, 0), model, "old", "old question", id="x", tags=["old"], attributes={"k": "old"},
               cost=1)
    api.insert(axis(8, 1), model, "new", "new question", id="x", tags=["new"], attributes={"k": "new"})
    assert api.health()["entry_count"] == before + 1
    api.miss(axis(8, 0), model)
    api.miss(axis(8, 0), model, query_text="old question")
    assert api.hit(axis(8, 1), model)["response"] == "new"
    assert api.hit(axis(8, 5), model, query_text="new question")["id"] == "x"
    entry = api.entry("x", model_id=model)
    assert entry["tags"] == ["new"] and entry["attributes"] == {"k": "new"} and entry.get("cost") is None
    assert api.invalidate(tags=["old"])["deleted_count"] == 0
    assert api.invalidate(attributes={"k": "old"})["deleted_count"] == 0


@contract("insert-16: replacing is atomic for readers")
def test_replace_is_atomic_for_readers(node, model):
    """While an entry is replaced again and again every query finds one whole version of it."""
    node.api.insert(axis(8, 0), model, "version 0", "question", id="x", attributes={"v": "0"})
    done, problems = threading.Event(), []

    def read():
        api = node.api.with_token(None)
        while not done.is_set():
            for query in ({"query_text": "question"}, {"threshold": 0.99}, {"top_k": 5}):
                answer = api.query(axis(8, 0), model, **query)
                if not answer["hit"] or answer["response"] != "version " + answer["attributes"]["v"] or \
                        len(answer.get("matches", [0])) != 1:
                    problems.append(answer)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 300):
        node.api.insert(axis(8, 0), model, f"version {number}", "question", id="x",
                        attributes={"v": str(number)})
    done.set()
    for reader in readers:
        reader.join()
    assert not problems, problems[:3]


@contract("insert-16: a replace may bring another dimension when it is the only entry",
          "query-13: the dimension is free when the last entry has gone")
def test_replace_of_the_only_entry_keeps_one_entry(api, model):
    """Whether accepted or refused, never two entries and never a half one."""
    api.insert(axis(8, 0), model, "old", id="x")
    response = api.client.request(
        "POST", "/insert",
        {"embedding": axis(4, 0), "model_id": model, "response": "new", "query_text": "", "id": "x"})
    assert response.status in (200, 400)
    dimension, text = (4, "new") if response.status == 200 else (8, "old")
    assert api.hit(axis(dimension, 0), model)["response"] == text
    api.call("POST", "/query", {"embedding": axis(12 - dimension, 0), "model_id": model}, expect=400)


@contract("insert-21: in another namespace an id is another entry",
          "entry-5: GET by id alone and with a namespace")
def test_one_id_in_several_namespaces(api, model):
    api.insert(axis(8, 0), model, "base", id="shared-id")
    api.insert(axis(8, 0), model, "tenant", id="shared-id", cache_scope="tenant")
    api.insert(axis(8, 0), model, "talk", id="shared-id", conversation_id="7")
    api.insert(axis(8, 0), model, "tenant talk", id="shared-id", cache_scope="tenant", conversation_id="7")
    assert api.entry("shared-id")["response"] == "tenant talk"
    assert api.entry("shared-id", model_id=model)["response"] == "base"
    assert api.entry("shared-id", model_id=model, cache_scope="tenant")["response"] == "tenant"
    assert api.entry("shared-id", model_id=model, conversation_id="7")["response"] == "talk"
    assert api.entry("shared-id", model_id=model, cache_scope="tenant", conversation_id="7")["response"] == \
        "tenant talk"
    api.call("GET", f"/entry/shared-id?model_id={model}&cache_scope=nobody", expect=404)
    api.insert(axis(8, 1), model, "base again", id="shared-id")
    assert api.entry("shared-id")["response"] == "base again", "GET by id alone answers the newest"


@contract("entry-8: DELETE by id alone removes all, with a namespace only that one")
def test_delete_one_id_of_several_namespaces(api, model):
    scopes = [{}, {"cache_scope": "a"}, {"cache_scope": "b"}, {"conversation_id": "c"}]
    for scope in scopes:
        api.insert(axis(8, 0), model, "r", id="del-id", **scope)
    api.delete("del-id", model_id=model, cache_scope="a")
    assert [api.has_entry("del-id", model_id=model, **scope) for scope in scopes] == [True, False, True, True]
    api.call("DELETE", f"/entry/del-id?model_id={model}&cache_scope=a", expect=404)
    api.delete("del-id", model_id=model)
    assert [api.has_entry("del-id", model_id=model, **scope)
            for scope in scopes] == [False, False, True, True]
    api.delete("del-id")
    assert not any(api.has_entry("del-id", model_id=model, **scope) for scope in scopes)
    api.call("DELETE", "/entry/del-id", expect=404)


@contract("entry-10: ids made by the server are unique", "entry-3: 404 for an unknown id")
def test_generated_ids_are_unique(api, model, rng):
    items = [{"embedding": random_unit(rng, 8), "model_id": model, "response": "r", "query_text": ""}
             for _ in range(2000)]
    ids = api.insert_many(items)
    assert len(set(ids)) == len(ids)
    api.call("GET", "/entry/00000000-0000-4000-8000-000000000000", expect=404)
    api.call("GET", "/internal/entry/00000000-0000-4000-8000-000000000000", expect=404)


@contract("insert-15: every visible ASCII character works in an id, encoded in the path")
def test_ids_with_special_characters(api, model):
    visible = "".join(chr(code) for code in range(0x21, 0x7f))
    for entry_id in (visible, "a/b", "..", ".", "%41", "a?b=c", "#", "+", "a+b"):
        assert api.insert(axis(8, 0), model, entry_id, id=entry_id) == entry_id
        assert api.entry(entry_id)["response"] == entry_id
        api.delete(entry_id)
        assert not api.has_entry(entry_id)


@contract("entry-7: of simultaneous deletes exactly one is answered 200")
def test_simultaneous_deletes(node, model):
    for round_number in range(25):
        entry_id = node.api.insert(axis(8, 0), model)
        barrier, statuses = threading.Barrier(4), []

        def delete():
            client = node.api.with_token(None).client
            client.request("GET", "/livez")  # the connection stands before the race begins
            barrier.wait()
            statuses.append(client.request("DELETE", f"/entry/{entry_id}").status)

        threads = [threading.Thread(target=delete) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 404, 404, 404], f"round {round_number}"
    wait_until(lambda: node.api.miss(axis(8, 0), model), 5, "no entry is left")
