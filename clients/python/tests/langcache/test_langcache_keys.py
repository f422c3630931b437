"""The LangCache door over plain HTTP: who may use a cache, and how often."""

from __future__ import annotations

from support.door import Cache
from support.langcache import hashed, problem


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


def test_the_embedder_is_given_its_key(support, embedder):
    support.search("never embedded before the test of keys")
    assert embedder.keys == {"Bearer embedder-key"}


def test_a_cache_s_own_rate_429(caches):
    team = caches("team")
    answers = [team.search("p") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[3], 429, "too-many-requests")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 1000
    assert caches("half").search("p").status_code == 200
