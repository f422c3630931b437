"""The LangCache door over plain HTTP: every sentence of its contract, with a real door, a real node, and known vectors.

long file: one contract, asked of one door, which takes its time to start.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from urllib.parse import urlsplit

import pytest

from ferrocache import FerrocacheClient
from support.door import NEWER_SDK, PATIENCE_SECONDS, Cache, Door, Embedder, embedding, plain_http, until
from support.node import Nodes

KEYS = {"support": "support-key", "plain": "plain-key", "half": "half-key", "team/a": "slash-key", "team": "team-key"}


def configuration(node_url, embedder):
    made = embedding(embedder)
    return f"""
[server]
listen = "127.0.0.1:0"
base_path = "/behind/a-proxy"
max_body_bytes = 100000
log_level = "debug"

[node]
addresses = ["{node_url}"]
timeout_seconds = {PATIENCE_SECONDS}

[[caches]]
id = "support"
attributes = ["lang", "tier", "a-b_1", "llm_string", "fifth", "sixth"]
api_keys = [{{ file = "support.key" }}]
{made}

[[caches]]
id = "plain"
prompt_max_characters = 40
api_keys = [{{ environment = "PLAIN_KEY" }}]
{made}

[[caches]]
id = "half"
threshold = 0.9
threshold_scale = "normalised"
default_ttl_seconds = 3600
attributes = ["long", "more"]
attribute_max_characters = 15000
api_keys = [{{ sha256 = "{hashed("half-key")}" }}]
{made}

[[caches]]
id = "team/a"
api_keys = [{{ sha256 = "{hashed("slash-key")}" }}, {{ file = "support.key" }}]
{made}

[[caches]]
id = "team"
api_keys = [{{ sha256 = "{hashed("team-key")}" }}]
requests_per_second = 0.001
burst = 3
{made}
"""


def hashed(key):
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture(scope="module")
def embedder():
    made = Embedder()
    yield made
    made.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Nodes(tmp_path_factory.mktemp("door-node"))
    yield made.start({"limits.max_response_bytes": 50_000})
    made.stop()


@pytest.fixture(scope="module")
def door(tmp_path_factory, store, embedder):
    folder = tmp_path_factory.mktemp("door")
    (folder / "support.key").write_text("# of the support team\nsupport-key\n\n  second-key  \n")
    made = Door(folder, configuration(store.url, embedder), {"PLAIN_KEY": "plain-key", "EMBEDDINGS_API_KEY": "embedder-key"})
    yield made.start()
    assert made.stop() == 0


@pytest.fixture(scope="module")
def http():
    with plain_http() as made:
        yield made


@pytest.fixture
def caches(door, embedder):
    """caches(id, key): a cache that is empty; the key is its own unless another is given."""
    made = []

    def make(cache_id, key=None):
        made.append(Cache(door.url, cache_id.replace("/", "%2F"), KEYS[cache_id] if key is None else key))
        return made[-1]

    embedder.works()
    yield make
    embedder.works()
    for cache in made:
        cache.close()


@pytest.fixture
def support(caches):
    made = caches("support")
    assert made.flush().status_code == 204
    return made


def problem(answer, status, kind, says=""):
    """The body of an error, after everything that holds for each of them was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) - {"fields"} == {"title", "type", "status", "detail", "instance"}
    assert (body["type"], body["status"]) == (f"/errors/{kind}", status)
    assert body["instance"] == urlsplit(str(answer.request.url)).path
    assert body["title"]
    assert says in body["detail"]
    return body


# --- set and search ---


def test_set_answers_201_with_an_id_and_is_visible(support):
    answer = support.set("How do I reset my password?", "Settings, Security, Reset.", attributes={"lang": "en"})
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["entryId"]
    entry_id = answer.json()["entryId"]
    assert re.fullmatch("[0-9a-f]{32}", entry_id)
    (entry,) = support.found("how do i reset my password")
    assert entry == {
        "id": entry_id,
        "prompt": "How do I reset my password?",
        "response": "Settings, Security, Reset.",
        "attributes": {"lang": "en"},
        "similarity": entry["similarity"],
        "searchStrategy": "semantic",
    }
    assert 0.9999 < entry["similarity"] <= 1.0


