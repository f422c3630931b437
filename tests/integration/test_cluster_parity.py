"""Whatever node is asked, the cluster answers as one node would."""
import threading
import time

import pytest

from harness.api import entry_path
from harness.cluster import Cluster
from harness.timing import scaled, wait_until
from harness.vectors import at_cosine, axis, random_unit

DIMENSION = 32


@pytest.fixture(scope="module")
def three(module_nodes):
    return Cluster(module_nodes, 3).start()


@pytest.fixture
def apis(three):
    return [node.api for node in three.members]


def test_an_entry_is_found_from_every_node_at_once(apis, model, rng):
    for number in range(30):
        vector = random_unit(rng, DIMENSION)
        entry_id = apis[number % 3].insert(vector, model, f"answer {number}", f"question {number}")
        for api in apis:
            by_vector = api.hit(vector, model)
            assert by_vector["id"] == entry_id and by_vector["response"] == f"answer {number}"
            by_text = api.hit(random_unit(rng, DIMENSION), model, query_text=f" QUESTION   {number} ")
            assert by_text["id"] == entry_id and by_text["exact_match"] is True
            assert api.entry(entry_id)["response"] == f"answer {number}"


def test_near_duplicates_hit_from_every_node(apis, rng):
    """Two hundred models, so that the namespaces lie all over the ring."""
    for number in range(200):
        model = f"near.{number}::{DIMENSION}"
        vector = random_unit(rng, DIMENSION)
        apis[number % 3].insert(vector, model, f"answer {number}")
        near, far = at_cosine(rng, vector, 0.95), at_cosine(rng, vector, 0.88)
        for api in apis:
            assert api.hit(near, model)["response"] == f"answer {number}"
            api.miss(far, model)


def test_conversations_first_and_base_after(apis, rng):
    for number in range(60):
        model, conversation = f"talk.{number}::{DIMENSION}", f"c{number}"
        vector = random_unit(rng, DIMENSION)
        apis[0].insert(vector, model, "global")
        for api in apis:
            hit = api.hit(vector, model, conversation_id=conversation)
            assert (hit["response"], hit["scope"]) == ("global", "global")
        apis[1].insert(vector, model, "private", conversation_id=conversation)
        for api in apis:
            hit = api.hit(vector, model, conversation_id=conversation)
            assert (hit["response"], hit["scope"]) == ("private", "conversation")
            assert api.hit(vector, model, conversation_id="another")["response"] == "global"
            assert api.hit(vector, model)["response"] == "global"


def test_dimension_errors_are_those_of_one_node(apis, model):
    apis[0].insert(axis(8, 0), model)
    for api in apis:
        for path in ("/insert", "/query"):
            body = {"embedding": axis(9, 0), "model_id": model, "response": "x", "query_text": "q"}
            error = api.call("POST", path, body, expect=400).json()["error"]
            assert "9" in error and "8" in error


def test_dimension_errors_in_a_conversation_are_those_of_one_node(apis, nodes):
    """They were worded by the namespace that told them, and which of two told depended on the node that was asked."""
    alone = nodes.start().api
    for number in range(8):
        for base, conversation in ((8, 10), (8, 0), (0, 10)):
            model = f"talk-{base}-{conversation}.{number}"
            for api in (alone, apis[number % 3]):
                if base:
                    api.insert(axis(base, 0), model)
                if conversation:
                    api.insert(axis(conversation, 0), model, conversation_id="c")
            body = {"embedding": axis(9, 0), "model_id": model, "conversation_id": "c"}
            expected = alone.call("POST", "/query", body, expect=400).json()
            assert f"9 dimensions, but namespace {model}" in expected["error"]
            for api in apis:
                assert api.call("POST", "/query", body, expect=400).json() == expected


