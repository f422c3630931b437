"""docs/clients/langcache.md: its commands and its programs as a reader runs them, its tables against what they describe."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from ferrocache.gateway._table import ConfigError
from ferrocache.gateway.config import load
from support.door import PATIENCE_SECONDS, Door, plain_http
from support.node import TREE

PAGE = (TREE / "docs/clients/langcache.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.M | re.S)


@pytest.fixture(scope="module")
def door(node, tmp_path_factory):
    """What the page's commands start. Not run: the installation, which the tests have behind them. Changed: addresses, since
    node and door have ports of their own here, and the model, to the one that is installed and computes the same vectors."""
    folder = tmp_path_factory.mktemp("page")
    settings = blocks("toml")[0].replace("http://localhost:3000", node.url)
    (folder / "gateway.toml").write_text(settings.replace('provider = "sentence-transformers"', 'provider = "local"'))
    setup = blocks("sh")[0] + blocks("sh")[1]
    lines = [line for line in setup.splitlines() if not line.startswith("pip ")]
    assert lines[-1] == "ferrocache-gateway --config gateway.toml"
    script = "\n".join(lines[:-1]).replace("ferrocache-gateway", f"{sys.executable} -m ferrocache.gateway")
    done = subprocess.run(["sh", "-ec", script], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["cache support: all-MiniLM-L6-v2, threshold 0.8 (cosine)", "gateway.toml: ok"]
    written = (folder / "gateway.toml").read_text()
    made = Door(folder, '[server]\nlisten = "127.0.0.1:0"\n' + written).start()
    yield made
    assert made.stop() == 0


def test_the_programs_of_the_page(door):
    (text,) = blocks("python")
    code = text.replace("http://localhost:8080", door.url)
    code = code.replace('-key") as', f'-key", timeout_ms={1000 * PATIENCE_SECONDS}) as')
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert (done.returncode, done.stdout) == (0, "Settings, Security, Reset. semantic\n"), done.stderr
    command, said = blocks("sh")[2].split("# ", 1)
    command = command.replace("http://localhost:8080", door.url)
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["data"]
    (told,) = json.loads(said.replace("0.9…", "0.9"))["data"]
    assert 0.9 <= entry["similarity"] < 1
    assert {**entry, "id": "…", "similarity": 0.9} == told


def test_the_table_names_every_metric(door):
    with plain_http() as http:
        text = http.get(door.url + "/metrics").text
    types = dict(re.findall(r"^# TYPE (ferrocache_gateway_\w+) (counter|gauge|histogram)$", text, flags=re.M))
    made = {name for name in types if not name.endswith("_created")}
    assert set(re.findall(r"^\| `(ferrocache_gateway_\w+)`", PAGE, flags=re.M)) == made


def keys_of(heading):
    """Of the table under a heading, as the page names them."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n#")[0]
    return [key for row in re.findall(r"^\| (`.*?) \|", section, flags=re.M) for key in re.findall(r"`(\w+)`", row)]


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
    (tmp_path / "k").write_text("key")
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(ConfigError, match="nothing is no key; known here are") as raised:
        load(tmp_path / "gateway.toml")
    known = str(raised.value).partition("known here are ")[2].split(", ")
    assert sorted(keys_of(heading)) == sorted(known)


def test_the_program_is_installed():
    program = shutil.which("ferrocache-gateway", path=os.path.dirname(sys.executable))
    assert program is not None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0
    assert done.stdout.startswith("ferrocache-gateway ")
