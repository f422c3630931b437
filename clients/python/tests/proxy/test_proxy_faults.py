"""The proxy when something fails: the cache, the embedder, the provider. A request still gets its answer if there is any."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ferrocache.gateway._table import ConfigError
from ferrocache.gateway.config import load
from support.door import PATIENCE_SECONDS, plain_http, until
from support.proxy import (
    BYPASS,
    HIT,
    MISS,
    NEAR,
    PARAPHRASE,
    QUESTION,
    SECRET,
    Tenant,
    ThreadDoor,
    metrics,
    settings,
    started,
    token,
)
from support.upstream import Reply, Upstream


@pytest.fixture
def opened(tmp_path):
    """Opens the test's door, which has to end in order."""
    made = []

    def start(*given, make=ThreadDoor):
        made.append(make(tmp_path / "door", *given))
        return made[-1]

    yield start
    assert [door.stop() for door in made] == [0] * len(made)


@pytest.fixture
def tenant_of(request):
    made = []

    def make(url, **claims):
        made.append(Tenant(url, request.node.name[:100], **claims))
        return made[-1]

    yield make
    for tenant in made:
        tenant.close()


def impatient(text, seconds=0.2):
    """So that what does not answer is given up soon."""
    return re.sub(r"cache_timeout_seconds = \d+", f"cache_timeout_seconds = {seconds}", text)


def test_a_node_that_is_down_costs_nobody_an_answer(nodes, upstream, embedder, opened, tenant_of):
    node = nodes.start()
    door = opened(settings(node, upstream, embedder))
    tenant = tenant_of(door.url)
    assert tenant.said(QUESTION) == (MISS, "answer 1")
    node.kill()
    answer = tenant.ask(QUESTION)
    assert (answer.status_code, answer.headers["X-Cache"]) == (200, BYPASS)
    assert answer.headers["Cache-Status"] == 'FerroCache; fwd=bypass; detail="the cache cannot be used"'
    assert tenant.ask(QUESTION, headers={"Cache-Control": "only-if-cached"}).status_code == 504
    lost = tenant.invalidate("doc:1")
    assert (lost.status_code, lost.headers["Retry-After"]) == (503, "1")
    with plain_http() as http:
        until(lambda: "degraded" in http.get(door.url + "/readyz").json())  # what was heard is believed for a second
        ready = http.get(door.url + "/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert re.search(r'dependency_failures_total{dependency="node"} [1-9]', metrics(door))
    node.start()
    until(lambda: tenant.said(QUESTION)[0] == HIT)  # what was stored is still there, and found again


def test_a_node_that_says_nothing_is_waited_for_no_longer_than_configured(nodes, upstream, embedder, opened, tenant_of):
    node = nodes.start()
    door = opened(impatient(settings(node, upstream, embedder)))
    tenant = tenant_of(door.url)
    node.freeze()
    assert [tenant.said(QUESTION)[0] for _ in range(5)] == [BYPASS] * 5
    node.thaw()
    until(lambda: tenant.said(QUESTION)[0] == HIT)


def test_without_the_embedder_the_same_question_is_still_found(node, upstream, embedder, opened, tenant_of):
    door = opened(settings(node, upstream, embedder))
    tenant = tenant_of(door.url)
    assert tenant.said(QUESTION) == (MISS, "answer 1")
    embedder.fails(500)
    assert tenant.said(QUESTION) == (HIT, "answer 1")
    answer = tenant.ask(PARAPHRASE)
    assert (answer.status_code, answer.headers["X-Cache"]) == (200, BYPASS)
    assert answer.headers["Cache-Status"] == 'FerroCache; fwd=bypass; detail="the question could not be embedded"'
    embedder.works()
    assert tenant.said(PARAPHRASE) == (NEAR, "answer 1")


def test_an_embedder_that_hangs_is_waited_for_no_longer_than_configured(node, upstream, embedder, opened, tenant_of):
    door = opened(impatient(settings(node, upstream, embedder)), make=started)
    tenant = tenant_of(door.url)
    embedder.hold.clear()
    assert tenant.said(QUESTION)[0] == BYPASS
    embedder.hold.set()


def test_a_provider_that_cannot_be_reached(node, upstream, embedder, opened, tenant_of):
    with socket.socket() as silent:  # it has a port, and nobody listens
        silent.bind(("127.0.0.1", 0))
        check_unreachable(node, upstream, embedder, opened, tenant_of, f"http://127.0.0.1:{silent.getsockname()[1]}")


def check_unreachable(node, upstream, embedder, opened, tenant_of, nowhere):
    door = opened(settings(node, upstream, embedder, url=nowhere))
    tenant = tenant_of(door.url)
    answer = tenant.ask(QUESTION)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
    answer = tenant.http.post(door.url + "/v1/messages", json={"model": "m", "messages": []})
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")


def test_bodies_that_are_no_request(node, upstream, embedder, opened, tenant_of):
    """They are the provider's to refuse; nothing of them is looked up."""
    text = settings(node, upstream, embedder, server="max_body_bytes = 10000")
    door = opened(text)
    tenant = tenant_of(door.url)
    for body in (
        {"model": "m", "messages": []},
        {"model": "m", "messages": "x"},
        {"model": "m", "messages": [{"role": "user", "content": 5}]},
        {"model": "m", "messages": [{"role": "user", "content": "\ud800 what"}]},
        {"model": "m", "messages": [{"role": "assistant", "content": "hello"}]},
    ):
        answer = tenant.http.post(door.url + "/v1/chat/completions", content=json.dumps(body))
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, BYPASS), body
    answer = tenant.ask("x" * 10_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_provider_with_a_certificate_of_its_own_authority(node, embedder, opened, tenant_of, tmp_path):
    (tmp_path / "door").mkdir()
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -keyout key.pem -out cert.pem"
    )
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=tmp_path / "door", check=True, capture_output=True
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "door/cert.pem", tmp_path / "door/key.pem")
    provider = Upstream(tls)
    try:
        text = settings(node, provider, embedder)
        openai = text.index("[proxy.openai]\n") + len("[proxy.openai]\n")
        door = opened(text[:openai] + 'ca_file = "cert.pem"\n' + text[openai:])
        tenant = tenant_of(door.url)
        assert tenant.said(QUESTION) == (MISS, "answer 1")
        refused = tenant.http.post(door.url + "/v1/messages", json={"model": "m", "messages": []})  # asked without the authority
        assert refused.status_code == 502
        assert len(provider.calls) == 1
    finally:
        provider.close()


