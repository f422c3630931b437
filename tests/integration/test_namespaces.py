"""Namespaces: which triples are the same, how they print, listing and dropping them."""
import pytest

from harness.contract import contract
from harness.names import path_segment, printed_name
from harness.vectors import axis

TRIPLES = [("name", "", ""), ("name::384", "", ""), ("name::384", "tenant", ""), ("name::384", "tenant", "7"),
           ("name", "", "7"), ("a", "b", ""), ("a::b", "", ""), ("a:b", "", ""), ("a:", "b", ""),
           ("a", ":b", ""), (":a", "b", ""), ("a::b::5", "", ""), ("a::5", "", ""), ("a", "5", ""),
           ("a", "55", ""), ("a", "5x", ""), ("a::5::6", "", ""), ("a::5", "6", ""), ("a", "5", "6"),
           ("a", "s:t", ""), ("a", "s%3At", ""), ("a", "100%", ""), ("a", "s", "x::y"), ("a", "s", "x%"),
           ("x:::384", "", ""), ("::384", "", ""), ("a::", "", ""), ("a", "tenant::conv_7", ""),
           ("a", "tenant", "7"), ("a::conv_7", "", ""), ("a", "", "conv_7"),
           ("modèle/β v2", "mandant ü", "gespräch?"), ("a", "", "7"), ("a", "Conv_7", ""),
           ("a%3A%3Ab", "", ""), ("a%253A%3Ab", "", ""), ("100%", "", ""), ("a%%3A", "", ""), ("a%", ":b", ""),
           ("%2::5", "", ""), ("a%3a%3ab", "", "")]


@pytest.fixture(scope="module")
def listed(module_nodes):
    """A node that holds one entry in each of TRIPLES."""
    node = module_nodes.start()
    for number, (model, scope, conversation) in enumerate(TRIPLES):
        node.api.insert(axis(8, 0), model, f"r{number}", "q", cache_scope=scope or None,
                        conversation_id=conversation or None)
    return node


@contract("ns-1: model a::b and model a with scope b never meet")
def test_triples_never_meet(listed):
    assert listed.api.health()["entry_count"] == len(TRIPLES)
    for number, (model, scope, conversation) in enumerate(TRIPLES):
        answer = listed.api.hit(axis(8, 0), model, query_text="q", top_k=10, cache_scope=scope or None,
                                conversation_id=conversation or None)
        assert [match["response"] for match in answer["matches"]] == [f"r{number}"]


@pytest.mark.one_node("/stats names the namespaces that the node holds")
@contract("ns-3: printed names", "ns-4: the listing")
def test_printed_names(listed):
    entries = listed.api.namespaces()["namespaces"]
    expected = {printed_name(*triple): triple for triple in TRIPLES}
    assert len(expected) == len(TRIPLES)
    assert sorted(entry["name"] for entry in entries) == sorted(expected)
    for entry in entries:
        model, scope, conversation = expected[entry["name"]]
        assert entry["model_id"] == model and entry["entry_count"] == 1 and entry["dimension"] == 8
        assert entry.get("cache_scope", "") == scope and entry.get("conversation_id", "") == conversation
        assert ("cache_scope" in entry) == bool(scope) and ("conversation_id" in entry) == bool(conversation)
        assert entry["bytes"] > 8 * 4
    assert set(listed.api.stats()["namespaces"]) == set(expected)
    assert set(listed.api.call("GET", "/admin/entry-stats").json()["namespaces"]) <= set(expected)


@contract("ns-3: the common names print as themselves")
def test_common_names():
    """The rules as this suite understands them, on the contract's own examples."""
    assert printed_name("name::384") == "name::384"
    assert printed_name("name::384", "tenant") == "name::384::tenant"
    assert printed_name("name::384", "tenant", "7") == "name::384::tenant::conv_7"
    assert printed_name("a::b") == "a%3A%3Ab" and printed_name("a", "b") == "a::b"
    assert printed_name("100% a%3A") == "100% a%253A"
    assert printed_name("a", "55") == "a::%355" and printed_name("x:::384") == "x%3A::384"