def test_a_miss_is_an_empty_list_and_an_entry_without_attributes_has_an_empty_object(support):
    answer = support.search("nothing like it")
    assert (answer.status_code, answer.json()) == (200, {"data": []})
    support.stored("no attributes here")
    assert support.found("no attributes here")[0]["attributes"] == {}


def test_texts_come_back_as_they_were_sent(support):
    text = 'Zwölf  "Äpfel" \\ 🍎\n\t' + chr(1) + " end "
    support.stored(text, text + "!", attributes={"lang": " de-AT 🍎 "})
    (entry,) = support.found(text)
    assert (entry["prompt"], entry["response"], entry["attributes"]) == (text, text + "!", {"lang": " de-AT 🍎 "})


def test_the_default_threshold_is_the_cache_s_and_semantic_is_the_default(support):
    support.stored("@0", "the answer")
    assert support.responses("@31") == ["the answer"]  # cos 31° = 0.857
    assert support.responses("@32") == []  # 0.848
    assert support.responses("x @32", similarityThreshold=0.84) == ["the answer"]
    assert support.responses("x @31", similarityThreshold=0.86) == []
    assert support.found("@31")[0]["similarity"] == pytest.approx(0.857167, abs=1e-5)
    assert support.responses("@180", similarityThreshold=0) == ["the answer"]


def test_the_normalised_scale(caches):
    half = caches("half")
    half.flush()
    half.stored("@0", "the answer")
    assert half.found("@36")[0]["similarity"] == pytest.approx((1 + 0.809017) / 2, abs=1e-5)  # 0.9045, over 0.9
    assert half.found("@37") == []  # (1 + 0.7986) / 2 = 0.8993
    assert half.responses("@37", similarityThreshold=0.899) == ["the answer"]
    (far,) = half.found("@120", similarityThreshold=0.2)  # (1 - 0.5) / 2: a cosine below 0
    assert far["similarity"] == pytest.approx(0.25, abs=1e-5)
    assert half.found("@120", similarityThreshold=0.26) == []
    assert half.found("HALF @0", searchStrategies=["exact"]) == []
    assert half.found(" @0", searchStrategies=["exact"])[0]["similarity"] == 1.0


def test_the_scale_in_force_is_told(caches):
    answer = caches("half").send("GET")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {
        "cacheId": "half",
        "embeddingModel": "words",
        "dimension": 64,
        "similarityThreshold": 0.9,
        "thresholdScale": "normalised",
        "defaultTtlMillis": 3_600_000,
        "attributes": ["long", "more"],
        "promptMaxCharacters": 32768,
    }
    told = caches("support").send("GET").json()
    assert (told["similarityThreshold"], told["thresholdScale"], told["defaultTtlMillis"]) == (0.85, "cosine", None)
    assert told["attributes"] == ["lang", "tier", "a-b_1", "llm_string", "fifth", "sixth"]


def test_exact_ignores_case_and_needs_no_embedding(support, embedder):
    support.stored("Straße nach ROM @0", "exactly this")
    embedder.calls.clear()
    (entry,) = support.found("STRASSE nach rom @0", searchStrategies=["exact"])
    assert (entry["response"], entry["similarity"], entry["searchStrategy"]) == ("exactly this", 1.0, "exact")
    assert entry["prompt"] == "Straße nach ROM @0"
    assert support.found("other words @0", searchStrategies=["exact"]) == []
    assert support.found("STRASSE nach rom @0", searchStrategies=["exact", "semantic"]) == [entry]
    assert embedder.calls == []


def test_strategies_are_tried_in_their_order(support):
    near = support.stored("near @1", "by meaning")
    exact = support.stored("asked @90", "by its text")

    # The embedder puts "asked @90" and "ASKED @90" at one place, so what is near must be nearer to tell the two apart.
    def first(strategies, prompt):
        found = support.found(prompt, searchStrategies=strategies, similarityThreshold=0.5)
        return [(entry["id"], entry["searchStrategy"]) for entry in found]

    assert first(["exact", "semantic"], "asked @90") == [(exact, "exact")]
    assert first(["semantic", "exact"], "asked @90") == [(exact, "semantic")]
    assert first(["exact", "semantic"], "other @0") == [(near, "semantic")]
    assert first(["semantic", "exact"], "other @0") == [(near, "semantic")]
    assert first(["exact"], "other @0") == []
    assert first(["semantic"], "asked @90") == [(exact, "semantic")]
    assert first(["semantic", "semantic"], "asked @90") == [(exact, "semantic")]