def test_a_delete_through_any_node_removes_the_entry_everywhere(three, apis, model, rng):
    for number in range(30):
        vector = random_unit(rng, DIMENSION)
        entry_id = apis[number % 3].insert(vector, model, f"answer {number}")
        wait_until(lambda entry_id=entry_id: len(three.holders(entry_id)) == 2, 30, "a slow disk has it, too")
        assert apis[(number + 1) % 3].delete(entry_id) == {"status": "deleted", "deleted": True}
        assert three.holders(entry_id) == []
        for api in apis:
            api.miss(vector, model)
            assert not api.has_entry(entry_id)
            api.call("DELETE", f"/entry/{entry_id}", expect=404)


def test_an_id_of_the_clients_choice_is_found_and_deleted_without_its_namespace(apis, rng):
    for number in range(20):
        model = f"own-id.{number}::{DIMENSION}"
        vector = random_unit(rng, DIMENSION)
        assert apis[0].insert(vector, model, "first", id=f"my-{number}") == f"my-{number}"
        assert apis[1].insert(vector, model, "second", id=f"my-{number}") == f"my-{number}"
        for api in apis:
            assert api.entry(f"my-{number}")["response"] == "second"
        apis[2].delete(f"my-{number}")
        for api in apis:
            assert not api.has_entry(f"my-{number}")


def test_radius_invalidation_counts_each_entry_once(apis, model, rng):
    vector = random_unit(rng, DIMENSION)
    inside = {apis[i % 3].insert(at_cosine(rng, vector, 0.97), model) for i in range(12)}
    outside = {apis[i % 3].insert(at_cosine(rng, vector, 0.5), model) for i in range(6)}
    body = {"embedding": vector, "threshold": 0.9, "model_id": model}
    assert set(apis[0].invalidate(**body, dry_run=True)["uuids"]) == inside
    assert set(apis[1].invalidate(**body)["uuids"]) == inside
    for api in apis:
        assert all(api.has_entry(entry_id) for entry_id in outside)
        assert not any(api.has_entry(entry_id) for entry_id in inside)


