"""POST /query by vector: shapes, thresholds, several matches, filters, dimensions."""
import pytest

from harness.bad_input import Canary
from harness.contract import contract
from harness.mortal import TimedEntry, while_it_lived
from harness.oracle import ExactOracle
from harness.timing import wait_until
from harness.vectors import at_cosine, axis, cosine, random_unit


@contract("query-1: the shapes of hit and miss")
def test_shapes(api, model):
    assert api.query(axis(8, 0), model) == {"hit": False}
    entry_id = api.insert(axis(8, 0), model, "the answer", "the question")
    answer = api.hit(axis(8, 0), model)
    assert (answer["id"], answer["response"], answer["exact_match"]) == (entry_id, "the answer", False)
    assert answer["similarity"] == pytest.approx(1.0, abs=1e-6)
    assert api.query(axis(8, 1), model) == {"hit": False}


@contract("query-2: 0.92 unless said otherwise")
def test_default_threshold(api, model, rng):
    vector = random_unit(rng, 64)
    api.insert(vector, model)
    api.hit(at_cosine(rng, vector, 0.9205), model)
    api.miss(at_cosine(rng, vector, 0.9195), model)


@contract("query-2: the configured default threshold")
def test_configured_default_threshold(nodes, rng):
    api = nodes.start({"hnsw.default_threshold": 0.5}).api
    vector = random_unit(rng, 64)
    api.insert(vector, "m")
    api.hit(at_cosine(rng, vector, 0.501), "m")
    api.miss(at_cosine(rng, vector, 0.499), "m")
    api.miss(at_cosine(rng, vector, 0.8), "m", threshold=0.9)


@contract("query-2: threshold is within 0..1")
@pytest.mark.parametrize("threshold", [-0.001, 1.001, 2, -1, "0.9", True, [], 1e308])
def test_illegal_thresholds(node, api, model, threshold):
    canary = Canary(node)
    api.call("POST", "/query", {"embedding": axis(8, 0), "model_id": model, "threshold": threshold},
             expect=400)
    canary.check()


@contract("query-3: similarity >= threshold with a tolerance of 1e-6")
def test_tolerance(api, model, rng):
    """The threshold is set around the true cosine: 5e-7 above it must hit, 5e-6 above it must not."""
    for _ in range(40):
        vector = random_unit(rng, 8)
        other = at_cosine(rng, vector, rng.uniform(0.3, 0.97))
        entry_id = api.insert(vector, model)
        true = cosine(vector, other)
        answer = api.hit(other, model, threshold=true + 5e-7)
        assert answer["similarity"] == pytest.approx(true, abs=1e-6)
        api.hit(other, model, threshold=true)
        api.miss(other, model, threshold=true + 5e-6)
        api.delete(entry_id)


@contract("query-3: an identical vector hits at 1.0")
@pytest.mark.parametrize("dimension",
                         [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 384, 768, 1536, 4096])
def test_identical_vectors_hit_at_one(api, dimension, rng):
    model = f"identical::{dimension}"
    for _ in range(5):
        vector = [value * rng.choice([1e-3, 1.0, 1e4]) for value in random_unit(rng, dimension)]
        entry_id = api.insert(vector, model)
        answer = api.hit(vector, model, threshold=1.0)
        assert answer["similarity"] <= 1.0
        api.delete(entry_id)


@contract("query-4: the clamped similarity is compared")
def test_clamped(api, model):
    entry_id = api.insert(axis(8, 0), model)
    opposite = [-value for value in axis(8, 0)]
    for vector in (opposite, axis(8, 3)):
        answer = api.hit(vector, model, threshold=0)
        assert answer["id"] == entry_id and answer["similarity"] == pytest.approx(0.0, abs=1e-7)
        api.miss(vector, model, threshold=0.01)