@contract("ns-4: prefix, limit, after, next")
def test_listing_in_pages(listed):
    names = sorted(printed_name(*triple) for triple in TRIPLES)
    seen, parameters = [], {"limit": 5}
    for _ in range(len(TRIPLES)):
        page = listed.api.namespaces(**parameters)
        assert len(page["namespaces"]) <= 5
        seen += [entry["name"] for entry in page["namespaces"]]
        if not page.get("next"):
            break
        parameters["after"] = page["next"]
    assert len(seen) == len(set(seen)) and sorted(seen) == names
    for prefix in ("a", "name::", "a%3A", "nobody"):
        got = [entry["name"] for entry in listed.api.namespaces(prefix=prefix)["namespaces"]]
        assert sorted(got) == [name for name in names if name.startswith(prefix)], prefix
    page = listed.api.namespaces(prefix="a", limit=2)
    follow = listed.api.namespaces(prefix="a", limit=2, after=page["next"])
    assert all(entry["name"].startswith("a") for entry in page["namespaces"] + follow["namespaces"])
    assert not {entry["name"]
                for entry in page["namespaces"]} & {entry["name"]
                                                    for entry in follow["namespaces"]}


@contract("ns-4: a limit that is no number is refused")
@pytest.mark.parametrize("limit", ["x", "-1", "1.5"])
def test_bad_limit(listed, limit):
    listed.api.call("GET", f"/namespaces?limit={limit}", expect=400)


@contract("ns-2: trimmed, blank means absent")
def test_trimming(api, model):
    api.insert(axis(8, 0), model, "plain", "q", cache_scope="  ", conversation_id="\t")
    assert api.hit(axis(8, 0), model)["response"] == "plain"
    api.insert(axis(8, 0), model, "tenant", "q", cache_scope=" tenant ")
    assert api.hit(axis(8, 0), model, cache_scope="tenant")["response"] == "tenant"
    assert api.hit(axis(8, 0), model, cache_scope="\ttenant\n")["response"] == "tenant"
    api.insert(axis(8, 0), model, "talk", "q", cache_scope="tenant", conversation_id=" 7 ")
    answer = api.hit(axis(8, 0), model, cache_scope=" tenant", conversation_id="7")
    assert (answer["response"], answer["scope"]) == ("talk", "conversation")
    api.miss(axis(8, 0), model, cache_scope="Tenant")
    api.miss(axis(8, 0), f" {model}", cache_scope="tenant")


@contract("ns-5: dropping by printed name", "ns-6: unknown is 404")
@pytest.mark.parametrize("triple", TRIPLES, ids=lambda triple: printed_name(*triple))
def test_drop_by_name(node, triple):
    api, (model, scope, conversation) = node.api, triple
    names = {"cache_scope": scope or None, "conversation_id": conversation or None}
    api.insert(axis(8, 0), model, **names)
    api.insert(axis(8, 1), model, **names)
    bystander = api.insert(axis(8, 0), model, cache_scope="bystander", conversation_id="bystander")
    target = "/namespaces/" + path_segment(printed_name(*triple))
    answer = api.call("DELETE", target).json()
    assert (answer["status"], answer["deleted_count"]) == ("deleted", 2)
    assert api.query(axis(8, 0), model, **names) == {"hit": False}
    assert api.call("DELETE", target, expect=404)
    api.delete(bystander)


@contract("ns-5: dropping by parameters", "ns-6: unknown is 404")
def test_drop_by_parameters(api, model):
    names = [{}, {"cache_scope": "a b"}, {"conversation_id": "7"},
             {"cache_scope": "a b", "conversation_id": "7"}]
    for name in names:
        api.insert(axis(8, 0), model, **name)
    for dropped, name in enumerate(names):
        query = "&".join(f"{key}={path_segment(value)}" for key, value in {"model_id": model, **name}.items())
        assert api.call("DELETE", f"/namespaces?{query}").json()["deleted_count"] == 1
        api.call("DELETE", f"/namespaces?{query}", expect=404)
        left = [api.query(axis(8, 0), model, threshold=1, **other)["hit"] for other in names[dropped + 1:]]
        assert all(left)
    api.call("DELETE", "/namespaces?cache_scope=a", expect=400)
    api.call("DELETE", "/namespaces", expect=(400, 405))


@contract("ns-6: names that nobody has, or that no namespace prints as, are 404 or 400 and drop nothing")
@pytest.mark.parametrize("name", ["nobody", "nobody::384::x", "a%", "a%4", "%00", ":::", "x" * 2000])
def test_drop_unknown(api, name):
    count = api.health()["entry_count"]
    api.call("DELETE", "/namespaces/" + path_segment(name), expect=(400, 404))
    assert api.health()["entry_count"] == count
