"""Each example as a process of its own, as its README says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from support.door import PATIENCE_SECONDS
from support.node import TREE, free_port

EXAMPLES = TREE / "examples"


@pytest.fixture
def environment(node):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FERROCACHE_", "OPENAI_"))}
    return {**kept, "FERROCACHE_URL": node.url}


def run(name, environment, *arguments):
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_openai_drop_in(environment):
    said = run("openai_drop_in.py", environment)
    assert [line[:4].strip() for line in said.splitlines()[:5]] == ["miss", "hit", "hit", "miss", "miss"]
    assert said.splitlines()[5] == "5 questions, 3 calls to the model"


def test_faq_assistant(environment):
    said = run("faq_assistant.py", environment)
    assert "loaded 60 questions on 12 topics" in said
    assert "within 30 days" in said
    assert said.count("(model)") == 1
    assert "like: How do I become an astronaut?" in said
    assert said.count("not among the questions I know") == 2
    assert "5 entries forgotten, 5 loaded" in said
    assert said.rstrip().endswith("within 60 days.")
    assert run("faq_assistant.py", environment, "When will I get my refund?").count("(model)") == 0


def test_langchain_rag(environment):
    said = run("langchain_rag.py", environment)
    assert [line.rpartition("(")[2] for line in said.splitlines() if line.startswith("!")] == [
        "from the model)", "from the cache)", "from the model)",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["faq_assistant.py", "langchain_rag.py"])
def test_without_a_node_an_example_says_what_to_do(environment, name):
    command = [sys.executable, EXAMPLES / name]
    lost = {**environment, "FERROCACHE_URL": f"http://127.0.0.1:{free_port()}"}
    done = subprocess.run(command, env=lost, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1
    assert "`make run` starts a node" in done.stderr
    assert "Traceback" not in done.stderr


def test_multi_tenant_service(environment):
    service = subprocess.Popen(
        [sys.executable, EXAMPLES / "multi_tenant_service.py", "--port", "0"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = service.stdout.readline().split()[-1]

        def call(method, path, tenant, body=None):
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(url + path, data, {"X-Tenant": tenant}, method=method)
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        def cached(tenant, question="How do I reset my password?"):
            status, body = call("POST", "/ask", tenant, {"question": question})
            assert status == 200
            assert body["answer"]
            return body["cached"]

        assert [cached("acme"), cached("acme"), cached("other")] == [False, True, False]
        assert cached("acme", "How can I reset my password?") is True
        assert call("DELETE", "/cache", "acme") == (200, {"deleted": 1})
        assert [cached("acme"), cached("other")] == [False, True]
        assert call("POST", "/ask", "NO!", {"question": "x"})[0] == 400
        for wrong in ({}, [], {"question": 7}):
            assert call("POST", "/ask", "acme", wrong) == (400, {"error": 'send {"question": "..."}'})
        assert call("POST", "/else", "acme", {})[0] == 404
    finally:
        service.terminate()
        service.wait(30)
        service.stdout.close()
        service.stderr.close()