def test_exact_after_semantic_finds_what_meaning_misses(support, embedder):
    """The entry was stored when the embedder put its text elsewhere."""
    embedder.reply = lambda text: (200, {"data": [{"embedding": [0.0] * 63 + [1.0]}]})
    moved = support.stored("moved away #1", "found by its text")
    embedder.works()
    options = {"searchStrategies": ["semantic", "exact"]}
    assert support.found("MOVED away #1", **options)[0]["id"] == moved
    assert support.found("MOVED away #1", **options)[0]["searchStrategy"] == "exact"
    assert support.found("MOVED away #1") == []


def test_the_nearest_wins_and_more_can_be_asked_for(support):
    for angle in (20, 5, 12):
        support.stored(f"@{angle}", str(angle))
    assert support.responses("here @0") == ["5"]
    assert support.responses("here @0", maxResults=2) == ["5", "12"]
    assert support.responses("here @0", maxResults=100) == ["5", "12", "20"]
    found = support.found("@20", maxResults=3, searchStrategies=["exact", "semantic"])
    assert [(entry["response"], entry["searchStrategy"]) for entry in found] == [
        ("20", "exact"), ("12", "semantic"), ("5", "semantic"),
    ]  # fmt: skip


# --- attributes ---


def test_all_attributes_must_match(support):
    support.stored("the question", "both", attributes={"lang": "en", "tier": "gold"})
    assert support.responses("the question", attributes={"lang": "en", "tier": "gold"}) == ["both"]
    assert support.responses("the question", attributes={"tier": "gold"}) == ["both"]
    assert support.responses("the question", attributes={}) == ["both"]
    assert support.responses("the question", attributes={"lang": "en", "tier": "silver"}) == []
    assert support.responses("the question", attributes={"lang": "EN"}) == []
    assert support.responses("the question", attributes={"lang": "en", "fifth": "x"}) == []
    assert support.responses("THE question", attributes={"lang": "de"}, searchStrategies=["exact"]) == []


def test_a_prompt_stored_twice_with_other_attributes_is_two_entries(support):
    ids = {support.stored("same prompt", lang, attributes={"lang": lang}) for lang in ("en", "de")}
    assert len(ids) == 2
    for strategies in (["exact"], ["semantic"]):
        for lang in ("en", "de"):
            assert support.responses("Same PROMPT", attributes={"lang": lang}, searchStrategies=strategies) == [lang]
    assert support.delete(attributes={"lang": "de"}).json() == {"deletedEntriesCount": 1}
    assert support.responses("same prompt", searchStrategies=["exact"]) == ["en"]


def test_attribute_values_are_opaque_up_to_500_characters(support):
    long = "€" * 499  # 1,497 bytes
    values = {"first": long + "1", "second": long + "2", "short": "€" * 341, "quoted": '"%2C\\;|{}[]@-*', "space": " "}
    for answer, value in values.items():
        support.stored("one prompt", answer, attributes={"llm_string": value, "lang": "en"})
    for answer, value in values.items():
        (entry,) = support.found("one prompt", attributes={"llm_string": value})
        assert (entry["response"], entry["attributes"]) == (answer, {"llm_string": value, "lang": "en"})
    assert support.responses("one prompt", attributes={"llm_string": long + "3"}) == []
    assert support.delete(attributes={"llm_string": long + "2"}).json() == {"deletedEntriesCount": 1}
    assert support.responses("one prompt", attributes={"llm_string": long + "1"}) == ["first"]
    assert support.delete(attributes={"lang": "en"}).json() == {"deletedEntriesCount": 4}


def test_five_attributes_with_long_values(support):
    values = {name: f"{name}{'🍎' * 490}" for name in ("lang", "tier", "a-b_1", "llm_string", "fifth")}
    support.stored("many", attributes=values, ttlMillis=90_500)
    assert support.found("many", attributes=values)[0]["attributes"] == values


