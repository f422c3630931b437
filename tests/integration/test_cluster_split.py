"""A namespace that has been spread over several partitions is asked, changed and listed as one."""
import pytest

from harness.cluster import Load
from harness.names import path_segment
from harness.timing import wait_until
from harness.vectors import at_cosine, axis, random_unit

DIMENSION = 16
SMALL = {"cluster.split_entries": 30, "cluster.split_bytes": 0}
ENTRIES = 240


def split_of(cluster, node, model: str) -> int:
    """Over how many partitions this node says that the namespace is spread."""
    for split in cluster.status(node)["splits"]:
        if model in split["namespaces"]:
            return split["partitions"]
    return 1


def wait_split(cluster, model: str) -> None:
    """All of the nodes that hold some of it go by the same ring, in which it is split as far as it will be."""
    def done():
        statuses = [cluster.status(node) for node in cluster.running()]
        rings = {(status["ring"]["epoch"], status["ring"]["fingerprint"]) for status in statuses}
        return (len(rings) == 1 and all(status["splits"] and not status["splits_wanted"] and not status["ring"]["changing"]
                                        for status in statuses))

    wait_until(done, 60, f"{model} is split everywhere", interval=0.1)
    cluster.wait_settled()


def fill(apis, rng, model: str, count: int, first: int = 0) -> list[dict]:
    entries = []
    for i in range(first, first + count):
        entry = {"vector": random_unit(rng, DIMENSION), "answer": f"answer {i}", "text": f"question {i}"}
        entry["id"] = apis[i % len(apis)].insert(entry["vector"], model, entry["answer"], entry["text"])
        entries.append(entry)
    return entries


def shown(answer: dict) -> list[tuple]:
    return [(match["id"], round(match["similarity"], 4)) for match in answer["matches"]]


def check_everywhere(cluster, model: str, entries: list[dict], gone: list[dict] = ()) -> None:
    for node in cluster.running():
        for entry in entries:
            assert node.api.hit(entry["vector"], model)["id"] == entry["id"], node.name
            assert node.api.entry(entry["id"])["response"] == entry["answer"]
        for entry in gone:
            assert not node.api.has_entry(entry["id"]), node.name
            node.api.miss(entry["vector"], model, threshold=0.999)
        listed = [ns for ns in node.api.namespaces()["namespaces"] if ns["name"] == model]
        assert [ns["entry_count"] for ns in listed] == [len(entries)], node.name


def test_every_node_answers_as_a_single_node_while_it_splits_and_after(cluster, nodes, rng, model):
    four = cluster(4, SMALL)
    alone = nodes.start()
    apis = [node.api for node in four.members]
    entries = []
    for i in range(ENTRIES):
        # Some texts are asked again later, so that the newest must win wherever it lies.
        entry = {"vector": random_unit(rng, DIMENSION), "answer": f"answer {i}", "text": f"question {i % 90}"}
        entry["id"] = apis[i % 4].insert(entry["vector"], model, entry["answer"], entry["text"])
        alone.api.insert(entry["vector"], model, entry["answer"], entry["text"], id=entry["id"])
        entries.append(entry)
        for api in (apis[i % 4], apis[(i + 1) % 4]):
            assert api.hit(entry["vector"], model)["id"] == entry["id"]
    wait_split(four, model)
    assert max(split_of(four, node, model) for node in four.members) >= 4
    for number in range(150):
        about = entries[rng.randrange(ENTRIES)]
        question = {"threshold": rng.choice([0.0, 0.3, 0.6, 0.92]), "top_k": rng.randint(2, 12)}
        if number % 2:
            question["query_text"] = about["text"].upper()
        vector = at_cosine(rng, about["vector"], 0.8)
        expected = shown(alone.api.query(vector, model, **question))
        for node in four.members:
            assert shown(node.api.query(vector, model, **question)) == expected, (node.name, question)
    check_everywhere(four, model, entries)
    for node in four.members:
        error = node.api.call("POST", "/query", {"embedding": axis(9, 0), "model_id": model}, expect=400).json()["error"]
        assert "9" in error and str(DIMENSION) in error


def test_opposite_and_equal_vectors_come_in_the_order_of_a_single_node(cluster, nodes, rng, model):
    """All that is opposite has a similarity of 0, and equal vectors the same one: what came first depended on the node."""
    three = cluster(3, SMALL)
    alone = nodes.start()
    apis = [node.api for node in three.members]
    vectors = [random_unit(rng, DIMENSION) for _ in range(45)]
    for i in range(90):
        entry_id = apis[i % 3].insert(vectors[i % 45], model, f"answer {i}")
        alone.api.insert(vectors[i % 45], model, f"answer {i}", id=entry_id)
    wait_split(three, model)
    for number in range(30):
        about = vectors[number] if number % 2 else random_unit(rng, DIMENSION)
        for top_k in (1, 3, 50, 90):
            expected = [answer["id"] for answer in answers_of(alone.api, about, model, top_k)]
            assert len(expected) == top_k
            for node in three.members:
                found = [answer["id"] for answer in answers_of(node.api, about, model, top_k)]
                assert found == expected, (node.name, top_k)


def answers_of(api, vector, model: str, top_k: int) -> list[dict]:
    answer = api.hit(vector, model, threshold=0, top_k=top_k)
    return answer.get("matches", [answer])


