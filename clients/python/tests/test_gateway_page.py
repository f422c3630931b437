"""docs/clients/gateway.md: its commands and its program as a reader runs them, its tables against what they describe."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from ferrocache.gateway._table import ConfigError
from ferrocache.gateway.config import load
from support.door import PATIENCE_SECONDS, Embedder, embedding, plain_http
from support.node import TREE
from support.proxy import SECRET, Tenant, ThreadDoor, token

PAGE = (TREE / "docs/clients/gateway.md").read_text(encoding="utf-8")
# What the page leaves to its defaults and tests cannot: addresses, the model (the default one is another program with the same
# vectors, and where vectors are not the matter, one that tests choose), and time.
HERE = """
[server]
listen = "127.0.0.1:0"
[node]
addresses = ["{node}"]
timeout_seconds = 300
"""
PATIENT = "cache_timeout_seconds = 300\n"
REAL = 'embedding = { provider = "local" }'


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.M | re.S)


def with_here(text, node, upstream, model):
    text = text.replace("[proxy.openai]\n", "") if "[proxy.openai]" in text else text
    head, rest = text.split("[proxy]\n")[0], text.split("[proxy]\n")[1]
    keys, _, openai = rest.partition("api_key_file")
    openai = "api_key_file" + openai if openai else ""
    return (
        head
        + HERE.format(node=node.url)
        + "[proxy]\n"
        + keys
        + PATIENT
        + model
        + f'\n[proxy.openai]\nurl = "{upstream.url}/v1"\n'
        + openai
    )


@pytest.fixture
def opened(node, upstream, tmp_path):
    made, embedder = [], Embedder()

    def start(text, model=None):
        (tmp_path / "tokens.secret").write_text(SECRET)
        (tmp_path / "openai.key").write_text("the-gateway-s-key")
        made.append(ThreadDoor(tmp_path, with_here(text, node, upstream, model or embedding(embedder))))
        return made[-1]

    yield start
    embedder.close()
    assert [door.stop() for door in made] == [0] * len(made)


def test_the_program_of_the_page(opened, upstream, node, tmp_path):
    setup = blocks("sh")[0].splitlines()
    assert setup[0].startswith("pip install")
    assert setup[-1] == "ferrocache-gateway --config gateway.toml"
    script = "\n".join(setup[1:-1]).replace("ferrocache-gateway", f"{sys.executable} -m ferrocache.gateway")
    done = subprocess.run(
        ["sh", "-ec", script.splitlines()[0]], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "gateway.toml").read_text()
    # What is checked is what the page says but for the model, of which only the other program is installed.
    (tmp_path / "gateway.toml").write_text(written + REAL)
    done = subprocess.run(
        ["sh", "-ec", script.splitlines()[1]], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.stdout.splitlines() == [
        "proxy: all-MiniLM-L6-v2, threshold 0.92, https://api.openai.com/v1, https://api.anthropic.com/v1",
        "gateway.toml: ok",
    ], done.stderr
    door = opened(written, REAL)
    (text,) = blocks("python")
    environment = {**os.environ, "OPENAI_API_KEY": "k", "NO_PROXY": "*"}
    code = text.replace("http://localhost:8080", door.url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    assert (done.returncode, done.stdout) == (0, "MISS answer 1\nHIT_L2 answer 1\n"), done.stderr


def test_tokens_and_dependencies_of_the_page(opened, upstream):
    door = opened(blocks("toml")[0])
    tenant = Tenant(door.url, "page")
    assert tenant.said("What is in it?", deps=[("doc:contract-123", "v1")])[0] == "MISS"
    assert upstream.headers[0]["authorization"] == "Bearer the-gateway-s-key"
    command, said = blocks("sh")[1].split("# ", 1)
    command = command.replace("http://localhost:8080", door.url)
    environment = {**os.environ, "TOKEN": token("page"), "NO_PROXY": "*"}
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    assert done.stdout.strip() == said.strip(), done.stderr
    tenant.close()


def test_the_configuration_for_cachecore_s_client(opened, upstream):
    door = opened(blocks("toml")[1])
    with plain_http() as http:
        answer = http.post(door.url + "/v1/chat/completions", json={"model": "m", "messages": []})
        assert answer.headers["X-Cache"] == "BYPASS"
        assert upstream.headers[0]["authorization"] == "Bearer the-gateway-s-key"
        assert http.post(door.url + "/v1/invalidate", json={"dep_id": "a"}).json()["ok"] is True


def test_the_table_names_every_metric(opened):
    door = opened("[proxy]\n")
    with plain_http() as http:
        text = http.get(door.url + "/metrics").text
    types = dict(re.findall(r"^# TYPE (ferrocache_gateway_proxy_\w+) (counter|gauge|histogram)$", text, flags=re.M))
    made = {name for name in types if not name.endswith("_created")}
    assert set(re.findall(r"^\| `(ferrocache_gateway_proxy_\w+)`", PAGE, flags=re.M)) == made


def keys_of(heading):
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n#")[0]
    return [key for row in re.findall(r"^\| (`.*?) \|", section, flags=re.M) for key in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("proxy", "[proxy]\nnothing = 1\n"),
        ("proxy.openai and proxy.anthropic", "[proxy.openai]\nnothing = 1\n"),
        ("proxy.openai and proxy.anthropic", "[proxy.anthropic]\nnothing = 1\n"),
        ("proxy.tokens", '[proxy]\ntokens = [{ algorithm = "RS256", public_key_file = "k", nothing = 1 }]\n'),
        ("proxy.prices", '[proxy]\nprices = [{ model = "m", nothing = 1 }]\n'),
    ],
)
def test_the_tables_name_every_key(heading, text, tmp_path):
    (tmp_path / "k").write_text("key")
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(ConfigError, match="nothing is no key; known here are") as raised:
        load(tmp_path / "gateway.toml")
    known = str(raised.value).partition("known here are ")[2].split(", ")
    assert sorted(keys_of(heading)) == sorted(known)
