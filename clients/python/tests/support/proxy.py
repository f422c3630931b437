"""Doors with the caching proxy open, tokens for them, and requests with CacheCore's headers."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time

import jwt
import uvicorn

from ferrocache.gateway.app import Gateway
from ferrocache.gateway.config import load
from ferrocache.gateway.server import listen
from support.door import PATIENCE_SECONDS, Door, embedding, plain_http, until

SECRET = "a-secret-of-thirty-two-bytes-and-more"
HIT, STALE, NEAR, MISS, BYPASS = "HIT_L1", "HIT_L1_STALE", "HIT_L2", "MISS", "BYPASS"
FAR_SECONDS = 86_400
# 0.94 alike to the embedder of these tests; the threshold of their doors is 0.9.
QUESTION = "please tell me which is the shortest way home from the old station in town tonight"
PARAPHRASE = QUESTION.replace("shortest", "quickest")


def token(tenant, key=SECRET, algorithm="HS256", expires_in=FAR_SECONDS, **claims):
    claims = {"tenant_id": tenant, "policy_version": "1", "permissions": ["read"], "exp": int(time.time()) + expires_in, **claims}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)


def deps_header(*deps):
    """(dep_id, expected_hash) as CacheCore's clients send them."""
    listed = [{"dep_id": dep_id, "expected_hash": told} for dep_id, told in deps]
    return base64.urlsafe_b64encode(json.dumps(listed).encode()).rstrip(b"=").decode()


def settings(node, upstream, embedder, more="", upstreams="", server="", url=None):
    """A configuration whose time limits no test is about: machines may be busy."""
    url = url or upstream.url
    return f"""
[server]
listen = "127.0.0.1:0"
log_level = "debug"
{server}
[node]
addresses = ["{node.url}"]
timeout_seconds = {PATIENCE_SECONDS}
[proxy]
threshold = 0.9
cache_timeout_seconds = {PATIENCE_SECONDS}
tokens = [{{ secret_file = "secret" }}]
{embedding(embedder)}
{more}
[proxy.openai]
url = "{url}/v1"
connect_timeout_seconds = {PATIENCE_SECONDS}
{upstreams}
[proxy.anthropic]
url = "{url}/v1"
connect_timeout_seconds = {PATIENCE_SECONDS}
{upstreams}
[proxy.azure]
url = "{url}"
connect_timeout_seconds = {PATIENCE_SECONDS}
{upstreams}
"""


def started(folder, configuration, environment=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret").write_text(SECRET + "\n")
    return Door(folder, configuration, {"NO_PROXY": "*", **(environment or {})}).start()


class ThreadDoor:
    """A gateway in a thread of this process, which starts sooner than one of its own. What is about processes needs a Door."""

    def __init__(self, folder, configuration):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "secret").write_text(SECRET + "\n")
        (folder / "gateway.toml").write_text(configuration, encoding="utf-8")
        config = load(folder / "gateway.toml")
        self._server = None
        self._listener = listen(config.server)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(config),))
        self._thread.start()
        with plain_http() as http:
            until(lambda: self._started() and http.get(self.url + "/readyz").status_code == 200)

    async def _serve(self, config):
        """All of it on the loop that it belongs to, as in the program."""
        made = Gateway(config).application()
        self._server = uvicorn.Server(uvicorn.Config(made, log_config=None, access_log=False, lifespan="on", ws="none"))
        await self._server.serve([self._listener])

    def _started(self):
        assert self._thread.is_alive(), "the door ended"
        return self._server is not None and self._server.started

    def stop(self):
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        return 0


class Tenant:
    """Requests of one tenant over plain HTTP."""

    def __init__(self, url, tenant, **claims):
        self.url, self.token = url, token(tenant, **claims)
        self.http = plain_http(headers={"X-Cachecore-Token": self.token, "Authorization": "Bearer provider-key"})

    def close(self):
        self.http.close()

    def ask(self, question, model="m", system="You are helpful.", history=(), deps=(), headers=(), **more):
        messages = [{"role": "system", "content": system}, *history, {"role": "user", "content": question}]
        sent = {**dict(headers), **({"X-Cachecore-Deps": deps_header(*deps)} if deps else {})}
        body = {"model": model, "messages": messages, **more}
        return self.http.post(self.url + "/v1/chat/completions", json=body, headers=sent)

    def said(self, question, **more):
        """(X-Cache, the text of the answer)"""
        answer = self.ask(question, **more)
        assert answer.status_code == 200, answer.text
        return answer.headers["X-Cache"], answer.json()["choices"][0]["message"]["content"]

    def invalidate(self, dep_id, **more):
        return self.http.post(self.url + "/v1/invalidate", json={"dep_id": dep_id, **more})


def metrics(door):
    with plain_http() as http:
        return http.get(door.url + "/metrics").text
