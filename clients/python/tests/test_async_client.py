"""The async client has all that the sync one has, and gives the same answers."""

from __future__ import annotations

import inspect

import pytest

from ferrocache import AsyncFerrocacheClient, FerrocacheClient, FerrocacheError

A, B, C = [1.0, 0.0, 0.0, 0.0], [0.9, 0.1, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]


def test_the_same_methods_with_the_same_parameters():
    def public(kind):
        return {name: method for name, method in vars(kind).items() if callable(method) and not name.startswith("_")}

    sync, asynchronous = public(FerrocacheClient), public(AsyncFerrocacheClient)
    assert set(asynchronous) == set(sync) | {"aclose"}
    for name, method in sync.items():
        other = asynchronous[name]
        assert list(inspect.signature(method).parameters.items()) == list(inspect.signature(other).parameters.items()), name
        assert inspect.iscoroutinefunction(other) or inspect.isasyncgenfunction(other), name
    assert inspect.signature(FerrocacheClient) == inspect.signature(AsyncFerrocacheClient)


async def test_every_method(node, model):
    async with AsyncFerrocacheClient(node.url) as client:
        stored = await client.insert(A, "r", "q", model, id="one", tags=["t"], attributes={"k": "v"}, cost=2)
        assert stored == {"id": "one", "status": "ok"}
        assert (await client.query(B, model_id=model, attributes={"k": "v"}, top_k=2))["matches"][0]["id"] == "one"
        with pytest.raises(ValueError, match="model_id"):
            await client.query(A)
        assert (await client.get_entry("one", model_id=model, vector=True))["embedding"] == A
        assert (await client.internal_entry("one"))["response"] == "r"
        assert len(await client.insert_batch([{"embedding": C, "response": "c", "query_text": "", "model_id": model}])) == 1
        assert [found["hit"] for found in await client.query_batch([{"embedding": C, "model_id": model}])] == [True]
        assert (await client.invalidate(A, 0.9, model, dry_run=True))["uuids"] == ["one"]
        assert (await client.invalidate_matching(tags=["t"], attributes={"k": "v"}, dry_run=True))["deleted_count"] == 1
        assert (await client.namespaces(model))["namespaces"][0]["entry_count"] == 2
        assert [space["name"] async for space in client.iter_namespaces(model, page_size=1)] == [model]
        assert (await client.delete_entry("one"))["deleted"] is True
        assert (await client.delete_entry("one"))["deleted"] is False
        with pytest.raises(ValueError, match="uuid"):
            await client.delete_entry("")
        assert (await client.drop_namespace(model))["deleted_count"] == 1
        assert (await client.health())["status"] == "ok"
        assert await client.ready() is True
        assert await client.readiness() == {"status": "ready"}
        assert "counters" in await client.stats()
        assert (await client.cluster_status())["mode"] == "single"
        assert "namespaces" in await client.entry_stats()
        assert (await client.compact())["status"] == "ok"
        assert "ferrocache_" in await client.metrics()
        assert (await client.openapi())["openapi"].startswith("3.1")
        for drain in (client.drain, client.cancel_drain):
            with pytest.raises(FerrocacheError) as raised:
                await drain()
            assert raised.value.status == 409


async def test_a_call_after_close_opens_anew(node):
    client = AsyncFerrocacheClient(node.url)
    await client.health()
    await client.aclose()
    assert (await client.health())["status"] == "ok"
    await client.close()
