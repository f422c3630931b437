"""Between nodes only members of the same authority speak, and certificates change without a restart."""
import json
import os
import re
import socket
import struct
import time

import pytest

from harness.certificates import Authority
from harness.cluster import Cluster
from harness.http import Client
from harness.node import HOST
from harness.timing import wait_until
from harness.vectors import random_unit

DIMENSION = 16


def files_of(folder, leaf, *anchors) -> dict:
    """Copies a node's certificate, key and trust bundle to where it reads them; again = rotation in place."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {"ca_cert_path": folder / "trust.pem", "node_cert_path": folder / "node.pem", "node_key_path": folder / "node.key"}
    contents = {
        "ca_cert_path": "".join(anchor.cert.read_text() for anchor in anchors),
        "node_cert_path": leaf.cert.read_text(), "node_key_path": leaf.key.read_text()
    }
    for name, path in paths.items():
        fresh = path.with_suffix(".new")
        fresh.write_text(contents[name])
        os.replace(fresh, path)
    return {"cluster.tls.enabled": "true", **{f"cluster.tls.{name}": str(path) for name, path in paths.items()}}


@pytest.fixture
def authority(nodes):
    return Authority(nodes.folder / "ca", "first")


@pytest.fixture
def secured(nodes, authority):
    return Cluster(nodes, 3, tls=lambda name: files_of(nodes.folder / "tls" / name, authority.issue(name), authority)).start()


def check_works(cluster, rng, model) -> None:
    for number, node in enumerate(cluster.running()):
        vector = random_unit(rng, DIMENSION)
        node.api.insert(vector, f"{model}.{number}", "answer")
        for other in cluster.running():
            other.api.hit(vector, f"{model}.{number}")


def test_a_secured_cluster_forms_and_works(secured, rng):
    check_works(secured, rng, f"secure::{DIMENSION}")


def test_a_stranger_changes_nobodys_view(secured, nodes, rng):
    other = Authority(nodes.folder / "other-ca", "other")
    stranger = secured.add()
    stranger.settings |= files_of(nodes.folder / "tls" / "stranger", other.issue("stranger"), other)
    stranger.start(wait_ready=False)
    plain = secured.add()
    plain.settings = {key: value for key, value in plain.settings.items() if not key.startswith("cluster.tls.")}
    plain.start(wait_ready=False)
    for port in secured.gossip_ports[:3]:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(struct.pack("<I", 64) + os.urandom(64))
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        for node in secured.members[:3]:
            status = secured.status(node)
            assert sorted(status["nodes"]) == ["n1", "n2", "n3"]
            assert {peer["node_id"] for peer in status["peers"]} <= {"n1", "n2", "n3"}
        time.sleep(0.3)

    def refusals(node) -> str:
        return json.dumps(secured.status(node)["refused_links"])

    # Both sides say why, however often it is tried: once each.
    wait_until(lambda: all(re.search("(is|does) not trust", refusals(node)) for node in (*secured.members[:3], stranger)), 20,
               "the refusals are told")
    assert all(len(secured.status(node)["refused_links"]) < 16 for node in secured.members[:3])
    stranger.kill()
    plain.kill()
    check_works(secured, rng, f"beside-strangers::{DIMENSION}")


def test_another_cluster_id_does_not_join(secured, nodes, authority):
    other = secured.add()
    other.settings |= {"cluster.id": "another", **files_of(nodes.folder / "tls" / other.name, authority.issue("n4"), authority)}
    other.start(wait_ready=False)
    wait_until(lambda: any("another" in json.dumps(secured.status(node).get("refused_links", []))
                           for node in secured.members[:3]), 10, "the refusal is told")
    for node in secured.members[:3]:
        assert sorted(secured.status(node)["nodes"]) == ["n1", "n2", "n3"]
    other.kill()


def served(secured) -> set:
    return {secured.status(node)["certificate"]["fingerprint_sha256"] for node in secured.members}


def test_leaves_and_authority_are_replaced_in_place(secured, nodes, authority, rng):
    """The three phases of a new authority; requests between nodes go on throughout."""
    def install(issuer, *anchors):
        for node in secured.members:
            files_of(nodes.folder / "tls" / node.name, issuer.issue(node.name), *anchors)

    before = served(secured)
    install(authority, authority)
    wait_until(lambda: not served(secured) & before, 10, "new leaves are served")
    check_works(secured, rng, f"leaves::{DIMENSION}")

    second = Authority(nodes.folder / "second-ca", "second")
    for phase, (issuer, anchors) in enumerate([(authority, (authority, second)), (second, (authority, second)),
                                               (second, (second, ))]):
        previous = served(secured)
        install(issuer, *anchors)
        wait_until(lambda previous=previous: not served(secured) & previous, 10, f"phase {phase} is served")
        wait_until(
            lambda anchors=anchors: all(
                len(secured.status(node)["certificate"]["trusted"]) == len(anchors) for node in secured.members), 10,
            f"phase {phase} is trusted")
        check_works(secured, rng, f"phase{phase}::{DIMENSION}")
        secured.wait_formed()


def test_the_internal_port_speaks_http_under_mutual_tls_alone(secured, authority, rng):
    node = secured.members[0]
    port = int(node.settings.get("cluster.tls.internal_port", node.port + 1000))
    known = Client(HOST, port, None, authority.client_context(authority.issue("operator")))
    answer = known.request("GET", "/cluster/status")
    assert answer.status == 200 and answer.json()["self_node_id"] == node.name
    with pytest.raises(OSError):
        Client(HOST, port, None, authority.client_context()).request("GET", "/cluster/status")
