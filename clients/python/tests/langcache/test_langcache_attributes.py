"""The LangCache door over plain HTTP: attributes."""

from __future__ import annotations

import pytest

from support.langcache import problem


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
