"""What every door of the gateway shares: configuration, secrets, probes, limits, TLS, faults of what it depends on, its end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ferrocache import FerrocacheError
from ferrocache.embeddings import Embedder as BaseEmbedder
from ferrocache.gateway._parts import Embedding as EmbeddingSettings
from ferrocache.gateway._parts import Rate
from ferrocache.gateway._table import ConfigError
from ferrocache.gateway.app import Gateway
from ferrocache.gateway.config import load
from ferrocache.gateway.embedding import EmbeddingFailed, EmbeddingService
from ferrocache.gateway.langcache.api import LangCacheApi, Served
from ferrocache.gateway.langcache.problems import TYPES, of_node
from ferrocache.gateway.limits import TokenBucket
from ferrocache.gateway.main import main
from ferrocache.gateway.metrics import Metrics
from ferrocache.gateway.secrets import RELOAD_SECONDS, SecretFile
from ferrocache.gateway.server import listen
from ferrocache.gateway.store import PART_BYTES_MAX, from_node, to_node
from support.door import PATIENCE_SECONDS, Cache, Door, embedding, plain_http, until

SMALLEST = '[[caches]]\nid = "c"\napi_keys = [{ file = "c.key" }]\nembedding = { provider = "local" }\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "c.key").write_text("c-key\n")
    return tmp_path


def loaded(folder, text):
    (folder / "gateway.toml").write_text(text)
    return load(folder / "gateway.toml")


# --- configuration ---


def test_defaults(folder):
    made = loaded(folder, SMALLEST.replace('embedding = { provider = "local" }\n', ""))
    (cache,) = made.caches
    assert (made.server.host, made.server.port, made.server.base_path) == ("127.0.0.1", 8080, "")
    assert (made.node.addresses, made.node.token) == (("http://localhost:3000",), None)
    assert (cache.threshold, cache.threshold_scale, cache.default_ttl_seconds) == (0.85, "cosine", 0)
    assert (cache.embedding.provider, cache.embedding.model, cache.attributes) == ("sentence-transformers", None, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "declare at least one"),
        ("x = ", "not TOML"),
        ("caches = 5", "caches must be a list of tables"),
        ("[sever]\n" + SMALLEST, "sever is no key; known here are server, node, caches"),
        (SMALLEST + "treshold = 0.9", "caches[0].treshold is no key"),
        (SMALLEST + 'x = 1\n[[caches]]\nid = "d"\napi_keys = [{ file = "c.key" }]', "caches[0].x is no key"),
        (SMALLEST + SMALLEST, "'c' is given twice"),
        (SMALLEST.replace('"local" }', '"local", modell = "x" }'), "caches[0].embedding.modell is no key"),
        (SMALLEST.replace('"local" }', '"nobody" }'), "caches[0].embedding.provider must be one of"),
        (SMALLEST.replace('"local" }', '"local", url = "http://x" }'), "embedding.url means nothing"),
        (SMALLEST.replace('"local" }', '"openai", url = "localhost" }'), "embedding.url must look like"),
        (SMALLEST.replace('"local" }', '"openai", api_key_environment = "NOT_SET" }'), "NOT_SET, which is not set"),
        (SMALLEST.replace('"c.key"', '"d.key"'), "d.key cannot be read"),
        (SMALLEST.replace('{ file = "c.key" }', ""), "caches[0].api_keys is missing"),
        (SMALLEST.replace('{ file = "c.key" }', "{ }"), "api_keys[0].file or environment or sha256"),
        (SMALLEST.replace('{ file = "c.key" }', '{ sha256 = "abc" }'), "64 hexadecimal digits"),
        (SMALLEST.replace('{ file = "c.key" }', '{ key = "secret" }'), "api_keys[0].key is no key"),
        (SMALLEST.replace('{ file = "c.key" }', '{ file = "c.key", environment = "X" }'), "exclude each other"),
        (SMALLEST.replace('"c"', '""'), "caches[0].id must be a text"),
        (SMALLEST + "threshold = 1.1", "caches[0].threshold must be a number from 0 to 1"),
        (SMALLEST + "threshold = true", "caches[0].threshold must be a number"),
        (SMALLEST + 'threshold_scale = "percent"', "must be one of cosine, normalised"),
        (SMALLEST + "default_ttl_seconds = 315360001", "caches[0].default_ttl_seconds must be a whole number"),
        (SMALLEST + 'attributes = ["a b"]', "caches[0].attributes holds 'a b'"),
        (SMALLEST + 'attributes = ["a", "a"]', "each of them once"),
        (SMALLEST + "burst = 5", "burst needs requests_per_second"),
        ('[server]\nlisten = "8080"\n' + SMALLEST, "server.listen must look like"),
        ('[server]\nbase_path = "x"\n' + SMALLEST, "server.base_path must look like"),
        ('[server]\ntls_cert_file = "c.key"\n' + SMALLEST, "server.tls_cert_file and tls_key_file belong together"),
        ('[server]\ntls_client_ca_file = "c.key"\n' + SMALLEST, "needs tls_cert_file"),
        ('[server]\nlog_level = "loud"\n' + SMALLEST, "server.log_level must be one of"),
        ('[node]\naddresses = ["localhost:3000"]\n' + SMALLEST, "node.addresses must be URLs"),
        ('[node]\ntoken = "secret"\n' + SMALLEST, "node.token is no key"),
        ('[node]\nca_file = "nowhere"\n' + SMALLEST, "nowhere, which cannot be read"),
        ('[node]\ncert_file = "c.key"\n' + SMALLEST, "node.cert_file and key_file belong together"),
    ],
)
def test_what_cannot_be_is_named(folder, text, says):
    with pytest.raises(ConfigError) as raised:
        loaded(folder, text)
    assert says in str(raised.value)
    assert "secret" not in str(raised.value)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ferrocache.gateway", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


def test_check_config(folder, capsys):
    path = folder / "gateway.toml"
    path.write_text(SMALLEST + "threshold = 0.9\n")
    assert main(["--config", str(path), "--check-config"]) == 0
    assert capsys.readouterr().out.splitlines() == ["cache c: all-MiniLM-L6-v2, threshold 0.9 (cosine)", f"{path}: ok"]
    for text, says in (
        ('[server]\ntls_cert_file = "c.key"\ntls_key_file = "c.key"\n' + SMALLEST, "server.tls_cert_file, tls_key_file"),
        ('[node]\nca_file = "c.key"\n' + SMALLEST, "node.ca_file, cert_file or key_file cannot be used"),
        (SMALLEST.replace('"local" }', '"local", model = "other" }'), "the embedder local: "),
        (SMALLEST + "x = 1", "caches[0].x is no key"),
    ):
        path.write_text(text)
        assert main(["--config", str(path), "--check-config"]) == 2
        told = capsys.readouterr()
        assert told.err.startswith(f"ferrocache-gateway: {path}: {says}")
        assert told.out == ""
    assert main(["--config", str(folder / "none.toml")]) == 2
    assert "none.toml: cannot be read: No such file" in capsys.readouterr().err


def test_help_names_a_configuration_that_works(folder, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    text = capsys.readouterr().out
    smallest = text[text.index("[[caches]]") : text.index("Everything else")]
    (folder / "support.key").write_text("k")
    assert [cache.id for cache in loaded(folder, smallest).caches] == ["support"]


def test_an_address_that_is_taken(folder, node):
    path = folder / "gateway.toml"
    path.write_text(f'[server]\nlisten = "127.0.0.1:{node.port}"\n' + SMALLEST)
    done = run("--config", path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ferrocache-gateway: cannot listen on 127.0.0.1:{node.port}: Address already in use"


def test_the_body_of_an_answer_does_not_wait_until_its_head_is_acknowledged(folder):
    """40 ms each, where the other side delays that."""
    server = loaded(folder, '[server]\nlisten = "127.0.0.1:0"\n' + SMALLEST).server
    with listen(server) as listener, socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def health(door, folder, address):
    """What --health says, beside a door that was given port 0."""
    path = folder / "beside.toml"
    text = (folder / "gateway.toml").read_text()
    path.write_text(re.sub('listen = "[^"]*"', f'listen = "{address}:{door.url.rpartition(":")[2]}"', text))
    done = run("--config", path, "--health")
    return done.returncode, done.stderr.strip().removeprefix("ferrocache-gateway: ")


# --- parts ---


def test_a_secret_file_is_read_anew_when_it_changes(tmp_path):
    now = [0.0]
    path = tmp_path / "keys"
    path.write_text("one\n# two\n\n three \n")
    made = SecretFile(path, lambda: now[0])
    assert made.lines() == ("one", "three")
    path.write_text("four\n")
    assert made.lines() == ("one", "three")  # not yet looked at
    now[0] += RELOAD_SECONDS
    assert made.lines() == ("four",)
    for spoil in (lambda: path.write_text("# nothing\n"), path.unlink):
        spoil()
        now[0] += RELOAD_SECONDS
        assert made.lines() == ("four",)
    path.write_text("fifth\n")  # of another length than the fourth: file systems may count the time in steps of 10 ms
    now[0] += RELOAD_SECONDS
    assert made.lines() == ("fifth",)


def test_a_token_bucket():
    now = [100.0]
    bucket = TokenBucket(Rate(2.0, 3), lambda: now[0])
    assert [bucket.wait_seconds() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    now[0] += 0.5
    assert [bucket.wait_seconds() for _ in range(2)] == [0.0, 0.5]
    now[0] += 1000
    assert [bucket.wait_seconds() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert TokenBucket(Rate(0.0, 1), lambda: now[0]).wait_seconds() == 0.0


@pytest.mark.parametrize(
    "value",
    ["x", "x" * 500, "€" * 341, "€" * 342, "€" * 500, "🍎" * 500, "a" + "🍎" * 499, "a" * 1024, "a" * 1025, "a" * 4096, ".", " "],
)
def test_attributes_on_the_node(value):
    kept = to_node({"name": value, "other": "o"})
    assert all(len(part.encode()) <= PART_BYTES_MAX for part in kept.values())
    assert from_node(kept) == {"name": value, "other": "o"}
    for shorter in range(len(value)):  # what a longer value begins with must not match it
        assert not to_node({"name": value[:shorter]}).items() <= kept.items()


def test_attributes_that_the_door_did_not_write():
    """Another program may have put entries into a cache's scope, with any names that the node takes."""
    foreign = {"a.1.x": "v", "b.1.999999999": "v", "c.1.": "v", ".expires_ms": "soon", "d.2.2": "v", "plain": "v", "e.1.2": "half"}
    assert from_node(foreign) == {"plain": "v", "e": "half"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (None, "database/resource-database-unavailable"), (500, "database/resource-database-unavailable"),
        (401, "database/resource-database-unavailable"), (403, "database/resource-database-unavailable"),
        (429, "database/resource-database-unavailable"), (502, "database/resource-database-unavailable"),
        (503, "database/resource-database-unavailable"), (507, "database/out-of-memory"), (413, "payload-too-large"),
        (404, "unexpected-error"),
    ],
)  # fmt: skip
def test_what_an_answer_of_the_node_becomes(status, kind):
    found = of_node(FerrocacheError("POST /insert: a sentence of the node", status))
    assert found.type == f"/errors/{kind}"
    assert found.status == (424 if kind.startswith("database") else TYPES[found.type][0])
    assert "sentence" not in found.detail


