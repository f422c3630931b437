"""CacheCore's own Python client, unchanged, against the proxy."""

from __future__ import annotations

import asyncio
import base64
import json

import cachecore
import httpx
import openai
import pytest

from support.door import PATIENCE_SECONDS
from support.proxy import BYPASS, HIT, MISS, QUESTION, ThreadDoor, deps_header, settings, token

SETTINGS = """
without_token_requests_per_second = 0
invalidate_without_token = true
"""


@pytest.fixture
def door(node, upstream, embedder, tmp_path):
    (tmp_path / "provider.key").write_text("the-gateway-s-key\n")
    own_key = 'api_key_file = "provider.key"\napi_key_without_token = true'
    made = ThreadDoor(tmp_path, settings(node, upstream, embedder, SETTINGS, own_key))
    yield made
    made.stop()


def test_cachecore_s_client_unchanged(door, upstream, request):
    async def course():
        async with cachecore.CacheCoreClient(door.url, token(request.node.name), timeout=PATIENCE_SECONDS) as cc:
            http = httpx.AsyncClient(transport=cc.transport, timeout=PATIENCE_SECONDS)
            oai = openai.AsyncOpenAI(api_key="ignored", base_url=door.url + "/v1", http_client=http, max_retries=0)

            async def ask():
                answer = await oai.chat.completions.with_raw_response.create(
                    model="m", messages=[{"role": "user", "content": QUESTION}]
                )
                return cachecore.CacheStatus.from_headers(answer.headers), answer.parse().choices[0].message.content

            dep = cachecore.Dep("table:products of " + request.node.name)
            seen = []
            with cc.request_context(deps=[dep]):
                seen += [await ask(), await ask()]
            with cc.request_context(bypass=True):
                seen.append(await ask())
            assert (await cc.invalidate(dep.dep_id)).ok
            with cc.request_context(deps=[dep]):
                seen += [await ask(), await ask()]
            await oai.close()
            return seen

    seen = asyncio.run(course())
    assert [(status.status, said) for status, said in seen] == [
        (MISS, "answer 1"), (HIT, "answer 1"), (BYPASS, "answer 2"), (MISS, "answer 3"), (HIT, "answer 3"),
    ]  # fmt: skip
    assert [status.similarity for status, _ in seen] == [0.0, 1.0, 0.0, 0.0, 1.0]
    assert {heard["authorization"] for heard in upstream.headers} == {"Bearer the-gateway-s-key"}


def test_deps_header_of_these_tests_is_that_of_the_client():
    from cachecore._context import _encode_deps

    assert deps_header(("doc:1", "v1")).encode() == base64.urlsafe_b64encode(
        json.dumps([{"dep_id": "doc:1", "expected_hash": "v1"}]).encode()
    ).rstrip(b"=")
    assert json.loads(base64.urlsafe_b64decode(_encode_deps([cachecore.Dep("doc:1")]) + "==")) == [
        {"dep_id": "doc:1", "expected_hash": "v1"}
    ]
