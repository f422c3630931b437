"""The MCP server as a process of its own, spoken to with the official SDK's client over standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
import pytest_asyncio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from support.door import PATIENCE_SECONDS
from support.node import free_port

QUESTION = "How do I reset my password?"


@contextlib.asynccontextmanager
async def session(url, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FERROCACHE_")}
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ferrocache.mcp_server"],
        env={**kept, "FERROCACHE_URL": url, **environment},
    )
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as made:
        made.greeting = await made.initialize()
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(node):
    """One server for all tests that do it no harm. A task of its own opens and closes it, as the SDK wants it."""
    opened, done = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def hold():
        try:
            async with session(node.url) as made:
                opened.set_result(made)
                await done.wait()
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise

    holding = asyncio.create_task(hold())
    yield await opened
    done.set()
    await holding


async def call(made, name, **arguments):
    result = await made.call_tool(name, arguments)
    return json.loads(result.content[0].text)


@pytest.mark.asyncio(loop_scope="module")
async def test_lookup_and_store(shared):
    made = shared
    assert getattr(made.greeting, "server_info", None).name == "ferrocache"
    tools = {tool.name: tool for tool in (await made.list_tools()).tools}
    assert set(tools) == {"semantic_cache_lookup", "semantic_cache_store", "cache_status"}
    schema = tools["semantic_cache_lookup"].input_schema
    assert set(schema["properties"]) == {"query_text", "threshold", "cache_scope", "conversation_id"}
    assert schema["required"] == ["query_text"]
    schema = tools["semantic_cache_store"].input_schema
    assert set(schema["properties"]) == {"query_text", "response", "cache_scope", "conversation_id"}
    assert schema["required"] == ["query_text", "response"]
    assert tools["cache_status"].input_schema["properties"] == {}

    scope = {"cache_scope": "mcp"}
    assert await call(made, "semantic_cache_lookup", query_text=QUESTION, **scope) == {"hit": False}
    stored = await call(made, "semantic_cache_store", query_text=QUESTION, response="Settings, Security.", **scope)
    assert stored["status"] == "ok"
    near = await call(made, "semantic_cache_lookup", query_text="How can I reset my password?", **scope)
    assert near["hit"] is True
    assert near["response"] == "Settings, Security."
    assert near["similarity"] > 0.92
    strict = await call(made, "semantic_cache_lookup", query_text="How can I reset my password?", threshold=0.999, **scope)
    assert strict == {"hit": False}
    assert await call(made, "semantic_cache_lookup", query_text=QUESTION, cache_scope="other") == {"hit": False}
    inside = {"cache_scope": "mcp", "conversation_id": "7"}
    await call(made, "semantic_cache_store", query_text=QUESTION, response="in 7", **inside)
    assert (await call(made, "semantic_cache_lookup", query_text=QUESTION, **inside))["response"] == "in 7"

    status = await call(made, "cache_status")
    assert status["status"] == "ok"
    assert status["health"]["entry_count"] >= 2
    assert status["stats"]["counters"]["queries"] >= 5
    assert status["embed_model"] == "all-MiniLM-L6-v2"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_other_programs_stored_is_found(shared, client):
    from ferrocache.embeddings import embedder

    embed = embedder()
    client.insert(embed(QUESTION), "by hand", QUESTION, "all-MiniLM-L6-v2::384", cache_scope="mcp-shared")
    found = await call(shared, "semantic_cache_lookup", query_text=QUESTION, cache_scope="mcp-shared")
    assert found["response"] == "by hand"


@pytest.mark.asyncio(loop_scope="module")
async def test_material_must_be_equal(shared):
    made = shared
    document = "\n\n".join(f"Section {n}: open from nine to five, parcels to Europe." for n in range(30))
    scope = {"cache_scope": "mcp-material"}
    await call(made, "semantic_cache_store", query_text=f"{document}\n\nWhen do you open?", response="nine", **scope)
    for text, hit in (("When do you open?", True), ("Where do you ship to?", False)):
        assert (await call(made, "semantic_cache_lookup", query_text=f"{document}\n\n{text}", **scope))["hit"] is hit
    await call(made, "semantic_cache_store", query_text=document, response="the whole", **scope)
    assert (await call(made, "semantic_cache_lookup", query_text=document, **scope))["response"] == "the whole"
    assert (await call(made, "semantic_cache_lookup", query_text=document + " ", **scope))["hit"] is True
    assert (await call(made, "semantic_cache_lookup", query_text=document + "!", **scope))["hit"] is False


@pytest.mark.asyncio(loop_scope="module")
async def test_an_empty_answer_is_not_stored(shared):
    scope = {"cache_scope": "mcp-empty"}
    stored = await call(shared, "semantic_cache_store", query_text=QUESTION, response=" ", **scope)
    assert stored == {"error": "response must not be empty"}
    assert await call(shared, "semantic_cache_lookup", query_text=QUESTION, **scope) == {"hit": False}


@pytest.mark.parametrize("case", ["refused", "bad model", "bad token"])
async def test_failures_are_results(case, nodes):
    if case == "refused":
        url, environment = f"http://127.0.0.1:{free_port()}", {}
    elif case == "bad model":
        url, environment = "http://127.0.0.1:1", {"FERROCACHE_EMBED_MODEL": "nobody:model"}
    else:
        url, environment = nodes.start(environment={"FERROCACHE_AUTH_TOKEN": "right"}).url, {"FERROCACHE_AUTH_TOKEN": "wrong"}
    async with session(url, **environment) as made:
        answers = [
            await call(made, "semantic_cache_lookup", query_text=QUESTION),
            await call(made, "semantic_cache_store", query_text=QUESTION, response="r"),
            await call(made, "cache_status"),
            await call(made, "semantic_cache_lookup", query_text="  "),
        ]
        for answer in answers:
            assert set(answer) == {"error"}
            assert answer["error"]
            assert "wrong" not in answer["error"]


def test_an_interrupt_ends_it_though_standard_input_stays_open(node):
    """The SDK would wait for one more line: at a terminal, Ctrl-C would do nothing."""
    first = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    greeting = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": first}
    command = [sys.executable, "-m", "ferrocache.mcp_server"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env={**os.environ, "FERROCACHE_URL": node.url}, **pipes) as server:
        server.stdin.write(json.dumps(greeting).encode() + b"\n")
        server.stdin.flush()
        assert b"serverInfo" in server.stdout.readline()  # it reads standard input from now on
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE_SECONDS) == -signal.SIGINT
        assert b"Traceback" not in server.stderr.read()


@pytest.mark.parametrize(("argument", "status", "says"), [("--help", 0, "FERROCACHE_URL"), ("--port=3", 2, "unrecognized")])
def test_its_arguments(argument, status, says):
    """Whoever asks for help is not left with a server that waits in silence."""
    command = [sys.executable, "-m", "ferrocache.mcp_server", argument]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert (done.returncode, says in done.stdout + done.stderr) == (status, True)