def test_another_dimension_becomes_index_not_found():
    found = of_node(FerrocacheError("POST /query: HTTP 400: embedding has dimension 3, the namespace 4", 400))
    assert (found.type, found.status) == ("/errors/cache/index-not-found", 424)


class Stuck(BaseEmbedder):
    """Says nothing until it is let go."""

    name = "stuck"

    def __init__(self):
        self.let_go = threading.Event()

    def embed(self, text, timeout=None):
        self.let_go.wait()
        return [1.0]


async def test_an_embedder_that_does_not_answer(monkeypatch):
    monkeypatch.setattr("ferrocache.gateway.embedding.GRACE_SECONDS", 0.0)
    settings = EmbeddingSettings("local", None, None, None, timeout_seconds=0.01, remembered_prompts=10)
    made = Stuck()
    with ThreadPoolExecutor(1) as threads:
        service = EmbeddingService(settings, made, threads, Metrics())
        with pytest.raises(EmbeddingFailed, match="did not answer within") as raised:
            await service.vector("p")
        assert raised.value.kind == "unavailable"
        assert "did not answer" in await service.fault()
        made.let_go.set()


async def test_an_embedder_that_hangs_holds_up_no_other(folder, monkeypatch):
    monkeypatch.setattr("ferrocache.gateway.embedding.GRACE_SECONDS", 0.0)
    stuck, other = Stuck(), Picky()
    monkeypatch.setattr("ferrocache.gateway.app.build", lambda settings: stuck if settings.model == "stuck" else other)
    text = "[server]\nembedding_threads = 1\n"
    for name, seconds in (("stuck", 0.1), ("other", PATIENCE_SECONDS)):
        embedding_of = f'embedding = {{ provider = "openai", model = "{name}", timeout_seconds = {seconds} }}'
        text += f'[[caches]]\nid = "{name}"\napi_keys = [{{ file = "c.key" }}]\n{embedding_of}\n'
    gateway = Gateway(loaded(folder, text))
    try:
        hanging, answering = (gateway._embeddings[made.embedding] for made in gateway.config.caches)
        with pytest.raises(EmbeddingFailed, match="did not answer within"):
            await hanging.vector("p")
        assert list(await answering.vector("p")) == [1.0]  # the one thread of the former still hangs
    finally:
        stuck.let_go.set()
        await gateway.stop()


