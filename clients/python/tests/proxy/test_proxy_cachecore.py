"""CacheCore's clients against the proxy: tokens, dependencies, invalidation, stale windows, rates; several doors at once."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.door import plain_http, until
from support.proxy import (
    BYPASS,
    HIT,
    MISS,
    NEAR,
    PARAPHRASE,
    QUESTION,
    SECRET,
    STALE,
    Tenant,
    ThreadDoor,
    metrics,
    settings,
    started,
    token,
)
from support.upstream import Reply

KEYS = {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1())}
SETTINGS = """
without_token = "bypass"
without_token_requests_per_second = 0
invalidate_without_token = true
"""
TOKENS = """tokens = [
  { secret_file = "secret" },
  { algorithm = "RS256", public_key_file = "RS256.pem" },
  { algorithm = "ES256", public_key_file = "ES256.pem" },
]
"""
OWN_KEY = 'api_key_file = "provider.key"\napi_key_without_token = true'


def configured(node, provider, embedder):
    text = settings(node, provider, embedder, SETTINGS, OWN_KEY)
    return text.replace('tokens = [{ secret_file = "secret" }]\n', TOKENS)


@pytest.fixture(scope="module")
def doors(node, provider, embedder, tmp_path_factory):
    """Two processes of one configuration: what one stores or is told, the other knows."""
    made = []
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        for algorithm, key in KEYS.items():
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            (folder / f"{algorithm}.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
        (folder / "provider.key").write_text("the-gateway-s-key\n")
        made.append(started(folder, configured(node, provider, embedder)))
    yield made
    assert [door.stop() for door in made] == [0, 0]


@pytest.fixture
def door(doors):
    return doors[0]


@pytest.fixture
def tenant(door, request, upstream):
    made = Tenant(door.url, request.node.name)
    yield made
    made.close()


def asked(door, headers, question=QUESTION):
    body = {"model": "m", "messages": [{"role": "user", "content": question}]}
    with plain_http() as http:
        return http.post(door.url + "/v1/chat/completions", json=body, headers=headers)


# --- tokens ---


def test_a_token_comes_in_either_header(door, upstream, request):
    mine = token(request.node.name)
    live = {"Authorization": f"Bearer cc_live_abc123.{mine}"}
    assert asked(door, live).headers["X-Cache"] == MISS
    assert asked(door, {"X-Cachecore-Token": mine}).headers["X-Cache"] == HIT
    both = {"Authorization": f"Bearer cc_live_abc123.{token('somebody-else')}", "X-Cachecore-Token": mine}
    assert asked(door, both).headers["X-Cache"] == HIT
    assert [heard["authorization"] for heard in upstream.headers] == ["Bearer the-gateway-s-key"]


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_tokens_that_a_private_key_signed(door, upstream, algorithm):
    mine = token("signed-" + algorithm, KEYS[algorithm], algorithm)
    assert asked(door, {"X-Cachecore-Token": mine}).headers["X-Cache"] == MISS
    assert asked(door, {"X-Cachecore-Token": mine}).headers["X-Cache"] == HIT


def bad_tokens():
    public = KEYS["RS256"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    part = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    claims = base64.urlsafe_b64encode(json.dumps({"tenant_id": "t", "exp": 9_999_999_999}).encode()).rstrip(b"=").decode()
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    import hashlib
    import hmac

    signed = base64.urlsafe_b64encode(hmac.new(pem, f"{head}.{claims}".encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    return {
        "another secret": token("t", "another-secret-of-thirty-two-bytes"),
        "expired": token("t", expires_in=-3600),
        "no expiry": token("t", exp=None),
        "no tenant": token("t", tenant_id=None),
        "odd permissions": token("t", permissions={"a": 1}),
        "another algorithm": token("t", 2 * SECRET, "HS512"),
        "unsigned": f"{part}.{claims}.",
        "a public key taken for a secret": f"{head}.{claims}.{signed}",
        "no jwt": "abc",
        "too long": "a" * 20_000,
    }


@pytest.mark.parametrize("why", sorted(bad_tokens()))
def test_a_bad_token_is_401(door, upstream, why):
    for headers in ({"X-Cachecore-Token": bad_tokens()[why]}, {"Authorization": f"Bearer cc_live_a.{bad_tokens()[why]}"}):
        answer = asked(door, headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_token"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert bad_tokens()[why] not in answer.text
    assert upstream.calls == []
    assert SECRET not in door.log()


def test_without_a_token_nothing_is_cached(door, upstream):
    for number in (1, 2):
        answer = asked(door, {"Authorization": "Bearer x"})
        assert (answer.headers["X-Cache"], answer.headers["X-Cache-Similarity"]) == (BYPASS, "0.00")
        assert len(upstream.calls) == number


# --- dependencies ---


def test_dependencies_are_read_however_they_are_encoded(door, upstream, request):
    mine = {"X-Cachecore-Token": token(request.node.name)}
    text = json.dumps([{"dep_id": "doc:a?>~", "expected_hash": "v1"}])
    data = text.encode()
    forms = [
        base64.urlsafe_b64encode(data), base64.urlsafe_b64encode(data).rstrip(b"="),
        base64.standard_b64encode(data), base64.standard_b64encode(data).rstrip(b"="),
    ]  # fmt: skip
    assert len(set(forms)) >= 2
    seen = [asked(door, {**mine, "X-Cachecore-Deps": form.decode()}).headers["X-Cache"] for form in forms]
    assert seen == [MISS, HIT, HIT, HIT]
    for wrong in ("%%%", base64.b64encode(b"{}").decode(), base64.b64encode(b'[{"id":1}]').decode()):
        answer = asked(door, {**mine, "X-Cachecore-Deps": wrong})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_deps")


def test_an_invalidation_is_known_to_every_door(doors, tenant, upstream):
    deps = [("doc:contract-123", "v1"), ("doc:other", "v1")]
    assert tenant.said(QUESTION, deps=deps) == (MISS, "answer 1")
    beside = Tenant(doors[1].url, tenant_of(tenant))
    assert beside.said(QUESTION, deps=deps) == (HIT, "answer 1")
    done = beside.invalidate("doc:contract-123")
    assert done.json() == {"ok": True, "dep_id": "doc:contract-123", "keys_deleted": 1}
    assert tenant.said(QUESTION, deps=deps) == (MISS, "answer 2")
    assert beside.said(QUESTION, deps=deps) == (HIT, "answer 2")
    assert tenant.invalidate("doc:unheard-of", new_hash=None).json()["keys_deleted"] == 0
    stranger = Tenant(doors[0].url, "a-stranger")
    assert stranger.invalidate("doc:contract-123").json()["keys_deleted"] == 0
    assert tenant.said(QUESTION, deps=deps) == (HIT, "answer 2")
    for made in (beside, stranger):
        made.close()


def tenant_of(tenant):
    import jwt

    return jwt.decode(tenant.token, options={"verify_signature": False})["tenant_id"]


def test_an_entry_whose_delete_was_lost_is_not_served(door, tenant, upstream, client):
    """The entry is put back behind the door's back, as a replica might that had not heard of the delete."""
    deps = [("doc:1", "v1")]
    tenant.said(QUESTION, deps=deps)
    scope = "proxy." + tenant_of(tenant)
    (name,) = [one for one in client.namespaces()["namespaces"] if one.get("cache_scope") == scope]
    match = client.query([1.0] + [0.0] * 63, 0.0, name["model_id"], QUESTION, scope)
    entry = client.get_entry(match["id"], model_id=name["model_id"], cache_scope=scope, vector=True)
    tenant.invalidate("doc:1", new_hash="v2")
    client.insert(
        entry["embedding"], entry["response"], entry["query_text"], name["model_id"], cache_scope=scope,
        id=entry["id"], tags=entry["tags"], attributes=entry["attributes"],
    )  # fmt: skip
    assert tenant.said(QUESTION) == (MISS, "answer 2")
    client.insert(
        entry["embedding"], entry["response"], entry["query_text"], name["model_id"], cache_scope=scope,
        id=entry["id"], tags=entry["tags"], attributes=entry["attributes"],
    )  # fmt: skip
    assert tenant.said(QUESTION, deps=deps) == (MISS, "answer 3")
    assert tenant.said(QUESTION, deps=deps) == (HIT, "answer 3")