# --- without tokens ---


def test_without_tokens_each_provider_s_key_has_a_cache_of_its_own(node, upstream, embedder, opened, tenant_of):
    text = settings(node, upstream, embedder).replace('tokens = [{ secret_file = "secret" }]\n', "")
    door = opened(text)
    with plain_http() as http:

        def asked(key):
            body = {"model": "no-tokens", "messages": [{"role": "user", "content": QUESTION}]}
            return http.post(door.url + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})

        assert [asked(key).headers["X-Cache"] for key in ("one", "one", "two", "two")] == [MISS, HIT, MISS, HIT]
        assert [heard["authorization"] for heard in upstream.headers] == ["Bearer one", "Bearer two"]
        answer = http.post(door.url + "/v1/chat/completions", json={}, headers={"Authorization": f"Bearer cc_live_a.{token('t')}"})
        assert answer.status_code == 401  # nobody's token is known here


def test_who_must_have_a_token(node, upstream, embedder, opened, tenant_of):
    door = opened(settings(node, upstream, embedder, 'without_token = "refuse"'))
    with plain_http() as http:
        for path in ("chat/completions", "embeddings", "invalidate"):
            answer = http.post(f"{door.url}/v1/{path}", json={"dep_id": "a"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "missing_token")
        # A token where the provider's key belongs, and no key of the gateway's own.
        live = {"Authorization": f"Bearer cc_live_a.{token('t')}"}
        answer = http.post(f"{door.url}/v1/chat/completions", json={"messages": []}, headers=live)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_upstream_key")
    assert upstream.calls == []


# --- beside the other door ---


def test_both_doors_in_one_process(node, upstream, embedder, opened, tenant_of, tmp_path):
    (tmp_path / "door").mkdir()
    (tmp_path / "door/c.key").write_text("c-key")
    caches = f"""
[[caches]]
id = "c"
api_keys = [{{ file = "c.key" }}]
embedding = {{ provider = "openai", model = "words", url = "{embedder.url}", timeout_seconds = {PATIENCE_SECONDS} }}
"""
    door = opened(settings(node, upstream, embedder, server='base_path = "/llm"') + caches)
    tenant = tenant_of(door.url + "/llm")
    assert tenant.said(QUESTION)[0] == MISS
    with plain_http(headers={"Authorization": "Bearer c-key"}) as http:
        assert http.get(door.url + "/v1/caches/c").status_code == 200
        assert http.get(door.url + "/v1/nothing").json()["type"] == "/errors/resource/not-found"


def test_what_was_saved_is_counted(node, upstream, embedder, opened, tenant_of):
    prices = '\n[[proxy.prices]]\nmodel = "m"\ninput = 2\noutput = 10\n'
    door = opened(settings(node, upstream, embedder) + prices)
    tenant = tenant_of(door.url)
    for question in (QUESTION, QUESTION, PARAPHRASE):
        tenant.said(question)
    tenant.ask(QUESTION, headers={"Cache-Control": "no-cache, no-store"})
    text = metrics(door)
    tenant_label = "test_what_was_saved_is_counted"
    named = 'model="m",{}tenant="' + tenant_label + '"}}'
    for outcome, count in (("miss", 1), ("hit_exact", 1), ("hit_semantic", 1), ("bypass", 1)):
        assert "ferrocache_gateway_proxy_outcomes_total{" + named.format(f'outcome="{outcome}",') + f" {count}.0" in text
    assert "tokens_saved_total{" + 'kind="input",' + named.format("") + " 22.0" in text
    assert "tokens_saved_total{" + 'kind="output",' + named.format("") + " 14.0" in text
    assert "money_saved_total{" + named.format("") + " 0.000184" in text
    assert 'proxy_similarity_count{tenant="' + tenant_label + '"} 1.0' in text


def test_the_end_waits_for_answers_that_are_under_way(node, upstream, embedder, opened, tenant_of):
    gate = threading.Event()

    def reply(body, number):
        gate.wait(PATIENCE_SECONDS)
        return Reply("late")

    upstream.reply = reply
    door = opened(settings(node, upstream, embedder, server=f"shutdown_seconds = {PATIENCE_SECONDS}"), make=started)
    tenant = tenant_of(door.url)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(tenant.said, QUESTION)
        until(lambda: upstream.calls)
        door.process.terminate()
        until(lambda: "ending" in [line["message"] for line in door.lines()])
        gate.set()
        assert answer.result(PATIENCE_SECONDS) == (MISS, "late")
    assert door.process.wait(PATIENCE_SECONDS) == 0


# --- configuration ---

PROXY = '[proxy]\nembedding = { provider = "local" }\n'


def loaded(folder, text):
    (folder / "secret").write_text(SECRET)
    (folder / "short").write_text("short")
    (folder / "gateway.toml").write_text(text)
    return load(folder / "gateway.toml")


def test_the_defaults_of_the_proxy(tmp_path):
    made = loaded(tmp_path, PROXY).proxy
    assert (made.fresh_seconds, made.stale_seconds, made.stale_if_error_seconds) == (3000, 600, 0)
    assert (made.azure, made.tool_calls) == (None, False)
    assert (made.without_token, made.openai.url, made.threshold) == ("cache", "https://api.openai.com/v1", 0.92)
    assert loaded(tmp_path, PROXY + 'tokens = [{ secret_file = "secret" }]').proxy.without_token == "bypass"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("nothing = 1", "proxy.nothing is no key"),
        ("threshold = 2", "proxy.threshold must be"),
        ("numbers_exact = 1", "proxy.numbers_exact must be true or false"),
        ('without_token = "maybe"', "must be one of refuse, bypass, cache"),
        ('without_token = "refuse"', "nobody could use this door"),
        ("fresh_seconds = 10\nmax_fresh_seconds = 5", "must not be less than fresh_seconds"),
        ("burst = 5", "proxy.burst needs requests_per_second"),
        ('token_issuer = "x"', "proxy.token_issuer needs tokens"),
        ("tokens = [{ }]", "proxy.tokens[0].secret_file or secret_environment"),
        ('tokens = [{ secret_file = "short" }]', "less than 32 bytes"),
        ('tokens = [{ secret = "x" }]', "proxy.tokens[0].secret is no key"),
        ('tokens = [{ algorithm = "RS256", secret_file = "secret" }]', "means nothing with RS256"),
        ('tokens = [{ algorithm = "RS256" }]', "must name the public key"),
        ('tokens = [{ algorithm = "ES256", public_key_file = "secret" }]', "no public key in PEM"),
        ('tokens = [{ algorithm = "none" }]', "must be one of HS256, RS256, ES256"),
        ('[proxy.openai]\nurl = "api.openai.com"', "proxy.openai.url must look like"),
        ('[proxy.openai]\napi_key_file = "secret"', "nobody could use"),
        ('[proxy.azure]\napi_key_file = "secret"', "proxy.azure.url must be given, like https://my-resource.openai.azure.com"),
        ('[proxy.azure]\nurl = "https://x"\napi_key_file = "secret"', "proxy.azure has an API key that nobody could use"),
        ('tool_calls = "exact"', "proxy.tool_calls must be true or false"),
        ("[proxy.openai]\napi_key_without_token = true", "needs api_key_file"),
        ('[proxy.anthropic]\nca_file = "nowhere"', "nowhere, which cannot be read"),
        ("[[proxy.prices]]\ninput = 1", "proxy.prices[0].model must be given"),
        ('[[proxy.prices]]\nmodel = "m"\n[[proxy.prices]]\nmodel = "m"', "each of them once"),
    ],
)
def test_what_the_proxy_cannot_be_is_named(tmp_path, more, says):
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, PROXY + more)
    assert says in str(raised.value)
    assert SECRET not in str(raised.value)


def test_tokens_of_another_audience_or_issuer(node, upstream, embedder, opened, tenant_of):
    more = 'token_audience = "here"\ntoken_issuer = "us"'
    door = opened(settings(node, upstream, embedder, more))
    for claims, status in (({"aud": "here", "iss": "us"}, 200), ({"aud": "there", "iss": "us"}, 401), ({"aud": "here"}, 401)):
        tenant = tenant_of(door.url, **claims)
        assert tenant.ask(QUESTION).status_code == status