def test_a_cache_may_allow_longer_attributes(caches):
    half = caches("half")
    half.flush()
    longest = "x" * 15_000
    half.stored("long", attributes={"long": longest})
    assert half.found("long", attributes={"long": longest})[0]["attributes"] == {"long": longest}
    assert half.found("long", attributes={"long": longest[:-1]}) == []
    problem(half.set("p", attributes={"long": longest + "x"}), 400, "invalid-data", "1 to 15000")
    problem(half.set("p", attributes={"long": longest, "more": longest}), 400, "invalid-data", "too long all together")
    assert half.flush().status_code == 204


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"lang": "a,b"}, "comma"),
        ({"lang": ""}, "1 to 500"),
        ({"lang": "x" * 501}, "1 to 500"),
        ({"lang": 5}, "string"),
        ({"lang": None}, "string"),
        ({"lang": ["en"]}, "string"),
        ({"country": "at"}, "not configured"),
        ({"": "x"}, "1 to 32"),
        ({"n" * 33: "x"}, "1 to 32"),
        ({"a.b": "x"}, "1 to 32"),
        (dict.fromkeys(("lang", "tier", "a-b_1", "llm_string", "fifth", "sixth"), "x"), "at most 5"),
        ("lang=en", "object"),
        (["lang"], "object"),
    ],
)
def test_attributes_that_cannot_be(support, attributes, says):
    for answer in (
        support.set("p", attributes=attributes),
        support.search("p", attributes=attributes),
        support.delete(attributes=attributes),
    ):
        body = problem(answer, 400, "invalid-data", says)
        assert body["fields"][0]["field"].startswith("attributes")


def test_a_cache_without_attributes_says_so(caches):
    plain = caches("plain")
    for answer in (
        plain.set("p", attributes={"lang": "en"}),
        plain.search("p", attributes={"lang": "en"}),
        plain.delete(attributes={"lang": "en"}),
    ):
        problem(answer, 400, "invalid-data", "no attributes are configured")
    assert plain.set("p", attributes={}).status_code == 201
    assert plain.search("p", attributes=None).status_code == 200


# --- lifetimes ---


def test_ttl_millis_ends_an_entry_to_the_millisecond(support, store):
    support.stored("short lived", "older and lasting")
    support.stored("short lived", "newer and short", ttlMillis=1)
    assert support.responses("short lived", searchStrategies=["exact"]) == ["older and lasting"]
    support.stored("@0", "lasting")
    support.stored("@1", "gone", ttlMillis=1)
    assert support.responses("@1") == ["lasting"]
    assert support.responses("@1", maxResults=5, similarityThreshold=0.99) == ["lasting"]


def test_ttl_millis_and_the_default_reach_the_node(support, caches, store):
    with FerrocacheClient(store.url) as client:

        def left(cache, entry_id):
            entry = client.get_entry(entry_id, cache_scope=f"langcache.{cache}")
            return round(entry["expires_at"] - entry["inserted_at"]) if "expires_at" in entry else None

        assert left("support", support.stored("a", ttlMillis=60_000)) == 60
        assert left("support", support.stored("a", ttlMillis=60_001)) == 61
        assert left("support", support.stored("a", ttlMillis=31_556_952_000)) == 31_556_952
        assert left("support", support.stored("a", ttlMillis=5000.0)) == 5
        assert left("support", support.stored("a", ttlMillis=None)) is None
        half = caches("half")
        assert left("half", half.stored("a")) == 3600
        assert left("half", half.stored("a", ttlMillis=7000)) == 7


@pytest.mark.parametrize("value", [0, -1, 31_556_952_001, 1.5, True, "60000", [], {}])
def test_ttl_millis_that_cannot_be(support, value):
    body = problem(support.set("p", ttlMillis=value), 400, "invalid-data", "ttlMillis")
    assert body["fields"][0]["field"] == "ttlMillis"


# --- deletes ---


