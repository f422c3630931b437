"""The LangCache door that many tests share: its configuration, its keys, and what each of its errors looks like."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from support.door import PATIENCE_SECONDS, embedding

KEYS = {"support": "support-key", "plain": "plain-key", "half": "half-key", "team/a": "slash-key", "team": "team-key"}


def hashed(key):
    return hashlib.sha256(key.encode()).hexdigest()


def configuration(node_url, embedder):
    made = embedding(embedder)
    return f"""
[server]
listen = "127.0.0.1:0"
base_path = "/behind/a-proxy"
max_body_bytes = 100000
log_level = "debug"

[node]
addresses = ["{node_url}"]
timeout_seconds = {PATIENCE_SECONDS}

[[caches]]
id = "support"
attributes = ["lang", "tier", "a-b_1", "llm_string", "fifth", "sixth"]
api_keys = [{{ file = "support.key" }}]
{made}

[[caches]]
id = "plain"
prompt_max_characters = 40
api_keys = [{{ environment = "PLAIN_KEY" }}]
{made}

[[caches]]
id = "half"
threshold = 0.9
threshold_scale = "normalised"
default_ttl_seconds = 3600
attributes = ["long", "more"]
attribute_max_characters = 15000
api_keys = [{{ sha256 = "{hashed("half-key")}" }}]
{made}

[[caches]]
id = "team/a"
api_keys = [{{ sha256 = "{hashed("slash-key")}" }}, {{ file = "support.key" }}]
{made}

[[caches]]
id = "team"
api_keys = [{{ sha256 = "{hashed("team-key")}" }}]
requests_per_second = 0.001
burst = 3
{made}
"""


def problem(answer, status, kind, says=""):
    """The body of an error, after everything that holds for each of them was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) - {"fields"} == {"title", "type", "status", "detail", "instance"}
    assert (body["type"], body["status"]) == (f"/errors/{kind}", status)
    assert body["instance"] == urlsplit(str(answer.request.url)).path
    assert body["title"]
    assert says in body["detail"]
    return body
