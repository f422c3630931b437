"""The public port over TLS."""
import hashlib
import os
import shutil
import ssl
import time

import pytest

from harness.certificates import Authority
from harness.contract import contract
from harness.http import Connection, ConnectionClosed
from harness.node import HOST
from harness.timing import wait_until
from harness.vectors import axis

RELOAD_SECONDS = 10.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "authority")


@pytest.fixture
def served(nodes, authority):
    """A node with a copied leaf, so that tests can replace it in place."""
    leaf = authority.issue("first")
    cert, key = nodes.folder / "cert.pem", nodes.folder / "key.pem"
    shutil.copy(leaf.cert, cert)
    shutil.copy(leaf.key, key)
    settings = {"http.tls.cert_path": str(cert), "http.tls.key_path": str(key)}
    return nodes.make(settings, tls=authority.client_context()), leaf, cert, key


def served_certificate(node, context) -> bytes:
    with Connection(HOST, node.port, context) as connection:
        return connection.socket.getpeercert(binary_form=True)


@contract("tls-1: the port speaks TLS and no plain HTTP")
def test_https(served):
    node, leaf, _, _ = served
    node.start()
    entry_id = node.api.insert(axis(8, 0), "m", "over tls" * 20_000)
    assert node.api.hit(axis(8, 0), "m")["id"] == entry_id
    assert served_certificate(node, node.tls) == leaf.fingerprint()
    with Connection(HOST, node.port) as plain:
        plain.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert plain.read_response().status == 400
        except (ConnectionClosed, ConnectionResetError, AssertionError, ValueError):
            pass
    with pytest.raises(ssl.SSLError):
        served_certificate(node, ssl.create_default_context())
    assert node.api.health()["entry_count"] == 1


@contract("tls-1: 1.2 or newer")
@pytest.mark.parametrize("version, accepted",
                         [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                          (ssl.TLSVersion.TLSv1_3, True)])
def test_versions(served, authority, version, accepted):
    node = served[0].start()
    context = authority.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    if accepted:
        assert served_certificate(node, context)
    else:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            served_certificate(node, context)


@contract("tls-1: no weak ciphers")
@pytest.mark.parametrize("ciphers", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL", "aNULL", "3DES:RC4"])
def test_weak_ciphers(served, authority, ciphers):
    node = served[0].start()
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.set_ciphers(ciphers + ":@SECLEVEL=0")
    except ssl.SSLError:
        pytest.skip(f"this machine's OpenSSL has none of {ciphers}")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        served_certificate(node, context)


@contract("tls-2: a certificate replaced in place is served without a restart")
@pytest.mark.parametrize("how", ["in place", "rename"])
def test_certificate_reload(served, authority, how):
    node, first, cert, key = served
    node.start()
    with Connection(HOST, node.port, node.tls) as old_connection:
        assert old_connection.request("GET", "/health").status == 200
        second = authority.issue("second")
        for source, target in ((second.key, key), (second.cert, cert)):
            if how == "rename":
                shutil.copy(source, target.with_suffix(".new"))
                os.replace(target.with_suffix(".new"), target)
            else:
                target.write_bytes(source.read_bytes())
        wait_until(lambda: served_certificate(node, node.tls) == second.fingerprint(), RELOAD_SECONDS,
                   "the new certificate")
        assert old_connection.request("GET", "/health").status == 200, "open connections go on"
    assert node.is_running()


@contract("tls-2: files that do not load keep the last good certificate")
def test_bad_reload(served, authority):
    node, first, cert, _ = served
    node.start()
    cert.write_text("no certificate")

    def told():
        return any("cert" in line and ("error" in line or "warn" in line) for line in node.log().splitlines())

    wait_until(told, RELOAD_SECONDS, "the log says that the certificate cannot be loaded")
    assert served_certificate(node, node.tls) == first.fingerprint()
    metrics = node.api.metrics().samples
    assert any("certificate" in name and "fail" in name and value > 0 for name, value in metrics.items())
    cert.write_bytes(first.cert.read_bytes())
    node.api.health()


@contract("tls-5: fingerprint and expiry show in status and metrics")
def test_certificate_facts(served, authority):
    node, leaf, cert, key = served
    node.start()

    def shown():
        status = node.api.call("GET", "/cluster/status").text().lower().replace(":", "")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(cert.read_text())).hexdigest() in status

    assert shown()
    not_after = [value for name, value in node.api.metrics().samples.items() if "certificate" in name and "fail" not in name]
    assert any(value == pytest.approx(time.time() + 86_400, abs=600) or value == pytest.approx(86_400, abs=600)
               for value in not_after), not_after
    second = authority.issue("another")
    key.write_bytes(second.key.read_bytes())
    cert.write_bytes(second.cert.read_bytes())
    wait_until(shown, RELOAD_SECONDS, "the new certificate's fingerprint shows")


@contract("tls-3: client certificates become obligatory")
def test_client_certificates(served, authority, tmp_path):
    node, _, _, _ = served
    stranger = Authority(tmp_path, "stranger")
    node.settings["http.tls.client_ca_path"] = str(authority.cert)
    node.tls = authority.client_context(authority.issue("client"))
    node.start()
    assert node.api.health()["status"] == "ok"
    stranger_context = authority.client_context(stranger.issue("impostor"))
    for context in (authority.client_context(), stranger_context):
        with pytest.raises((ssl.SSLError, ConnectionResetError, ConnectionClosed, BrokenPipeError)):
            with Connection(HOST, node.port, context) as connection:
                connection.request("GET", "/health")
    assert node.api.health()["status"] == "ok"


@contract("tls-4: halves and misfits refuse the start, naming the file or key")
@pytest.mark.parametrize("case", ["no key", "no cert", "missing file", "misfit", "garbage", "only client ca"])
def test_bad_settings(nodes, authority, case):
    one, other = authority.issue("one"), authority.issue("other")
    garbage = nodes.folder / "garbage.pem"
    garbage.write_text("garbage")
    cert, key, ca = "http.tls.cert_path", "http.tls.key_path", "http.tls.client_ca_path"
    settings = {
        "no key": {cert: one.cert}, "no cert": {key: one.key}, "only client ca": {ca: authority.cert},
        "missing file": {cert: nodes.folder / "nowhere.pem", key: one.key},
        "misfit": {cert: one.cert, key: other.key}, "garbage": {cert: garbage, key: one.key}
    }[case]
    said = nodes.make(settings).expect_refused_start()
    named = {
        "no key": "key_path", "no cert": "cert_path", "only client ca": "tls", "missing file": "nowhere.pem",
        "misfit": "key", "garbage": "garbage.pem"
    }[case]
    assert named in said


@contract("tls-1: slow and broken handshakes do not hurt others")
def test_handshake_abuse(served):
    node = served[0].start()
    idle = [Connection(HOST, node.port) for _ in range(50)]
    for number, connection in enumerate(idle):
        connection.send([b"\x16\x03\x01", b"\x16\x03\x01\xff\xff" + b"\x00" * 600,
                         b"GET / HTTP/1.1\r\n\r\n"][number % 3])
    for _ in range(20):
        node.api.client.disconnect()
        assert node.api.health()["status"] == "ok"
    for connection in idle:
        connection.close()