def test_delete_by_id(support):
    entry_id, kept = support.stored("one"), support.stored("two")
    answer = support.send("DELETE", f"/entries/{entry_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(support.send("DELETE", f"/entries/{entry_id}"), 404, "cache/entry/not-found")
    for unknown in ("0" * 32, "nobody", "a%2Fb", "%20", "x" * 200):
        problem(support.send("DELETE", f"/entries/{unknown}"), 404, "cache/entry/not-found")
    assert support.found("one") == []
    assert support.found("two")[0]["id"] == kept


def test_delete_by_query_counts_what_it_deletes(support):
    for number in range(7):
        support.stored(f"number {number}", attributes={"lang": "en" if number % 2 else "de", "tier": "gold"})
    assert support.delete(attributes={"lang": "en", "tier": "silver"}).json() == {"deletedEntriesCount": 0}
    answer = support.delete(attributes={"lang": "en", "tier": "gold"})
    assert (answer.status_code, answer.json()) == (200, {"deletedEntriesCount": 3})
    assert support.delete(attributes={"tier": "gold"}).json() == {"deletedEntriesCount": 4}
    assert support.delete(attributes={"tier": "gold"}).json() == {"deletedEntriesCount": 0}


def test_delete_by_query_without_attributes_is_refused(support):
    support.stored("still there")
    assert "flush" in problem(support.delete(attributes={}), 400, "invalid-data")["detail"]
    problem(support.delete(), 400, "invalid-data", "attributes")
    problem(support.delete(attributes=None), 400, "invalid-data", "attributes")
    problem(support.send("DELETE", "/entries"), 400, "invalid-data", "JSON")
    assert support.responses("still there") == ["an answer"]


def test_flush_removes_everything_of_its_cache_and_nothing_else(support, caches, store):
    plain = caches("plain")
    plain.stored("shared words", "of plain")
    with FerrocacheClient(store.url) as client:
        client.insert([1.0] * 64, "a program's own", "shared words", "words::64", cache_scope="support", id="own")
        for number in range(5):
            support.stored(f"shared words {number}")
        answer = support.flush()
        assert (answer.status_code, answer.content) == (204, b"")
        assert support.found("shared words", similarityThreshold=0) == []
        assert plain.responses("shared words") == ["of plain"]
        assert client.get_entry("own")["response"] == "a program's own"
        client.delete_entry("own")
    assert support.flush().status_code == 204


def test_caches_never_see_each_other(support, caches):
    entry_id = support.stored("mine", "of support", attributes={"lang": "en"})
    other = caches("team/a")
    other.flush()
    for strategies in (["exact"], ["semantic"], ["exact", "semantic"]):
        assert other.found("mine", searchStrategies=strategies, similarityThreshold=0) == []
    problem(other.send("DELETE", f"/entries/{entry_id}"), 404, "cache/entry/not-found")
    other.stored("mine", "of team/a")
    assert other.flush().status_code == 204
    assert support.responses("mine") == ["of support"]


# --- keys ---


def test_without_a_key_401(door, http):
    for headers in (
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic c3VwcG9ydA=="},
        {"Authorization": "support-key"},
    ):
        answer = http.post(f"{door.url}/v1/caches/support/flush", headers=headers)
        problem(answer, 401, "authentication-failed")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_with_an_unknown_key_401_whether_the_cache_exists_or_not(door, http):
    for path in ("support", "nobody"):
        answer = http.post(f"{door.url}/v1/caches/{path}/flush", headers={"Authorization": "Bearer wrong"})
        problem(answer, 401, "authentication-failed")
    for key in ("support-ke", "support-key2", "SUPPORT-KEY", "# of the support team", hashed("half-key"), "ü"):
        answer = http.post(f"{door.url}/v1/caches/support/flush", headers={"Authorization": b"Bearer " + key.encode()})
        problem(answer, 401, "authentication-failed")


def test_the_key_of_another_cache_403(caches):
    problem(caches("support", "plain-key").search("p"), 403, "insufficient-permissions")
    problem(caches("plain", "support-key").set("p"), 403, "insufficient-permissions")


def test_an_unknown_cache_404(caches, door):
    cache = Cache(door.url, "nobody", "support-key")
    for answer in (
        cache.search("p"),
        cache.set("p"),
        cache.flush(),
        cache.delete(attributes={"a": "b"}),
        cache.send("DELETE", "/entries/1"),
    ):
        problem(answer, 404, "cache/not-found")
    cache.close()


def test_a_cache_may_have_several_keys_and_a_key_several_caches(caches):
    for key in ("support-key", "second-key"):
        assert caches("support", key).flush().status_code == 204
        assert caches("team/a", key).flush().status_code == 204
    assert caches("team/a").flush().status_code == 204


def test_the_keys_are_told_to_nobody(door, embedder):
    assert embedder.keys == {"Bearer embedder-key"}
    for secret in (*KEYS.values(), "second-key", "embedder-key"):
        assert secret not in door.log()


# --- bodies and paths ---


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b"{'prompt': 1}", b"\xff\xfe", b'{"prompt":"\xff"}', b'{"prompt":"p"} x',
        b'{"prompt":"p","similarityThreshold":NaN}', b'{"prompt":"p","similarityThreshold":1e999}', b'\xef\xbb\xbf{"prompt":"p"}',
        b'{"prompt":"p","x":' + b"[" * 40000 + b"]" * 40000 + b"}", b'{"prompt":"p","x":' + b"9" * 5000 + b"}",
        b'{"prompt":"\\ud800"}',
    ],
)  # fmt: skip
def test_bodies_that_are_not_right_json(support, body):
    for method, path in (("POST", "/entries/search"), ("POST", "/entries"), ("DELETE", "/entries")):
        problem(support.send(method, path, content=body), 400, "invalid-data")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("prompt", None, "required"), ("prompt", "", "minLength"), ("prompt", 5, "type"), ("prompt", ["p"], "type"),
        ("similarityThreshold", -0.1, "range"), ("similarityThreshold", 1.01, "range"), ("similarityThreshold", "0.9", "type"),
        ("similarityThreshold", True, "type"), ("searchStrategies", "exact", "enum"), ("searchStrategies", [], "enum"),
        ("searchStrategies", ["fuzzy"], "enum"), ("searchStrategies", [["exact"]], "enum"), ("searchStrategies", [None], "enum"),
        ("maxResults", 0, "range"), ("maxResults", 101, "range"), ("maxResults", "1", "type"),
    ],
)  # fmt: skip
def test_fields_of_a_search_that_cannot_be(support, field, value, rule):
    answer = support.send("POST", "/entries/search", json={"prompt": "p", field: value})
    (told,) = problem(answer, 400, "invalid-data", field)["fields"]
    assert set(told) == {"field", "rule", "message"}
    assert (told["field"], told["rule"]) == (field, rule)