@contract("query-5: top_k, best first; an empty list on a miss", "query-6: what a match holds")
def test_top_k(api, model, rng):
    oracle = ExactOracle()
    centre = random_unit(rng, 16)
    for number in range(150):
        vector = at_cosine(rng, centre, rng.uniform(0.2, 0.999))
        oracle.put(api.insert(vector, model, f"r{number}", f"q{number}", attributes={"n": str(number)}),
                   vector)
    for top_k, threshold in ((2, 0.5), (10, 0.9), (100, 0.0), (100, 0.7), (100, 0.99)):
        answer = api.query(centre, model, top_k=top_k, threshold=threshold)
        must, may = oracle.certain(centre, threshold)
        ids = [match["id"] for match in answer["matches"]]
        assert min(top_k, len(must)) <= len(ids) <= min(top_k, len(may)) and set(ids) <= may
        best = [score for score, _ in oracle.scores(centre)[:len(ids)]]
        assert [match["similarity"] for match in answer["matches"]] == pytest.approx(best, abs=2e-6)
        if ids:
            assert answer["hit"] and answer["id"] == ids[0]
            assert answer["similarity"] == answer["matches"][0]["similarity"]
        for match in answer["matches"]:
            assert match["response"] == "r" + match["attributes"]["n"]
            assert match["query_text"] == "q" + match["attributes"]["n"] and match["exact_match"] is False
    single = api.hit(centre, model, threshold=0.0)
    assert single["similarity"] == pytest.approx(oracle.scores(centre)[0][0], abs=2e-6)


@contract("query-5: an empty list on a miss; top_k within 1..100")
def test_top_k_miss_and_range(node, api, model):
    assert api.query(axis(8, 0), model, top_k=5) == {"hit": False, "matches": []}
    api.insert(axis(8, 0), model)
    assert api.query(axis(8, 1), model, top_k=100) == {"hit": False, "matches": []}
    assert api.hit(axis(8, 0), model, top_k=1)["response"] == "an answer"
    canary = Canary(node)
    for top_k in (0, -1, 101, 1.5, "3", True, [2]):
        api.call("POST", "/query", {"embedding": axis(8, 0), "model_id": model, "top_k": top_k}, expect=400)
    canary.check()


@contract("query-7: an exact match comes first and no entry stands twice")
def test_exact_match_first_among_matches(api, model, rng):
    vector = random_unit(rng, 8)
    near = api.insert(vector, model, "near", "another question")
    middle = api.insert(at_cosine(rng, vector, 0.97), model, "middle", "a question")
    older = api.insert(at_cosine(rng, vector, -0.5), model, "older", "The  Question")
    newest = api.insert(at_cosine(rng, vector, 0.95), model, "newest", "the question")
    answer = api.hit(vector, model, query_text="THE QUESTION", top_k=10, threshold=0.9)
    matches = answer["matches"]
    assert (answer["id"], answer["exact_match"], answer["similarity"]) == (newest, True, 1.0)
    assert (matches[0]["id"], matches[0]["exact_match"], matches[0]["similarity"]) == (newest, True, 1.0)
    ids = [match["id"] for match in matches]
    assert len(set(ids)) == len(ids)
    by_vector = [match["id"] for match in matches if not match["exact_match"]]
    assert by_vector[:1] == [near] and middle in by_vector
    assert newest not in by_vector and older not in by_vector, "older is no match by its vector"
    assert [match["id"] for match in api.hit(vector, model, query_text="the question", top_k=2)["matches"]] == \
        [newest, near]


