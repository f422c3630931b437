"""Nodes of different versions of the protocol between nodes, as processes: side by side, and one after the other upgraded."""
import pytest

from harness.cluster import Cluster, Load
from harness.timing import wait_until
from harness.vectors import random_unit

NEWEST = 3
PINNED = "cluster.protocol_version_max"


def spoken(cluster: Cluster, node) -> dict[str, int]:
    return {peer["node_id"]: peer["protocol_version"] for peer in cluster.status(node)["peers"]}


def start_mixed(nodes, versions: list[int]) -> Cluster:
    cluster = Cluster(nodes, len(versions))
    for node, version in zip(cluster.members, versions):
        node.settings[PINNED] = version
    return cluster.start()


@pytest.mark.parametrize("versions", [[1, 2, 3], [1, 3, 3], [2, 2, 3], [1, 1, 3]], ids=str)
def test_nodes_of_different_versions_answer_as_one(nodes, rng, versions):
    cluster = start_mixed(nodes, versions)
    cluster.wait_settled()
    apis = [node.api for node in cluster.members]
    for number, (node, version) in enumerate(zip(cluster.members, versions)):
        others = {f"n{i + 1}": min(version, other) for i, other in enumerate(versions) if i != number}
        assert spoken(cluster, node) == others
    written = []
    for number in range(60):
        model, vector = f"mixed.{number}::16", random_unit(rng, 16)
        entry_id = apis[number % 3].insert(vector, model, f"answer {number}", f"question {number}", tags=["mixed"],
                                           attributes={"n": str(number)}, ttl_seconds=3600)
        written.append((model, vector, entry_id))
    for number, (model, vector, entry_id) in enumerate(written):
        wait_until(lambda entry_id=entry_id: len(cluster.holders(entry_id)) == 2, 30, "a slow disk has it, too")
        for api in apis:
            assert api.hit(vector, model)["id"] == entry_id
            assert api.hit(random_unit(rng, 16), model, query_text=f"QUESTION {number}")["exact_match"] is True
            assert api.entry(entry_id)["tags"] == ["mixed"]
    for number, (model, vector, entry_id) in enumerate(written[:20]):
        apis[number % 3].delete(entry_id)
        for api in apis:
            api.miss(vector, model)
            assert not api.has_entry(entry_id)
    assert {ns["name"] for ns in apis[0].namespaces(prefix="mixed.")["namespaces"]} == {m for m, _, _ in written[20:]}
    assert apis[2].invalidate(tags=["mixed"])["deleted_count"] == 40
    assert all(api.stats()["cluster_entry_count"] == 0 for api in apis)


@pytest.mark.parametrize("older", [1, 2])
def test_a_rolling_upgrade_under_load(nodes, rng, older):
    """Queries and inserts go on through whichever node is ready, as behind a balancer; none may fail, none be lost."""
    cluster = start_mixed(nodes, [older] * 3)
    cluster.wait_settled()
    fixed = [(f"load.{n}::16", random_unit(rng, 16)) for n in range(50)]
    for model, vector in fixed:
        cluster.members[0].api.insert(vector, model, "there from the start")
    vectors = [random_unit(rng, 16) for _ in range(100)]
    acknowledged: set[str] = set()

    def request(thread, number):
        if number % 2:
            model, vector = fixed[number // 2 % len(fixed)]
            return "POST", "/query", {"embedding": vector, "model_id": model}, None
        entry_id = f"t{thread}-{number}"
        body = {"embedding": vectors[number % 100], "model_id": f"new.{number % 40}::16", "response": entry_id,
                "query_text": entry_id, "id": entry_id}
        return "POST", "/insert", body, entry_id

    for turn, node in enumerate(cluster.members):
        serving = [other for other in cluster.members if other is not node]
        with Load(serving, request) as load:
            node.stop()
            node.settings[PINNED] = NEWEST
            node.start()
            cluster.wait_formed()
            wait_until(lambda: len(load.answers) > 100, 60, "some load")
        assert load.failed() == [], load.failed()[:3]
        acknowledged |= {what for *_, what in load.answers if what}
        upgraded = {f"n{i + 1}" for i in range(turn + 1)}
        expected = {name: NEWEST if name in upgraded else older for name in spoken(cluster, node)}
        wait_until(lambda: spoken(cluster, node) == expected, 30, "links speak the highest that both know")
    cluster.wait_settled()
    for number, entry_id in enumerate(sorted(acknowledged)):
        assert cluster.members[number % 3].api.has_entry(entry_id), entry_id