@pytest.mark.parametrize("field", ["prompt", "response"])
@pytest.mark.parametrize("value", [None, 5, {}, "\ud800"])
def test_fields_of_a_set_that_cannot_be(support, field, value):
    body = json.dumps({"prompt": "p", "response": "r", field: value})
    (told,) = problem(support.send("POST", "/entries", content=body), 400, "invalid-data", field)["fields"]
    assert told["field"] == field


def test_null_means_absent_and_unknown_fields_are_ignored(support):
    support.stored("p", ttlMillis=None, attributes=None, anything={"else": [1]})
    found = support.found("p", similarityThreshold=None, attributes=None, searchStrategies=None, maxResults=None, other=1)
    assert len(found) == 1


def test_the_limit_of_a_prompt_is_in_characters(caches):
    plain = caches("plain")
    plain.flush()
    plain.stored("ü" * 40)
    assert plain.found("ü" * 40)
    for answer in (plain.set("ü" * 41), plain.search("ü" * 41)):
        (told,) = problem(answer, 400, "invalid-data", "40")["fields"]
        assert told["rule"] == "maxLength"


def test_bodies_beyond_the_limit_413(support):
    problem(support.set("p", "x" * 100_000), 413, "payload-too-large", "100000")
    problem(support.send("POST", "/entries", content=iter([b"x" * 60_000, b"x" * 60_000])), 413, "payload-too-large")
    problem(support.set("p", "x" * 60_000), 413, "payload-too-large", "max_response_bytes")  # the node's own
    assert support.found("p") == []
    support.stored("p", "x" * 50_000)


def test_json_without_a_content_type_or_with_another(support):
    support.stored("the prompt")
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = support.send("POST", "/entries/search", content=b'{"prompt":"the prompt"}', headers=headers)
        assert len(answer.json()["data"]) == 1
    assert "content-type" not in support.http.build_request("POST", "http://x", content=b"{}").headers


def test_an_empty_cookie_header(support):
    answer = support.send("POST", "/entries/search", json={"prompt": "p"}, headers={"cookie": ""})
    assert answer.status_code == 200


def test_slashes_in_segments_are_split_before_they_are_decoded(caches, door):
    slash = caches("team/a")
    slash.flush()
    slash.stored("of the slash", "yes")
    assert slash.responses("of the slash") == ["yes"]
    assert slash.send("GET").json()["cacheId"] == "team/a"
    other = Cache(door.url, "team/a", "slash-key")  # not encoded: another path
    problem(other.search("p"), 404, "resource/not-found")
    encoded = Cache(door.url, "%74eam%2fa", "slash-key")
    assert encoded.responses("of the slash") == ["yes"]
    for cache in (other, encoded):
        cache.close()


