"""The HTTP API on the nodes' own port, under mutual TLS, and what it keeps off the public one."""
import os
import re
import time

import pytest

from harness.certificates import Authority
from harness.http import Client, ConnectionClosed
from harness.node import HOST
from harness.ports import free_port
from harness.timing import wait_until
from harness.vectors import axis

REREAD_SECONDS = 5.0


@pytest.fixture
def authority(nodes):
    return Authority(nodes.folder / "ca", "nodes")


def install(folder, leaf, *anchors):
    """A node's files where it reads them; again = rotation in place."""
    folder.mkdir(exist_ok=True)
    texts = {
        "node_cert_path": leaf.cert.read_text(), "node_key_path": leaf.key.read_text(),
        "ca_cert_path": "".join(anchor.cert.read_text() for anchor in anchors)
    }
    for name, text in texts.items():
        fresh = folder / (name + ".new")
        fresh.write_text(text)
        os.replace(fresh, folder / name)
    return {"cluster.tls.enabled": "true", **{f"cluster.tls.{name}": str(folder / name) for name in texts}}


@pytest.fixture
def secured(nodes, authority):
    def start(**settings):
        port = free_port()
        files = install(nodes.folder / "tls", authority.issue("n1"), authority)
        node = nodes.start({**files, "cluster.tls.internal_port": str(port), **settings})
        node.internal_port = port
        return node

    return start


def operator(node, authority, name="operator") -> Client:
    return Client(HOST, node.internal_port, None, authority.client_context(authority.issue(name)))


def test_a_certificate_is_an_administrator_without_a_token(nodes, secured, authority):
    (nodes.folder / "tokens").write_text("reader role=read\nadmin\n")
    node = secured(auth_token_file=str(nodes.folder / "tokens"))
    client = operator(node, authority)
    body = {"id": "x", "embedding": axis(8, 0), "model_id": "m::8", "query_text": "", "response": "r"}
    assert client.request("POST", "/insert", body).status == 200
    assert client.request("GET", "/internal/entry/x").json()["response"] == "r"
    assert client.request("POST", "/admin/compact").status == 200
    for token, status in ((None, 401), ("reader", 403), ("admin", 200)):
        public = node.api.with_token(token).client if token else Client(HOST, node.port, None)
        assert public.request("GET", "/internal/entry/x").status == status


def test_without_tokens_the_public_port_has_no_internal_routes(secured, authority):
    node = secured()
    entry = node.api.insert(axis(8, 0), "m::8")
    assert node.client.request("GET", f"/internal/entry/{entry}").status == 403
    assert node.client.request("GET", f"/entry/{entry}").status == 200
    assert operator(node, authority).request("GET", f"/internal/entry/{entry}").status == 200


def test_strangers_are_turned_away(nodes, secured, authority):
    node = secured()
    other = Authority(nodes.folder / "other", "other")
    shown_wrong = authority.client_context()
    leaf = other.issue("stranger")
    shown_wrong.load_cert_chain(str(leaf.cert), str(leaf.key))
    for context in (authority.client_context(), shown_wrong, None):
        with pytest.raises((OSError, ConnectionClosed)):
            Client(HOST, node.internal_port, None, context).request("GET", "/health")
    assert operator(node, authority).request("GET", "/health").status == 200


def test_certificate_and_authorities_are_replaced_in_place(nodes, secured, authority):
    node = secured()
    second = Authority(nodes.folder / "second", "second")

    def shown():
        return node.api.call("GET", "/cluster/status").json()["node_certificate"]

    before = shown()
    assert re.fullmatch("[0-9a-f]{64}", before["fingerprint_sha256"]) and len(before["trusted"]) == 1
    client = operator(node, authority)
    assert client.request("GET", "/health").status == 200
    install(nodes.folder / "tls", second.issue("n1"), authority, second)
    wait_until(lambda: shown()["fingerprint_sha256"] != before["fingerprint_sha256"], REREAD_SECONDS, "served")
    wait_until(lambda: len(shown()["trusted"]) == 2, REREAD_SECONDS, "trusted")
    assert client.request("GET", "/health").status == 200, "an open connection goes on"
    both = second.client_context(authority.issue("old-operator"))

    def answers() -> bool:
        """The port reads the files by itself, and may come to it a second after what the status tells."""
        try:
            return Client(HOST, node.internal_port, None, both).request("GET", "/health").status == 200
        except (OSError, ConnectionClosed):
            return False

    wait_until(answers, REREAD_SECONDS, "either authority's certificate is accepted")
    expiry = re.search(r"^ferrocache_node_certificate_expiry_timestamp_seconds (\S+)$",
                       node.api.call("GET", "/metrics").text(), re.M)
    assert abs(float(expiry[1]) - time.time()) < 2 * 86400


def test_a_port_that_is_taken_is_named(nodes, secured, authority):
    node = secured()
    files = install(nodes.folder / "tls2", authority.issue("n2"), authority)
    refused = nodes.make({**files, "cluster.tls.internal_port": str(node.internal_port)})
    with pytest.raises(Exception, match=f"cluster.tls.internal_port.*port {node.internal_port}"):
        refused.start()


def test_the_last_use_of_each_token_generation_is_told(nodes):
    file = nodes.folder / "tokens"
    file.write_text("old generation=1\nnew generation=2\n")
    node = nodes.start({"auth_token_file": str(file)})

    def uses(token):
        answer = node.api.with_token(token).call("GET", "/cluster/status").json()
        return {one["generation"]: one["last_used_at"] for one in answer["auth"]["generations"]}

    assert uses("new")[1] is None
    used = uses("old")[1]
    assert abs(used - time.time()) < 10
    file.write_text("old generation=1\nnew generation=2\nnewer generation=3\n")
    wait_until(lambda: 3 in uses("new"), REREAD_SECONDS, "the new token is in force")
    assert uses("new")[1] == used, "a reload forgets nothing"
    metrics = node.api.with_token("new").call("GET", "/metrics").text()
    assert f'ferrocache_token_last_used_timestamp_seconds{{generation="1"}} {used}' in metrics
    assert 'ferrocache_token_last_used_timestamp_seconds{generation="3"} 0' in metrics