@contract("query-9: all attributes must match")
def test_attribute_filter(api, model, rng):
    vector = random_unit(rng, 8)
    ids = {}
    for lang in ("en", "de"):
        for tier in ("gold", "tin"):
            ids[lang, tier] = api.insert(at_cosine(rng, vector, 0.98), model, f"{lang} {tier}",
                                         attributes={"lang": lang, "tier": tier})
    ids["plain"] = api.insert(vector, model, "plain")
    assert api.hit(vector, model)["id"] == ids["plain"]
    assert api.hit(vector, model, attributes={})["id"] == ids["plain"]
    for (lang, tier) in (("en", "gold"), ("de", "tin")):
        answer = api.hit(vector, model, attributes={"lang": lang, "tier": tier}, top_k=10)
        assert [match["id"] for match in answer["matches"]] == [ids[lang, tier]]
    answer = api.hit(vector, model, attributes={"lang": "de"}, top_k=10)
    assert {match["id"] for match in answer["matches"]} == {ids["de", "gold"], ids["de", "tin"]}
    for none in ({"lang": "fr"}, {"lang": "en", "tier": "tin",
                                  "more": "x"}, {"LANG": "en"}, {"lang": "EN"}, {"lang": ""}):
        api.miss(vector, model, attributes=none)


@contract("query-9: the filter looks past better entries that do not match")
def test_attribute_filter_behind_many_better_ones(api, model, rng):
    vector = random_unit(rng, 16)
    api.insert_many([{
        "embedding": at_cosine(rng, vector, 0.999), "model_id": model, "response": "no", "query_text": "",
        "attributes": {"want": "no"}
    } for _ in range(1000)])
    wanted = api.insert(at_cosine(rng, vector, 0.93), model, "yes", attributes={"want": "yes"})
    assert api.hit(vector, model, attributes={"want": "yes"})["id"] == wanted


@contract("query-9: a filter has the form of attributes", "error-5: wrong types")
@pytest.mark.parametrize("attributes", [[], "a", {"a": 1}, {"a": None}, {"a": ["x"]}])
def test_bad_filters(node, api, model, attributes):
    canary = Canary(node)
    api.call("POST", "/query", {"embedding": axis(8, 0), "model_id": model, "attributes": attributes},
             expect=400)
    canary.check()


@contract("query-12: another dimension is 400 naming both, before exact matching and before writing")
def test_dimension_mismatch(node, api, model):
    api.insert(axis(8, 0), model, "r", "the question")
    count = api.health()["entry_count"]
    bodies = {
        "embedding": axis(11, 0), "model_id": model, "query_text": "the question", "response": "x",
        "id": "wrong"
    }
    for route in ("/insert", "/query"):
        error = api.call("POST", route, bodies, expect=400).json()["error"]
        assert "8" in error and "11" in error, error
    assert not api.has_entry("wrong")
    assert api.health()["entry_count"] == count
    assert api.hit(axis(8, 0), model)["response"] == "r"


@contract("query-13: an empty namespace takes any dimension")
def test_dimension_is_free_again(api, model):
    def lone(dimension):
        return api.insert(axis(dimension, 0), model, f"{dimension}", "q", tags=["dimension-test"])

    def insert_is_refused(dimension):
        api.call("POST", "/insert",
                 {"embedding": axis(dimension, 0), "model_id": model, "response": "", "query_text": ""},
                 expect=400)

    first, second = lone(8), lone(8)
    api.delete(first)
    insert_is_refused(4)
    api.delete(second)
    lone(4)
    insert_is_refused(8)
    assert api.invalidate(tags=["dimension-test"])["deleted_count"] == 1
    assert api.miss(axis(3, 0), model, query_text="q") == {"hit": False}
    lone(3)
    api.call("DELETE", f"/namespaces?model_id={model}")

    def insert_status(dimension):
        body = {"embedding": axis(dimension, 0), "model_id": model, "response": "", "query_text": "", "id": "of-another-dimension"}
        return api.client.request("POST", "/insert", body).status

    def look(_):
        status = insert_status(6)
        if status == 200:  # the machine was slow, and the entry had expired
            api.delete("of-another-dimension")
        return status

    entry, status = while_it_lived(lambda: TimedEntry(api, model, vector=axis(5, 0)), look)
    assert status == 400
    wait_until(lambda: not api.has_entry(entry.id), 5, "the entry has expired")
    lone(6)
    assert api.hit(axis(6, 0), model)["response"] == "6"
