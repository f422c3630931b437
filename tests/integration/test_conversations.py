"""Conversations: their own namespace first, then the base, and never anybody else's."""
import pytest

from harness.contract import contract
from harness.vectors import at_cosine, axis, random_unit


@pytest.fixture(params=[{}, {"cache_scope": "tenant"}], ids=["unscoped", "scoped"])
def scope(request):
    return request.param


@contract("conv-1: conversation first, exact then vector, then the base",
          "query-10: scope says which answered", "insert-14: conversation_id stores into the conversation")
def test_order_of_lookup(api, model, scope, rng):
    vector, talk = random_unit(rng, 8), {"conversation_id": "7", **scope}

    def ask(**fields):
        return api.query(vector, model, query_text="question", **talk, **fields)

    assert ask() == {"hit": False}
    base_vector = api.insert(vector, model, "base by vector", "else", **scope)
    answer = ask()
    assert (answer["id"], answer["scope"], answer["exact_match"]) == (base_vector, "global", False)
    api.insert(axis(8, 0), model, "base exact", "Question", **scope)
    answer = ask()
    assert (answer["response"], answer["scope"], answer["exact_match"]) == ("base exact", "global", True)
    talk_vector = api.insert(at_cosine(rng, vector, 0.93), model, "talk by vector", "else", **talk)
    answer = ask()
    assert (answer["id"], answer["scope"], answer["exact_match"]) == (talk_vector, "conversation", False)
    talk_exact = api.insert(axis(8, 0), model, "talk exact", "QUESTION", **talk)
    answer = ask()
    assert (answer["id"], answer["scope"], answer["exact_match"]) == (talk_exact, "conversation", True)
    api.delete(talk_exact)
    api.delete(talk_vector)
    assert ask()["response"] == "base exact"


@contract("query-10: no scope without a conversation")
def test_scope_only_with_a_conversation(api, model, scope):
    api.insert(axis(8, 0), model, **scope)
    assert "scope" not in api.hit(axis(8, 0), model, **scope)
    assert "scope" not in api.hit(axis(8, 0), model, conversation_id=None, **scope)
    assert "scope" not in api.hit(axis(8, 0), model, conversation_id="  ", **scope)
    assert api.hit(axis(8, 0), model, conversation_id="7", **scope)["scope"] == "global"


@contract("conv-2: never another conversation's, nor a conversation's without it")
def test_conversations_are_apart(api, model, scope):
    api.insert(axis(8, 0), model, "secret of 7", "question", conversation_id="7", **scope)
    for other in ({"conversation_id": "8"}, {"conversation_id": "77"}, {}, {"conversation_id": "conv_7"}):
        assert api.query(axis(8, 0), model, query_text="question", **other, **scope) == {"hit": False}
    elsewhere = {} if scope else {"cache_scope": "tenant"}
    assert api.query(axis(8, 0), model, query_text="question", conversation_id="7",
                     **elsewhere) == {"hit": False}
    assert api.query(axis(8, 0), model, query_text="question", cache_scope="7") == {"hit": False}
    assert api.hit(axis(8, 0), model, conversation_id="7", **scope)["scope"] == "conversation"


@contract("conv-1: the base of a scoped conversation is the scope")
def test_base_of_a_scoped_conversation(api, model):
    api.insert(axis(8, 0), model, "unscoped", "question")
    talk = {"cache_scope": "tenant", "conversation_id": "7"}
    assert api.query(axis(8, 0), model, query_text="question", **talk) == {"hit": False}
    api.insert(axis(8, 0), model, "tenant's", cache_scope="tenant")
    assert api.hit(axis(8, 0), model, **talk)["response"] == "tenant's"


@contract("query-8: all matches come from the one namespace that answered")
def test_matches_of_one_namespace(api, model, scope, rng):
    vector = random_unit(rng, 8)
    base = {api.insert(at_cosine(rng, vector, 0.99), model, **scope) for _ in range(5)}
    talk = {api.insert(at_cosine(rng, vector, 0.95), model, conversation_id="7", **scope) for _ in range(3)}
    answer = api.hit(vector, model, conversation_id="7", top_k=10, **scope)
    assert {match["id"] for match in answer["matches"]} == talk and answer["scope"] == "conversation"
    answer = api.hit(vector, model, conversation_id="8", top_k=10, **scope)
    assert {match["id"] for match in answer["matches"]} == base and answer["scope"] == "global"
    assert api.query(axis(8, 0), model, conversation_id="8", top_k=10, threshold=1.0, **scope) == \
        {"hit": False, "matches": []}


@contract("conv-1: attributes hold in both namespaces")
def test_attributes_in_conversations(api, model, scope):
    api.insert(axis(8, 0), model, "talk de", "q", conversation_id="7", attributes={"lang": "de"}, **scope)
    api.insert(axis(8, 0), model, "base en", "q", attributes={"lang": "en"}, **scope)
    ask = {"conversation_id": "7", "query_text": "q", **scope}
    assert api.hit(axis(8, 0), model, attributes={"lang": "de"}, **ask)["scope"] == "conversation"
    assert api.hit(axis(8, 0), model, attributes={"lang": "en"}, **ask)["scope"] == "global"
    assert api.query(axis(8, 0), model, attributes={"lang": "fr"}, **ask) == {"hit": False}