def test_deletes_stay_deleted_through_a_split_and_a_death(cluster, rng, model):
    four = cluster(4, SMALL)
    apis = [node.api for node in four.members]
    early = fill(apis, rng, model, 25)
    gone = early[:8]
    for number, entry in enumerate(gone):
        assert apis[number % 4].delete(entry["id"]) == {"status": "deleted", "deleted": True}
    entries = early[8:] + fill(apis, rng, model, ENTRIES, 25)
    with Load(four.members, lambda number, round_number: ("POST", "/query", {
            "embedding": entries[(number * 7 + round_number) % len(entries)]["vector"], "model_id": model
    }, "")) as load:
        wait_split(four, model)
        more = entries[::10]
        for number, entry in enumerate(more):
            assert apis[number % 4].delete(entry["id"]) == {"status": "deleted", "deleted": True}
            assert apis[(number + 1) % 4].call("DELETE", f"/entry/{entry['id']}", expect=404).status == 404
    assert load.failed() == []
    left, gone = [entry for entry in entries if entry not in more], gone + more
    check_everywhere(four, model, left, gone)
    four.members[0].kill()
    four.wait_formed(60)
    four.wait_settled()
    check_everywhere(four, model, left, gone)
    four.members[0].start(wait_ready=False)
    four.wait_formed(60)
    four.wait_settled()
    check_everywhere(four, model, left, gone)
    wait_until(lambda: four.copies() == 2 * len(left), 60, "two copies of each")


def test_replacing_invalidating_and_dropping_reach_every_shard(cluster, rng, model):
    four = cluster(4, SMALL)
    apis = [node.api for node in four.members]
    entries = fill(apis, rng, model, ENTRIES)
    wait_split(four, model)
    for number, entry in enumerate(entries[:40]):
        entry["answer"] = f"newer {number}"
        again = apis[number % 4].insert(entry["vector"], model, entry["answer"], entry["text"], id=entry["id"])
        assert again == entry["id"]
    for number, entry in enumerate(entries[:40]):
        for api in apis:
            assert api.hit(entry["vector"], model)["response"] == entry["answer"]
    tagged = [apis[i % 4].insert(random_unit(rng, DIMENSION), model, f"tagged {i}", tags=["old"]) for i in range(60)]
    assert sorted(apis[1].invalidate(tags=["old"])["uuids"]) == sorted(tagged)
    near = at_cosine(rng, entries[3]["vector"], 0.99)
    found = apis[2].invalidate(embedding=near, model_id=model, threshold=0.95)
    assert found["uuids"] == [entries[3]["id"]]
    for api in apis:
        assert [ns["entry_count"] for ns in api.namespaces()["namespaces"] if ns["name"] == model] == [ENTRIES - 1]
    apis[3].call("DELETE", f"/namespaces/{path_segment(model)}")
    for node in four.members:
        assert all(ns["name"] != model for ns in node.api.namespaces()["namespaces"])
        for entry in entries[::7]:
            node.api.miss(entry["vector"], model)
    # Empty, it takes another dimension, wherever the first entries fall, and then only that one.
    other = [apis[i % 4].insert(random_unit(rng, 8), model, f"other {i}") for i in range(12)]
    for api in apis:
        api.call("POST", "/insert", {"embedding": axis(DIMENSION, 0), "model_id": model, "response": "x"}, expect=400)
        assert all(api.has_entry(entry_id) for entry_id in other)


@pytest.mark.parametrize("leaves", [True, False])
def test_members_come_and_go_after_a_split(cluster, rng, model, leaves):
    four = cluster(4, SMALL)
    entries = fill([node.api for node in four.members], rng, model, ENTRIES)
    wait_split(four, model)
    if leaves:
        leaver = four.members[1]
        leaver.api.call("POST", "/admin/drain", expect=(200, 202))
        wait_until(lambda: four.status(leaver)["state"] == "drained", 60, "drained")
        leaver.stop()
    else:
        four.add().start()
    four.wait_settled()
    check_everywhere(four, model, entries)
    wait_until(lambda: four.copies() == 2 * len(entries), 60, "two copies of each")


def test_three_nodes_stay_right_through_a_kill_and_a_restart(cluster, rng, model):
    """What most people run. Two nodes that are left hold every entry, and go on by the split that was."""
    three = cluster(3, SMALL)
    entries = fill([node.api for node in three.members], rng, model, 150)
    wait_split(three, model)
    assert min(split_of(three, node, model) for node in three.members) >= 2
    check_everywhere(three, model, entries)
    victim = three.members[1]
    victim.kill()
    others = three.running()
    check_everywhere(three, model, entries)
    gone = entries[::6]
    for number, entry in enumerate(gone):
        assert others[number % 2].api.delete(entry["id"]) == {"status": "deleted", "deleted": True}
    left = [entry for entry in entries if entry not in gone]
    left += fill([node.api for node in others], rng, model, 30, 150)
    check_everywhere(three, model, left, gone)
    victim.start(wait_ready=False)
    three.wait_formed(60)
    three.wait_settled()
    check_everywhere(three, model, left, gone)
    wait_until(lambda: three.copies() == 2 * len(left), 60, "two copies of each")
    tagged = [three.members[i % 3].api.insert(random_unit(rng, DIMENSION), model, f"tagged {i}", tags=["old"]) for i in range(40)]
    assert sorted(victim.api.invalidate(tags=["old"])["uuids"]) == sorted(tagged)
    check_everywhere(three, model, left, gone)
    dropped = victim.api.call("DELETE", f"/namespaces/{path_segment(model)}").json()
    assert dropped == {"status": "deleted", "deleted_count": len(left)}
    for node in three.members:
        assert all(ns["name"] != model for ns in node.api.namespaces()["namespaces"])
        for entry in left[::5]:
            node.api.miss(entry["vector"], model)
