"""POST /admin/invalidate in all its forms."""
import pytest

from harness.contract import contract
from harness.oracle import ExactOracle
from harness.vectors import as_base64, at_cosine, axis, random_unit


PLACES = {"": {}, "s": {"cache_scope": "s"}, "t": {"cache_scope": "t"}, "c7": {"conversation_id": "7"},
          "s/c7": {"cache_scope": "s", "conversation_id": "7"}, "s/c8": {"cache_scope": "s", "conversation_id": "8"},
          "t/c7": {"cache_scope": "t", "conversation_id": "7"}}
KINDS = {"a": (["a"], {"k": "1"}), "b": (["b"], {"k": "1", "l": "2"}), "ab": (["a", "b"], {})}


class World:
    """Three entries (KINDS: tags and attributes) in each of seven namespaces (PLACES), by the name `place:kind`. Scopes,
    tags and attribute values carry the model's unique name, so that other tests on the node are not touched."""

    def __init__(self, api, model):
        self._api = api
        self.ids: dict[str, str] = {}
        self.scope = {"s": f"s.{model}", "t": f"t.{model}"}
        for place, names in PLACES.items():
            names = {key: self.scope.get(value, value) for key, value in names.items()}
            for kind, (tags, attributes) in KINDS.items():
                fields = {"tags": [f"{tag}.{model}" for tag in tags],
                          "attributes": {key: f"{value}.{model}" for key, value in attributes.items()}}
                self.ids[f"{place}:{kind}"] = api.insert(axis(8, 0), model, **fields, **names)
        self.all = set(self.ids)

    def present(self) -> set[str]:
        return {name for name, entry_id in self.ids.items() if self._api.has_entry(entry_id)}


@pytest.fixture
def world(api, model):
    return World(api, model)


@contract("inval-1: the answer", "inval-3: any of the tags, in every scope, conversations included")
def test_by_tag(api, model, world):
    answer = api.invalidate(tags=[f"a.{model}", "unknown"])
    gone = {name for name in world.all if name.split(":")[1] in ("a", "ab")}
    assert set(answer["uuids"]) == {world.ids[name] for name in gone}
    assert world.present() == world.all - gone
    api.invalidate(tags=[f"a.{model}", f"b.{model}"])
    assert world.present() == set()
    assert api.invalidate(tags=[f"a.{model}"])["deleted_count"] == 0


@contract("inval-3: with a scope only there and in its conversations")
def test_by_tag_in_a_scope(api, model, world):
    api.invalidate(tags=[f"b.{model}"], cache_scope=world.scope["s"])
    gone = {name for name in world.all if name.startswith("s") and name.split(":")[1] in ("b", "ab")}
    assert len(gone) == 6 and world.present() == world.all - gone


@contract("inval-4: all attributes must match")
def test_by_attributes(api, model, world):
    assert api.invalidate(attributes={"k": f"1.{model}", "l": "other"})["deleted_count"] == 0
    api.invalidate(attributes={"k": f"1.{model}", "l": f"2.{model}"}, cache_scope=world.scope["t"])
    gone = {"t:b", "t/c7:b"}
    assert world.present() == world.all - gone
    api.invalidate(attributes={"k": f"1.{model}"})
    assert world.present() == {name for name in world.all if name.endswith(":ab")}


@contract("inval-5: a scope and its conversations, nothing else")
def test_by_scope(api, world):
    answer = api.invalidate(cache_scope=f" {world.scope['s']} ")
    assert answer["deleted_count"] == 9
    assert world.present() == {name for name in world.all if not name.startswith("s")}


@contract("inval-6: dry_run deletes nothing")
def test_dry_run(api, model, world):
    for body, count in (({"tags": [f"a.{model}"]}, 14), ({"cache_scope": world.scope["t"]},
                                                         6), ({"attributes": {"l": f"2.{model}"}}, 7),
                        ({"embedding": axis(8, 0), "threshold": 0.5, "model_id": model}, 3)):
        told = api.invalidate(**body, dry_run=True)
        assert told["deleted_count"] == count
        assert world.present() == world.all
        assert set(api.invalidate(**body, dry_run=True)["uuids"]) == set(told["uuids"])
    done = api.invalidate(tags=[f"a.{model}"], dry_run=False)
    assert done["deleted_count"] == 14