def test_behind_a_base_path(door, support):
    for prefix in ("/behind/a-proxy", ""):
        cache = Cache(door.url + prefix, "support", "support-key")
        cache.stored(f"by way of {prefix}")
        assert len(cache.found(f"by way of {prefix}")) == 1
        problem(cache.send("DELETE", "/entries/nobody"), 404, "cache/entry/not-found")
        cache.close()
    for prefix in ("/behind", "/elsewhere", "/behind/a-proxyx", "/behind/a-proxy/behind/a-proxy"):
        cache = Cache(door.url + prefix, "support", "support-key")
        problem(cache.search("p"), 404, "resource/not-found")
        cache.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("POST", "/"), ("GET", "/v1"), ("POST", "/v1/caches/support"), ("GET", "/v1/caches/support/entries"),

        ("PUT", "/v1/caches/support/entries"), ("POST", "/v1/caches/support/entries/search/x"),
        ("DELETE", "/v1/caches/support/entries/"),
        ("POST", "/v1/caches//flush"), ("POST", "/v2/caches/support/flush"), ("GET", "/v1/caches/support/flush"),
        ("POST", "/v1/caches/support/flush/"), ("POST", "/v1/caches/%ff/flush"), ("POST", "/v1%2Fcaches/support/flush"),
    ],
)  # fmt: skip
def test_paths_that_are_none_404(door, http, method, path):
    answer = http.request(method, door.url + path, headers={"Authorization": "Bearer support-key"})
    problem(answer, 404, "resource/not-found")


def test_newer_sdks_are_told_types_that_they_know(support):
    def kind(method, path, agent, **options):
        return support.send(method, path, headers={"User-Agent": agent}, **options).json()["type"]

    agents = {
        NEWER_SDK: "resource-not-found",
        "speakeasy-sdk/typescript 0.12.0 2.7 1.0 @redis-ai/langcache": "resource-not-found",
        "speakeasy-sdk/python 0.11.1 2.716.16 1.0.1 langcache": "cache/entry/not-found",
        "curl/8": "cache/entry/not-found",
        "": "cache/entry/not-found",
    }
    for agent, gone in agents.items():
        assert kind("DELETE", "/entries/nobody", agent) == f"/errors/{gone}"
        assert kind("POST", "/entries", agent, json={}) == "/errors/invalid-data"