def test_an_invalidation_of_more_entries_than_one_message_between_nodes_names(apis, model, rng):
    """65,536 ids are the most that an owner deletes before it answers: then it is asked again."""
    count = 70_000
    items = [{"embedding": [1.0, 0.0], "model_id": model, "response": "", "query_text": "", "tags": ["many"]}] * 1000
    for number in range(0, count, 1000):
        apis[number // 1000 % 3].insert_many(items)
    assert apis[0].invalidate(tags=["many"], dry_run=True)["deleted_count"] == count
    assert apis[1].invalidate(tags=["many"])["deleted_count"] == count
    assert apis[2].invalidate(tags=["many"])["deleted_count"] == 0
    for api in apis:
        api.miss([1.0, 0.0], model, threshold=0)


@pytest.mark.parametrize("entry_id", ["a b", " ", "\u00e4", "\0", "x" * 129], ids=repr)
def test_an_id_that_no_entry_can_have_is_not_found(apis, entry_id):
    for api in apis:
        for method in ("GET", "DELETE"):
            for suffix in ("", "?local=true", "?model_id=m"):
                answer = api.call(method, entry_path(entry_id) + suffix, expect=404)
                assert answer.json() == {"error": "entry not found"}


def test_tag_invalidation_reaches_every_namespace_once(apis, rng):
    ids = {
        apis[i % 3].insert(random_unit(rng, DIMENSION), f"tags.{i}::{DIMENSION}", tags=["release-7"])
        for i in range(40)
    }
    assert set(apis[2].invalidate(tags=["release-7"])["uuids"]) == ids
    assert apis[0].invalidate(tags=["release-7"])["deleted_count"] == 0


def test_namespaces_are_listed_once_and_alike_from_every_node(apis, rng):
    names = sorted(f"list.{i:03}::{DIMENSION}" for i in range(50))
    for i, name in enumerate(names):
        for _ in range(2):
            apis[i % 3].insert(random_unit(rng, DIMENSION), name)
    for api in apis:
        listed = api.namespaces(prefix="list.")["namespaces"]
        assert [ns["name"] for ns in listed] == names
        assert {ns["entry_count"] for ns in listed} == {2}
        assert [ns["name"] for ns in api.namespaces(prefix="list.", limit=7, after=names[4])["namespaces"]] == names[5:12]
    apis[0].call("DELETE", f"/namespaces/{names[0].replace(':', '%3A')}")
    for api in apis:
        assert [ns["name"] for ns in api.namespaces(prefix="list.")["namespaces"]] == names[1:]


def test_counts(three, apis, rng):
    before = apis[0].stats()["cluster_entry_count"]
    copies = three.copies()
    for i in range(50):
        apis[i % 3].insert(random_unit(rng, DIMENSION), f"count.{i}::{DIMENSION}")
    for api in apis:
        assert api.stats()["cluster_entry_count"] == before + 50
    wait_until(lambda: three.copies() == copies + 100, 30, "two copies of each, on a slow disk as well")


def test_how_often_an_entry_was_read_is_the_same_whoever_is_asked(three, apis, model, rng):
    """Each owner hands it out: what one of them counted the other must know, too. A slow owner's query may be
    asked of both, and is counted by both; so it is at least as often."""
    vector = random_unit(rng, DIMENSION)
    entry_id = apis[0].insert(vector, model, "answer")
    wait_until(lambda: len(three.holders(entry_id)) == 2, 30, "both owners have it")
    held = [node.api for node in three.members if node.name in three.holders(entry_id)]

    def counts() -> list[int]:
        return [api.call("GET", f"/internal/entry/{entry_id}").json()["access_count"] for api in held]

    def both_count_what_is_read(seconds: float) -> bool:
        before = counts()
        for _ in range(3):
            for api in apis:
                api.hit(vector, model)
        until = time.monotonic() + scaled(seconds)
        while time.monotonic() < until:
            grown = {now - then for now, then in zip(counts(), before)}
            if len(grown) == 1 and grown.pop() >= 9:
                return True
            time.sleep(0.02)
        return False

    # Told once and not again: on a machine so busy that a message is lost, the next reads tell it.
    assert any(both_count_what_is_read(seconds) for seconds in (10, 10, 20, 20)), counts()
    assert {api.entry(entry_id)["access_count"] for api in apis} <= set(counts())


def test_batches_answer_in_order_across_owners(apis, rng):
    vectors = [random_unit(rng, DIMENSION) for _ in range(100)]
    items = [{
        "embedding": vector, "model_id": f"batch.{i % 17}::{DIMENSION}", "response": f"answer {i}", "query_text": ""
    } for i, vector in enumerate(vectors)]
    items[50] = {"embedding": [0.0] * DIMENSION, "model_id": "batch.0", "response": "x", "query_text": ""}
    results = apis[1].call("POST", "/insert/batch", {"items": items}).json()["results"]
    assert [i for i, result in enumerate(results) if result.get("status") != "ok"] == [50]
    queries = [{"embedding": item["embedding"], "model_id": item["model_id"]} for item in items]
    for api in apis:
        answers = api.call("POST", "/query/batch", {"items": queries}).json()["results"]
        assert [answer.get("response") for i, answer in enumerate(answers) if i != 50
                ] == [f"answer {i}" for i in range(100) if i != 50]
        assert answers[50]["status"] == 400


def test_of_simultaneous_deletes_through_all_nodes_one_is_answered_200(three, apis, model, rng):
    for _ in range(10):
        entry_id = apis[0].insert(random_unit(rng, DIMENSION), model)
        statuses, barrier = [], threading.Barrier(3)

        def delete(api, entry_id=entry_id, statuses=statuses, barrier=barrier):
            barrier.wait()
            statuses.append(api.call("DELETE", f"/entry/{entry_id}", expect=(200, 404)).status)

        threads = [threading.Thread(target=delete, args=(api, )) for api in apis]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 404, 404]


def test_every_node_holds_its_share(three, apis, rng):
    before = [api.health()["entry_count"] for api in apis]
    for i in range(300):
        apis[i % 3].insert(random_unit(rng, 8), f"share.{i}::8")

    def grown() -> list[int]:
        return [api.health()["entry_count"] - count for api, count in zip(apis, before)]

    wait_until(lambda: sum(grown()) == 600, 30, "two copies of each, on a slow disk as well")
    assert max(grown()) < 1.25 * 200, grown()