@contract("inval-2: the radius is exact, in the one namespace that is named")
def test_by_radius(api, model, world, rng):
    def radius(**names):
        return api.invalidate(embedding=axis(8, 0), threshold=0.99, model_id=model, **names)

    assert radius()["deleted_count"] == 3
    assert world.present() == {name for name in world.all if not name.startswith(":")}
    assert radius(cache_scope=world.scope["s"])["deleted_count"] == 3
    assert radius(cache_scope=world.scope["s"], conversation_id="8")["deleted_count"] == 3
    assert radius(conversation_id="7")["deleted_count"] == 3
    assert {name.split(":")[0] for name in world.present()} == {"t", "s/c7", "t/c7"}
    assert radius(cache_scope="nobody")["deleted_count"] == 0


@contract("inval-2: every entry within the radius and no other")
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_radius_against_the_oracle(nodes, rng, kind):
    api = nodes.start({"index.kind": kind}).api
    oracle, centre, items = ExactOracle(), random_unit(rng, 16), []
    for number in range(1500):
        vector = at_cosine(rng, centre, rng.uniform(0.0, 0.9999))
        oracle.put(f"e{number}", vector)
        items.append(
            {"embedding": vector, "model_id": "m", "response": "r", "query_text": "", "id": f"e{number}"})
    api.insert_many(items)
    for threshold in (0.99, 0.9, 0.5, 0.05):
        must, may = oracle.certain(centre, threshold)
        told = set(api.invalidate(embedding=centre, threshold=threshold, model_id="m", dry_run=True)["uuids"])
        assert must <= told <= may
        body = {"embedding_b64": as_base64(centre), "threshold": threshold, "model_id": "m"}
        assert set(api.invalidate(**body)["uuids"]) == told
        for entry_id in told:
            oracle.remove(entry_id)
    assert api.health()["entry_count"] == len(oracle.entries)


@contract("inval-7: naming nothing, or a radius without model_id, deletes nothing")
@pytest.mark.parametrize(
    "body",
    [{}, {"tags": []}, {"attributes": {}}, {"cache_scope": "  "}, {"cache_scope": ""}, {"tags": None},
     {"dry_run": True}, {"embedding": axis(8, 0), "threshold": 0.5}, {
         "embedding": axis(8, 0), "threshold": 0.5, "cache_scope": "S"
     }, {"embedding": axis(8, 0), "threshold": 0.5, "tags": ["T"]}, {"model_id": "M"}, {"threshold": 0.5},
     {"model_id": "M", "threshold": 0.5}, {"tags": "T"}, {"tags": [5]}, {"tags": [""]},
     {"attributes": {"k": 5}}, {"embedding": [0.0] * 8, "threshold": 0.5, "model_id": "M"}, {
         "embedding": axis(8, 0), "threshold": 2, "model_id": "M"
     }, {"embedding": axis(8, 0), "threshold": "0", "model_id": "M"}, {"tags": ["T"], "dry_run": "yes"
                                                                       }, [], 5, "x"], ids=str)
def test_bodies_that_name_nothing(api, model, body):
    entry_id = api.insert(axis(8, 0), model, cache_scope=f"S{model}", tags=[f"T{model}"])
    count = api.health()["entry_count"]
    if isinstance(body, dict):  # the letters stand for what the entry really has
        known = {"M": model, "S": f"S{model}", "T": f"T{model}"}
        body = {
            key: known.get(value, value)
            if isinstance(value, str) else [known.get(v, v) if isinstance(v, str) else v
                                            for v in value] if isinstance(value, list) else value
            for key, value in body.items()
        }
    api.call("POST", "/admin/invalidate", body, expect=400)
    assert api.health()["entry_count"] == count and api.has_entry(entry_id)


@pytest.mark.one_node("counters are each node's own")
@contract("inval-1: invalidations are counted once", "stats-2: counters")
def test_counting(api, model):
    for tag in ("x", "y"):
        api.insert(axis(8, 0), model, tags=[f"{tag}{model}", f"z{model}"])
    before = api.stats()["counters"]["invalidations_total"]
    api.invalidate(tags=[f"x{model}", f"z{model}"], dry_run=True)
    assert api.stats()["counters"]["invalidations_total"] == before
    api.invalidate(tags=[f"x{model}", f"z{model}"])
    assert api.stats()["counters"]["invalidations_total"] == before + 2
