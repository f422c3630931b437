"""Azure's paths: its clients as they are made for it, with a door's address."""

from __future__ import annotations

import asyncio

import openai
import pytest

from support.door import PATIENCE_SECONDS, plain_http
from support.proxy import BYPASS, HIT, MISS, NEAR, PARAPHRASE, QUESTION, SECRET, ThreadDoor, metrics, settings, token

VERSION = "2024-10-21"


@pytest.fixture(scope="module")
def door(node, provider, embedder, tmp_path_factory):
    made = ThreadDoor(tmp_path_factory.mktemp("azure"), settings(node, provider, embedder))
    yield made
    made.stop()


@pytest.fixture
def client(door, request, upstream):
    made = openai.AzureOpenAI(
        azure_endpoint=door.url, api_key="azure-key", api_version=VERSION, max_retries=0, timeout=PATIENCE_SECONDS,
        default_headers={"X-Cachecore-Token": token(request.node.name)},
    )  # fmt: skip
    yield made
    made.close()


def asked(client, question=QUESTION, model="gpt-4o", **more):
    messages = [{"role": "user", "content": question}]
    answer = client.chat.completions.with_raw_response.create(model=model, messages=messages, **more)
    said = answer.parse()
    if more.get("stream"):
        text = "".join(chunk.choices[0].delta.content or "" for chunk in said if chunk.choices)
    else:
        text = said.choices[0].message.content
    return answer.headers["X-Cache"], text.strip()


def test_azure_s_client_is_cached(client, upstream, door, request):
    for stream in (False, True):
        assert asked(client, stream=stream) == (HIT if stream else MISS, "answer 1")
    assert asked(client, PARAPHRASE) == (NEAR, "answer 1")
    assert upstream.paths == ["/openai/deployments/gpt-4o/chat/completions"]
    assert upstream.headers[0]["api-key"] == "azure-key"
    assert asked(client, model="gpt 4o-mini") == (MISS, "answer 2")  # another deployment
    assert upstream.paths[-1] == "/openai/deployments/gpt%204o-mini/chat/completions"
    assert asked(client.copy(api_version="2025-01-01")) == (MISS, "answer 3")  # another version
    counted = f'outcomes_total{{model="gpt-4o",outcome="hit_exact",tenant="{request.node.name}"}} 1.0'
    assert counted in metrics(door)


def test_the_responses_and_the_newer_paths_of_azure(client, upstream, door, request):
    def response(made):
        return made.responses.with_raw_response.create(model="gpt-4o", input=QUESTION).headers["X-Cache"]

    assert [response(client), response(client)] == [MISS, HIT]
    assert upstream.paths == ["/openai/responses"]
    headers = {"X-Cachecore-Token": token(request.node.name)}
    newer = openai.OpenAI(base_url=door.url + "/openai/v1/", api_key="azure-key", default_headers=headers, max_retries=0)
    with newer:
        assert [asked(newer)[0], asked(newer)[0], response(newer)] == [MISS, HIT, MISS]
        assert [model.id for model in newer.models.list().data] == ["m"]
    assert upstream.paths[1:] == ["/openai/v1/chat/completions", "/openai/v1/responses", "/openai/v1/models"]
    assert client.embeddings.create(model="e", input="four", encoding_format="float").data[0].embedding == [1.0, 4.0, 0.5]
    assert upstream.paths[-1] == "/openai/deployments/e/embeddings"


def test_openai_s_answers_are_not_azure_s(client, upstream, door, request):
    with openai.OpenAI(
        base_url=door.url + "/v1", api_key="k", default_headers={"X-Cachecore-Token": token(request.node.name)}, max_retries=0
    ) as other:
        assert [asked(client)[0], asked(other)[0], asked(client)[0], asked(other)[0]] == [MISS, MISS, HIT, HIT]


def test_a_body_without_a_model_is_told_by_its_deployment(upstream, door, request):
    headers = {"X-Cachecore-Token": token(request.node.name), "api-key": "azure-key"}
    body = {"messages": [{"role": "user", "content": QUESTION}]}

    def at(deployment):
        path = f"/openai/deployments/{deployment}/chat/completions?api-version={VERSION}"
        return http.post(door.url + path, json=body, headers=headers).headers["X-Cache"]

    upstream.reply = with_model(upstream.reply)
    with plain_http() as http:
        assert [at("one"), at("one"), at("other")] == [MISS, HIT, MISS]
    assert f'outcomes_total{{model="one",outcome="miss",tenant="{request.node.name}"}} 1.0' in metrics(door)


def with_model(reply):
    """The answers of these tests name the model that was asked for."""

    def made(body, number):
        body.setdefault("model", "a-model")
        return reply(body, number)

    return made


def test_the_token_may_be_azure_s_key(node, upstream, embedder, tmp_path):
    """As `api_key`, or from a directory as `Authorization`; the gateway's own key goes to the provider."""
    (tmp_path / "azure.key").write_text("the-gateway-s-key\n")
    door = ThreadDoor(tmp_path, settings(node, upstream, embedder, "", 'api_key_file = "azure.key"'))
    live = f"cc_live_1.{token('keys')}"

    async def directory_token():
        return live

    async def ask(**key):
        options = {"azure_endpoint": door.url, "api_version": VERSION, "max_retries": 0, "timeout": PATIENCE_SECONDS}
        async with openai.AsyncAzureOpenAI(**options, **key) as made:
            await made.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])

    for key in ({"api_key": live}, {"azure_ad_token_provider": directory_token}):
        asyncio.run(ask(**key))
    assert len(upstream.calls) == 1
    assert upstream.headers[0]["api-key"] == "the-gateway-s-key"
    assert not {"authorization", "x-api-key"} & set(upstream.headers[0])
    door.stop()


def test_without_tokens_each_key_of_azure_has_a_cache_of_its_own(node, upstream, embedder, tmp_path):
    door = ThreadDoor(tmp_path, settings(node, upstream, embedder).replace('tokens = [{ secret_file = "secret" }]\n', ""))
    path = f"{door.url}/openai/deployments/no-tokens/chat/completions?api-version={VERSION}"
    body = {"model": "no-tokens", "messages": [{"role": "user", "content": QUESTION}]}
    with plain_http() as http:
        seen = [http.post(path, json=body, headers={"api-key": key}).headers["X-Cache"] for key in ("one", "one", "two", "two")]
    assert seen == [MISS, HIT, MISS, HIT]
    door.stop()


def test_paths_that_are_none_of_azure_s(door, upstream):
    with plain_http(headers={"X-Cachecore-Token": token("paths")}) as http:
        for path in (
            "/openai", "/openai/deployments/m", "/openai/deployments//chat/completions", "/openai/deployments/m/audio/speech",
            "/openai/v2/chat/completions", "/openai/messages", "/v1/openai/chat/completions", "/openai/v1/invalidate",
        ):  # fmt: skip
            answer = http.post(door.url + path, json={"model": "m", "messages": []})
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
    assert upstream.calls == []


def test_without_its_address_there_is_no_azure(node, upstream, embedder, tmp_path):
    text = settings(node, upstream, embedder)
    door = ThreadDoor(tmp_path, text[: text.index("[proxy.azure]")])
    with plain_http(headers={"X-Cachecore-Token": token("none", SECRET)}) as http:
        answer = http.post(door.url + "/openai/deployments/m/chat/completions", json={})
        assert answer.status_code == 404
        assert "proxy.azure.url" in answer.json()["error"]["message"]
        assert http.post(door.url + "/v1/embeddings", json={"input": "x"}).headers["X-Cache"] == BYPASS
    door.stop()