def test_what_an_answer_was_made_from_has_to_fit(tenant, upstream):
    assert tenant.said(QUESTION)[0] == MISS
    assert tenant.said(QUESTION, deps=[("doc:1", "v1")])[0] == MISS  # the stored one is not known to come from doc:1
    assert tenant.said(QUESTION, deps=[("doc:1", "v1")])[0] == HIT
    assert tenant.said(QUESTION)[0] == HIT
    assert tenant.said(PARAPHRASE, deps=[("doc:1", "v2")])[0] == MISS
    assert tenant.said(QUESTION, deps=[("doc:1", "v2")])[0] == NEAR
    tenant.invalidate("doc:1", new_hash="v3")
    assert tenant.said(QUESTION, deps=[("doc:1", "v2")])[0] == MISS  # its maker did not know v3 yet
    assert tenant.said(QUESTION)[0] == MISS
    many = [(f"doc:{number}", "v" * 200) for number in range(32)]
    assert tenant.said(QUESTION, deps=many)[0] == MISS
    assert tenant.said(QUESTION, deps=many)[0] == HIT
    answer = tenant.ask(QUESTION, deps=[*many, ("doc:32", "v1")])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_deps")


def test_what_was_under_way_during_an_invalidation_is_not_served(tenant, upstream):
    deps = [("doc:1", "v1")]

    def reply(body, number):
        if number == 1:
            assert tenant.invalidate("doc:1").status_code == 200
        return Reply(f"answer {number}")

    upstream.reply = reply
    assert tenant.said(QUESTION, deps=deps) == (MISS, "answer 1")
    assert tenant.said(QUESTION, deps=deps) == (MISS, "answer 2")
    assert tenant.said(QUESTION, deps=deps) == (HIT, "answer 2")


