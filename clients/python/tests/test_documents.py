"""Every Python snippet of the documents is run, a page's in their order, as a reader would: against a node and an upstream."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from support.door import PATIENCE_SECONDS
from support.node import TREE
from support.upstream import Reply

ELSEWHERE = ["docs/clients/gateway.md", "docs/clients/langcache.md"]  # run by tests of their own, with a door
PAGES = ["clients/python/README.md", "docs/clients/python.md", "docs/moving.md", "docs/quickstart.md"]
INNER = """
from tests_inner import Inner
inner = Inner(url={url!r})
"""


def snippets(page):
    return re.findall(r"^```python\n(.*?)^```$", (TREE / page).read_text(encoding="utf-8"), flags=re.M | re.S)


def test_the_pages_have_snippets():
    assert [page for page in PAGES if not snippets(page)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_runs(page, nodes, upstream, tmp_path):
    """The pages say port 3000; the node of this test has another, which is put in its place."""
    node = nodes.start()
    upstream.reply = lambda body, number: Reply(f"answer {number}")
    (tmp_path / "tests_inner.py").write_text((TREE / "clients/python/tests/test_llamaindex.py").read_text(encoding="utf-8"))
    code = []
    for text in snippets(page):
        if "FerrocacheLLM(inner" in text:  # the page says that inner is any LLM
            code.append(INNER.format(url=upstream.url))
        code.append(text)
    program = "\n".join(code).replace("http://localhost:3000", node.url)
    (tmp_path / "page.py").write_text(program, encoding="utf-8")
    environment = {
        **os.environ,
        "FERROCACHE_URL": node.url,
        "OPENAI_BASE_URL": upstream.url + "/v1",
        "OPENAI_API_KEY": "k",
        "ANTHROPIC_BASE_URL": upstream.url,
        "ANTHROPIC_API_KEY": "k",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(TREE / "clients/python/tests")]),
    }
    command = [sys.executable, "page.py"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    if page == "clients/python/README.md":
        said = done.stdout.splitlines()
        assert said[:2] == ["False answer 1", "True answer 1"]
        assert said[2].startswith("True Thirty days. 0.99")
    if page == "docs/quickstart.md":
        assert done.stdout.splitlines() == ["False answer 1", "True answer 1"]


def test_no_page_has_python_that_nobody_runs():
    pages = [*TREE.glob("*.md"), *TREE.glob("docs/**/*.md"), *TREE.glob("examples/*.md"), *TREE.glob("clients/python/*.md")]
    with_python = {path.relative_to(TREE).as_posix() for path in pages if "```python" in path.read_text(encoding="utf-8")}
    assert with_python == {*PAGES, *ELSEWHERE}


def test_the_threshold_table_is_what_the_sample_gives():
    import numpy

    rows = [json.loads(line) for line in (TREE / "samples/questions.jsonl").read_text(encoding="utf-8").splitlines()]
    vectors = numpy.fromfile(TREE / "samples/questions.f32", "<f4").reshape(len(rows), 384)
    alike = vectors @ vectors.T
    numpy.fill_diagonal(alike, -1)
    nearest, best = alike.argmax(1), alike.max(1)
    labels = numpy.array([row["label"] for row in rows])
    right = labels[nearest] == labels
    text = (TREE / "docs/clients/python.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (0\.\d\d) \| ([\d.]+) % \| ([\d.]+) % \|$", text, flags=re.M)
    assert len(table) >= 5
    for threshold, hits, good in table:
        found = best >= float(threshold)
        assert f"{100 * found.mean():.1f}" == hits
        assert f"{100 * right[found].mean():.1f}" == good


def test_the_settings_of_the_readme_are_those_of_the_node_s_documentation():
    """What clients read must not stop a node that is started in the same environment."""
    named = set(re.findall(r"`(FERROCACHE_[A-Z_]+)`", (TREE / "clients/python/README.md").read_text(encoding="utf-8")))
    allowed = (TREE / "docs/configuration.md").read_text(encoding="utf-8")
    assert named == {"FERROCACHE_URL", "FERROCACHE_THRESHOLD", "FERROCACHE_AUTH_TOKEN", "FERROCACHE_EMBED_MODEL"}
    assert all(name in allowed for name in named)
