"""docs/clients/gateway.md: its commands and its program as a reader runs them, its tables against what they describe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ferrocache.gateway.config import load
from support.door import PATIENCE_SECONDS, embedding, plain_http
from support.pages import Page, shell
from support.proxy import SECRET, Tenant, ThreadDoor, token

PAGE = Page("docs/clients/gateway.md")
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
def opened(node, upstream, embedder, tmp_path):
    made = []

    def start(text, model=None):
        (tmp_path / "tokens.secret").write_text(SECRET)
        (tmp_path / "openai.key").write_text("the-gateway-s-key")
        made.append(ThreadDoor(tmp_path, with_here(text, node, upstream, model or embedding(embedder))))
        return made[-1]

    yield start
    assert [door.stop() for door in made] == [0] * len(made)


def test_the_program_of_the_page(opened, upstream, node, tmp_path):
    setup = PAGE.blocks("sh")[0].splitlines()
    assert setup[0].startswith("pip install")
    assert setup[-1] == "ferrocache-gateway --config gateway.toml"
    write, check = "\n".join(setup[1:-1]).replace("ferrocache-gateway", f"{sys.executable} -m ferrocache.gateway").splitlines()
    shell(write, tmp_path)
    written = (tmp_path / "gateway.toml").read_text()
    # What is checked is what the page says but for the model, of which only the other program is installed.
    (tmp_path / "gateway.toml").write_text(written + REAL)
    assert shell(check, tmp_path).splitlines() == [
        "proxy: all-MiniLM-L6-v2, threshold 0.92, https://api.openai.com/v1, https://api.anthropic.com/v1",
        "gateway.toml: ok",
    ]
    door = opened(written, REAL)
    (text,) = PAGE.blocks("python")
    environment = {**os.environ, "OPENAI_API_KEY": "k", "NO_PROXY": "*"}
    code = text.replace("http://localhost:8080", door.url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    assert (done.returncode, done.stdout) == (0, "MISS answer 1\nHIT_L2 answer 1\n"), done.stderr


def test_tokens_and_dependencies_of_the_page(opened, upstream):
    door = opened(PAGE.blocks("toml")[1])
    tenant = Tenant(door.url, "page")
    assert tenant.said("What is in it?", deps=[("doc:contract-123", "v1")])[0] == "MISS"
    assert upstream.headers[0]["authorization"] == "Bearer the-gateway-s-key"
    command, said = PAGE.blocks("sh")[1].split("# ", 1)
    command = command.replace("http://localhost:8080", door.url)
    environment = {**os.environ, "TOKEN": token("page"), "NO_PROXY": "*"}
    assert shell(command, environment=environment).strip() == said.strip()
    tenant.close()


def test_the_configuration_for_azure(tmp_path):
    (tmp_path / "gateway.toml").write_text(PAGE.blocks("toml")[0])
    assert load(tmp_path / "gateway.toml").proxy.azure.url == "https://my-resource.openai.azure.com"


def test_the_configuration_for_cachecore_s_client(opened, upstream):
    door = opened(PAGE.blocks("toml")[2])
    with plain_http() as http:
        answer = http.post(door.url + "/v1/chat/completions", json={"model": "m", "messages": []})
        assert answer.headers["X-Cache"] == "BYPASS"
        assert upstream.headers[0]["authorization"] == "Bearer the-gateway-s-key"
        assert http.post(door.url + "/v1/invalidate", json={"dep_id": "a"}).json()["ok"] is True


def test_the_table_names_every_metric(opened):
    PAGE.names_every_metric(opened("[proxy]\n"), "ferrocache_gateway_proxy_")


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("proxy", "[proxy]\nnothing = 1\n"),
        ("proxy.openai, proxy.anthropic and proxy.azure", "[proxy.openai]\nnothing = 1\n"),
        ("proxy.openai, proxy.anthropic and proxy.azure", "[proxy.anthropic]\nnothing = 1\n"),
        ("proxy.openai, proxy.anthropic and proxy.azure", '[proxy.azure]\nurl = "https://x"\nnothing = 1\n'),
        ("proxy.tokens", '[proxy]\ntokens = [{ algorithm = "RS256", public_key_file = "k", nothing = 1 }]\n'),
        ("proxy.prices", '[proxy]\nprices = [{ model = "m", nothing = 1 }]\n'),
    ],
)
def test_the_tables_name_every_key(heading, text, tmp_path):
    PAGE.names_every_key(heading, text, tmp_path)