def test_invalidations_that_cannot_be_read(tenant):
    for body in (b"", b"[]", b'{"dep_id": ""}', b'{"dep_id": 1}', b'{"dep_id": "a", "new_hash": 1}'):
        answer = tenant.http.post(tenant.url + "/v1/invalidate", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")


# --- stale windows ---


def test_a_stale_answer_is_served_and_refreshed_behind_it(node, provider, upstream, embedder, tmp_path):
    """Nothing is fresh here for any time, and everything may be stale: no test has to wait."""
    door = ThreadDoor(tmp_path, settings(node, provider, embedder, "fresh_seconds = 0\nstale_seconds = 86400"))
    tenant = Tenant(door.url, "stale")
    assert tenant.said(QUESTION) == (MISS, "answer 1")
    answer = tenant.ask(QUESTION)
    assert (answer.headers["X-Cache"], answer.headers["X-Cache-Similarity"]) == (STALE, "1.00")
    assert int(answer.headers["Cache-Status"].partition("ttl=")[2]) <= 0
    assert answer.json()["choices"][0]["message"]["content"] == "answer 1"
    until(lambda: 'proxy_stored_total{model="m",tenant="stale"} 2.0' in metrics(door))
    assert tenant.said(QUESTION) == (STALE, "answer 2")
    until(lambda: 'proxy_stored_total{model="m",tenant="stale"} 3.0' in metrics(door))
    # Whoever asked for nothing older, or asks something else that is alike, is not served what is stale.
    assert tenant.said(PARAPHRASE)[0] == MISS
    assert tenant.said(QUESTION, headers={"Cache-Control": "max-age=86400"})[0] == MISS
    # What a caller wants to be fresh for longer is.
    assert tenant.said(QUESTION, cache={"no-cache": True, "ttl": 86_400})[0] == MISS
    assert tenant.said(QUESTION)[0] == HIT
    tenant.close()
    assert door.stop() == 0


def test_a_stale_answer_stands_in_for_a_provider_that_fails(node, provider, upstream, embedder, tmp_path):
    more = "fresh_seconds = 0\nstale_seconds = 0\nstale_if_error_seconds = 86400"
    door = ThreadDoor(tmp_path, settings(node, provider, embedder, more))
    tenant = Tenant(door.url, "stale-if-error")
    assert tenant.said(QUESTION) == (MISS, "answer 1")
    assert tenant.said(QUESTION) == (MISS, "answer 2")
    upstream.answers(status=503)
    answer = tenant.ask(QUESTION)
    assert (answer.status_code, answer.headers["X-Cache"]) == (200, STALE)
    assert answer.headers["Cache-Status"] == "FerroCache; fwd=stale; fwd-status=503"
    assert answer.json()["choices"][0]["message"]["content"] == "answer 2"
    assert tenant.ask(QUESTION, headers={"Cache-Control": "no-cache"}).status_code == 503
    assert tenant.ask("something else").status_code == 503
    tenant.close()
    assert door.stop() == 0


# --- limits ---


def test_who_asks_too_often_is_told_when_to_come_again(node, provider, upstream, embedder, tmp_path):
    rare = 0.0001
    more = f"requests_per_second = {rare}\nburst = 2\nwithout_token_requests_per_second = {rare}\nwithout_token_burst = 1"
    door = ThreadDoor(tmp_path, settings(node, provider, embedder, more))
    for headers, allowed in (({"X-Cachecore-Token": token("often")}, 2), ({"X-Cachecore-Token": token("rarely")}, 2), ({}, 1)):
        for _ in range(allowed):
            assert asked(door, headers).status_code == 200
        answer = asked(door, headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert int(answer.headers["Retry-After"]) > 0
    assert door.stop() == 0
