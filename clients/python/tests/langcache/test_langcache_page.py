"""docs/clients/langcache.md: its commands and its programs as a reader runs them, its tables against what they describe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from support.door import PATIENCE_SECONDS, Door
from support.pages import Page, shell

PAGE = Page("docs/clients/langcache.md")


@pytest.fixture(scope="module")
def door(node, tmp_path_factory):
    """What the page's commands start. Not run: the installation, which the tests have behind them. Changed: addresses, since
    node and door have ports of their own here, and the model, to the one that is installed and computes the same vectors."""
    folder = tmp_path_factory.mktemp("page")
    settings = PAGE.blocks("toml")[0].replace("http://localhost:3000", node.url)
    (folder / "gateway.toml").write_text(settings.replace('provider = "sentence-transformers"', 'provider = "local"'))
    setup = PAGE.blocks("sh")[0] + PAGE.blocks("sh")[1]
    lines = [line for line in setup.splitlines() if not line.startswith("pip ")]
    assert lines[-1] == "ferrocache-gateway --config gateway.toml"
    script = "\n".join(lines[:-1]).replace("ferrocache-gateway", f"{sys.executable} -m ferrocache.gateway")
    assert shell(script, folder).splitlines() == ["cache support: all-MiniLM-L6-v2, threshold 0.8 (cosine)", "gateway.toml: ok"]
    written = (folder / "gateway.toml").read_text()
    made = Door(folder, '[server]\nlisten = "127.0.0.1:0"\n' + written).start()
    yield made
    assert made.stop() == 0


def test_the_programs_of_the_page(door):
    (text,) = PAGE.blocks("python")
    code = text.replace("http://localhost:8080", door.url)
    code = code.replace('-key") as', f'-key", timeout_ms={1000 * PATIENCE_SECONDS}) as')
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert (done.returncode, done.stdout) == (0, "Settings, Security, Reset. semantic\n"), done.stderr
    command, said = PAGE.blocks("sh")[2].split("# ", 1)
    (entry,) = json.loads(shell(command.replace("http://localhost:8080", door.url)))["data"]
    (told,) = json.loads(said.replace("0.9…", "0.9"))["data"]
    assert 0.9 <= entry["similarity"] < 1
    assert {**entry, "id": "…", "similarity": 0.9} == told


def test_the_table_names_every_metric(door):
    PAGE.names_every_metric(door, "ferrocache_gateway_")


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("server", "[server]\nnothing = 1\n"),
        ("node", "[node]\nnothing = 1\n"),
        ("caches", '[[caches]]\nid = "c"\napi_keys = [{ file = "k" }]\nnothing = 1\n'),
        ("caches.embedding", '[[caches]]\nid = "c"\napi_keys = [{ file = "k" }]\nembedding = { nothing = 1 }\n'),
    ],
)
def test_the_tables_name_every_key(heading, text, tmp_path):
    PAGE.names_every_key(heading, text, tmp_path)


def test_the_program_is_installed():
    program = shutil.which("ferrocache-gateway", path=os.path.dirname(sys.executable))
    assert program is not None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0
    assert done.stdout.startswith("ferrocache-gateway ")