class Picky(BaseEmbedder):
    name = "picky"

    def embed(self, text, timeout=None):
        if text.startswith("HTTP "):
            raise FerrocacheError("not that one", int(text[5:]))
        return [1.0]


async def test_a_prompt_that_cannot_be_embedded_makes_nobody_unready():
    settings = EmbeddingSettings("openai", "m", None, None, timeout_seconds=PATIENCE_SECONDS, remembered_prompts=10)
    with ThreadPoolExecutor(1) as threads:
        service = EmbeddingService(settings, Picky(), threads, Metrics())
        for status in (400, 429):
            assert await service.fault() is None
            with pytest.raises(EmbeddingFailed):
                await service.vector(f"HTTP {status}")
            assert await service.fault() is None
        with pytest.raises(EmbeddingFailed):
            await service.vector("HTTP 401")
        assert "refused its key" in await service.fault()


async def test_a_body_that_does_not_come_ends_the_request(folder):
    config = loaded(folder, "[server]\nbody_timeout_seconds = 0.05\n" + SMALLEST)
    api = LangCacheApi([Served(config.caches[0], None)], config.server, Metrics())
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    path = "/v1/caches/c/entries"
    headers = [(b"authorization", b"Bearer c-key"), (b"content-length", b"50")]
    await api({"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}, receive, send)
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["detail"] == "the body did not arrive in time"


# --- a door whose node and embedder fail ---


def test_faults_of_the_node_and_the_embedder(nodes, embedder, tmp_path):
    node = nodes.start(environment={"FERROCACHE_AUTH_TOKEN": "the-token"})
    (tmp_path / "token").write_text("wrong-token\n")
    (tmp_path / "keys").write_text("old-key\n")
    door = Door(
        tmp_path,
        f"""
[server]
listen = "127.0.0.1:0"
[node]
addresses = ["{node.url}"]
token_file = "token"
timeout_seconds = {PATIENCE_SECONDS}
[[caches]]
id = "c"
api_keys = [{{ file = "keys" }}]
{embedding(embedder, ", remembered_prompts = 0")}
""",
    ).start(wait=False)
    cache = Cache(door.url, "c", "old-key")

    def kind(answer):
        return answer.status_code, answer.json().get("type")

    unavailable = (424, "/errors/database/resource-database-unavailable")
    try:
        refused = (503, "the cache node refused the gateway's token (HTTP 401); it needs the role admin")
        until(lambda: door.readiness() == refused)
        assert health(door, tmp_path, "127.0.0.1") == (1, f"not ready: {refused[1]}")
        assert kind(cache.set("p")) == unavailable
        (tmp_path / "token").write_text("the-token\n")
        until(door.is_ready)
        assert health(door, tmp_path, "0.0.0.0") == (0, "")
        assert cache.set("p").status_code == 201

        new = Cache(door.url, "c", "new-key")
        (tmp_path / "keys").write_text("new-key\n")
        until(lambda: new.search("p").status_code == 200)
        assert cache.search("p").status_code == 401
        cache.close()

        embedder.fails(401)
        assert kind(new.search("p")) == (424, "/errors/embeddings/unauthorized")
        refused = (503, "the embedder refused its key (HTTP 401); check the key of the embedding")
        until(lambda: door.readiness() == refused)
        embedder.works()
        until(door.is_ready)

        node.kill()
        assert kind(new.search("p")) == unavailable
        assert kind(new.flush()) == unavailable
        assert kind(new.send("DELETE", "/entries/" + "0" * 32)) == unavailable
        until(lambda: door.readiness() == (503, "the cache node cannot be reached"))
        with plain_http() as http:
            assert http.get(door.url + "/livez").status_code == 200
            metrics = http.get(door.url + "/metrics").text
        assert 'ferrocache_gateway_dependency_failures_total{dependency="embedder"} 0.0' not in metrics
        assert 'ferrocache_gateway_dependency_failures_total{dependency="node"} 0.0' not in metrics
        new.close()
    finally:
        code = door.stop()
    assert code == 0
    port = door.url.rpartition(":")[2]
    assert health(door, tmp_path, "127.0.0.1") == (1, f"nothing answers on port {port}: [Errno 111] Connection refused")
    for secret in ("the-token", "wrong-token", "old-key", "new-key"):
        assert secret not in door.log()


def test_limits_and_an_orderly_end(node, embedder, folder):
    door = Door(
        folder,
        f"""
[server]
listen = "127.0.0.1:0"
max_concurrent_requests = 2
drain_seconds = 300
[node]
addresses = ["{node.url}"]
timeout_seconds = {PATIENCE_SECONDS}
[[caches]]
id = "end"
api_keys = [{{ file = "c.key" }}]
{embedding(embedder)}
""",
    ).start()
    embedder.hold.clear()
    cache, answers = Cache(door.url, "end", "c-key"), []
    waiting = [threading.Thread(target=lambda n=n: answers.append(cache.set(f"held back {n}"))) for n in range(2)]
    try:
        for thread in waiting:
            thread.start()
        until(lambda: len(embedder.calls) == 2)
        refused = cache.search("one more")
        assert (refused.status_code, refused.json()["type"]) == (429, "/errors/too-many-requests")
        assert refused.headers["retry-after"] == "1"

        door.process.send_signal(signal.SIGTERM)
        until(lambda: door.readiness() == (503, "draining"))
        assert cache.search("one more").status_code == 429  # it is still answered
        door.process.send_signal(signal.SIGTERM)
        until(lambda: not reachable(door))
        assert door.process.poll() is None  # two requests are under way
        embedder.hold.set()
        for thread in waiting:
            thread.join()
        assert [answer.status_code for answer in answers] == [201, 201]
        assert door.process.wait(PATIENCE_SECONDS) == 0
        assert [line["message"] for line in door.lines()][-1] == "ended"
    finally:
        embedder.hold.set()
        door.process.kill()
        door.process.wait()
        for thread in waiting:
            thread.join()
        cache.close()


def reachable(door):
    try:
        return door.readiness() is not None
    except httpx.TransportError:
        return False


def test_tls_on_both_sides(nodes, embedder, folder):
    """The door's own certificate and clients that show theirs; and a node behind TLS."""
    made = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -keyout key.pem -out cert.pem"
    )
    subprocess.run([*made.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, cwd=folder)
    node = nodes.start({"http.tls.cert_path": folder / "cert.pem", "http.tls.key_path": folder / "key.pem"}, scheme="https")
    door = Door(
        folder,
        f"""
[server]
listen = "127.0.0.1:0"
tls_cert_file = "cert.pem"
tls_key_file = "key.pem"
tls_client_ca_file = "cert.pem"
[node]
addresses = ["{node.url}"]
ca_file = "cert.pem"
timeout_seconds = {PATIENCE_SECONDS}
[[caches]]
id = "c"
api_keys = [{{ sha256 = "{hashlib.sha256(b"c-key").hexdigest()}" }}]
{embedding(embedder)}
""",
    ).start(wait=False)
    try:
        assert door.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=folder / "cert.pem")
        with httpx.Client(verify=trusted) as http, pytest.raises(httpx.TransportError):
            http.get(door.url + "/livez")
        trusted.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        with httpx.Client(verify=trusted, headers={"Authorization": "Bearer c-key"}, timeout=PATIENCE_SECONDS) as http:
            until(lambda: http.get(door.url + "/readyz").status_code == 200)
            assert health(door, folder, "127.0.0.1") == (0, "")
            stored = http.post(door.url + "/v1/caches/c/entries", content=json.dumps({"prompt": "p", "response": "r"}))
            assert stored.status_code == 201
    finally:
        assert door.stop() == 0