def test_requests_have_an_id(support):
    assert support.send("POST", "/flush", headers={"X-Request-Id": "my-id"}).headers["x-request-id"] == "my-id"
    made = support.send("POST", "/flush", headers={"X-Request-Id": "with blanks"}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def raw(door, request, then=b""):
    """What is answered on a plain connection, until the server ends it."""
    parts = urlsplit(door.url)
    with socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        answered = b""
        while True:
            part = connection.recv(65536)
            if not part:
                return answered
            answered += part
            if then and b"\r\n\r\n" in answered:
                connection.sendall(then)
                then = b""


def test_a_connection_stays_in_step_after_an_error(door):
    """The body of a request that was refused unread must not be taken for the next request."""
    body = b"POST /v1/caches/support/flush HTTP/1.1\r\n\r\n"
    first = (
        b"POST /v1/caches/support/entries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body  # fmt: skip
    second = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answered = raw(door, first + second)
    assert re.findall(rb"HTTP/1.1 (\d+)", answered) in ([b"401", b"200"], [b"401"])


# --- what it depends on, and limits ---


@pytest.mark.parametrize(
    ("status", "body", "answered", "kind"),
    [
        (401, b'{"error":{"message":"bad key"}}', 424, "embeddings/unauthorized"),
        (403, b"{}", 424, "embeddings/unauthorized"),
        (500, b"{}", 424, "database/resource-database-unavailable"),
        (400, b'{"error":{"message":"too long: a secret prompt"}}', 500, "embeddings/unexpected-error"),
        (200, b"not JSON", 500, "embeddings/unexpected-error"),
        (200, b'{"data":[]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[{"embedding":[0,0]}]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[{"embedding":[1e300]}]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[{"embedding":["x"]}]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[5]}', 500, "embeddings/unexpected-error"),
    ],
)
def test_what_a_failing_embedder_becomes(support, embedder, door, status, body, answered, kind):
    prompt = f"a secret prompt {status} {body.decode()}"
    embedder.fails(status, body)
    for answer in (support.set(prompt), support.search(prompt)):
        assert "secret" not in problem(answer, answered, kind)["detail"]
    later = support.send("POST", "/entries", json={"prompt": prompt, "response": "r"}, headers={"User-Agent": NEWER_SDK})
    assert later.json()["type"] == ("/errors/resource-unavailable" if answered == 424 else "/errors/unexpected-error")
    embedder.works()
    assert "secret" not in door.log()
    support.stored(prompt)


def test_a_busy_embedder_becomes_424(support, embedder):
    embedder.fails(429)
    problem(support.set("never before asked"), 424, "embeddings/too-many-requests")


def test_an_exact_search_does_without_the_embedder(support, embedder):
    support.stored("known", "kept")
    embedder.fails(500)
    assert support.responses("KNOWN", searchStrategies=["exact", "semantic"]) == ["kept"]
    problem(support.search("unknown", searchStrategies=["exact", "semantic"]), 424, "database/resource-database-unavailable")


def test_a_prompt_is_embedded_once_for_a_search_and_the_set_behind_it(support, embedder):
    embedder.calls.clear()
    assert support.found("a new question, embedded once") == []
    support.stored("a new question, embedded once")
    assert support.found("a new question, embedded once")
    assert embedder.calls == ["a new question, embedded once"]


def test_a_cache_s_own_rate_429(caches):
    team = caches("team")
    answers = [team.search("p") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[3], 429, "too-many-requests")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 1000
    assert caches("half").search("p").status_code == 200


def test_metrics(door, http, support):
    def values():
        text = http.get(door.url + "/metrics").text
        found = {name: re.search(rf"^{re.escape(name)} (\S+)$", text, flags=re.M) for name in names}
        return {name: float(match[1]) if match else 0.0 for name, match in found.items()}

    names = {
        'ferrocache_gateway_requests_total{api="langcache",code="200",operation="search"}': 4,
        'ferrocache_gateway_requests_total{api="langcache",code="201",operation="set"}': 1,
        'ferrocache_gateway_requests_total{api="langcache",code="400",operation="delete_query"}': 1,
        'ferrocache_gateway_requests_total{api="langcache",code="404",operation="unknown"}': 1,
        'ferrocache_gateway_hits_total{cache="support",strategy="exact"}': 1,
        'ferrocache_gateway_hits_total{cache="support",strategy="semantic"}': 1,
        'ferrocache_gateway_misses_total{cache="support"}': 2,
        'ferrocache_gateway_embedding_duration_seconds_count{model="words"}': 2,
        'ferrocache_gateway_request_duration_seconds_count{api="langcache",operation="search"}': 4,
        'ferrocache_gateway_embeddings_remembered_total{model="words"}': 2,
    }
    before = values()
    support.found("counted one")
    support.stored("counted one")
    support.found("counted one")
    support.found("counted one", searchStrategies=["exact"])
    support.found("another, not there, far away")
    support.delete(attributes={})
    support.send("PATCH")
    assert {name: value - before[name] for name, value in values().items()} == names
    assert "\nferrocache_gateway_requests_in_flight 0.0\n" in http.get(door.url + "/metrics").text


def test_logs_are_json_without_what_people_wrote(door, support):
    support.send(
        "POST", "/entries", json={"prompt": "confidential one", "response": "confidential two"}, headers={"X-Request-Id": "log-1"}
    )
    support.search("confidential one", attributes={"lang": "confidential three"})
    (line,) = [line for line in door.lines() if line.get("request_id") == "log-1"]
    assert line["time"].endswith("Z")
    assert {name: line[name] for name in ("level", "message", "api", "operation", "cache", "status")} == {
        "level": "debug", "message": "answered", "api": "langcache", "operation": "set", "cache": "support", "status": 201,
    }  # fmt: skip
    assert "confidential" not in door.log()


def test_probes(door, http):
    assert http.get(door.url + "/livez").json() == {"status": "alive"}
    until(lambda: http.get(door.url + "/readyz").json() == {"status": "ready"})


def test_simultaneous_sets_of_one_prompt_are_all_kept(support):
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(support.stored("at once", attributes={"lang": "en"}))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 16
    assert support.delete(attributes={"lang": "en"}).json() == {"deletedEntriesCount": 16}
