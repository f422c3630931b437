"""The LangCache door over plain HTTP: set and search, thresholds and strategies."""

from __future__ import annotations

import re

import pytest


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
