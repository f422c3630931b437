"""Tokens and TLS, against real nodes."""

from __future__ import annotations

import os
import pickle
import ssl
import subprocess

import pytest

from ferrocache import AsyncFerrocacheClient, FerrocacheClient, FerrocacheError


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    from support.node import Nodes

    made = Nodes(tmp_path_factory.mktemp("guarded"))
    yield made.start(environment={"FERROCACHE_AUTH_TOKEN": "the-token"})
    made.stop()


def status_of(client) -> int:
    try:
        client.stats()
        return 200
    except FerrocacheError as error:
        assert "the-token" not in str(error)
        assert error.status != 401 or "auth_token, or FERROCACHE_AUTH_TOKEN" in str(error)
        return error.status


def test_token_as_argument(guarded):
    assert status_of(FerrocacheClient(guarded.url)) == 401
    assert status_of(FerrocacheClient(guarded.url, auth_token="wrong")) == 401
    assert status_of(FerrocacheClient(guarded.url, 5.0, "the-token")) == 200
    assert status_of(FerrocacheClient(guarded.url, auth_token=" the-token\n")) == 200
    assert FerrocacheClient(guarded.url).health()["status"] == "ok"


def test_token_from_the_environment(guarded, monkeypatch):
    monkeypatch.setenv("FERROCACHE_AUTH_TOKEN", "the-token")
    assert status_of(FerrocacheClient(guarded.url)) == 200
    assert status_of(FerrocacheClient(guarded.url, auth_token="wrong")) == 401
    assert status_of(FerrocacheClient(guarded.url, auth_token="")) == 401


def test_token_from_a_function_is_asked_for_each_call(guarded):
    tokens = iter(["wrong", "the-token"])
    client = FerrocacheClient(guarded.url, auth_token=lambda: next(tokens))
    assert [status_of(client), status_of(client)] == [401, 200]


def test_a_token_cannot_smuggle_a_header(guarded):
    with pytest.raises(ValueError, match="control"):
        FerrocacheClient(guarded.url, auth_token="x\r\nX-Evil: 1").stats()


async def test_async_token(guarded, monkeypatch):
    async with AsyncFerrocacheClient(guarded.url, auth_token="the-token") as client:
        assert (await client.stats())["entry_count"] == 0
    monkeypatch.setenv("FERROCACHE_AUTH_TOKEN", "the-token")
    async with AsyncFerrocacheClient(guarded.url) as client:
        await client.stats()
    async with AsyncFerrocacheClient(guarded.url, auth_token="") as client:
        with pytest.raises(FerrocacheError) as raised:
            await client.stats()
        assert raised.value.status == 401


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and certificates of a server at 127.0.0.1 and of a client, signed by it."""
    folder = tmp_path_factory.mktemp("certificates")

    def key(name):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / f"{name}.key")

    key("ca")
    openssl("req", "-x509", "-new", "-key", folder / "ca.key", "-out", folder / "ca.pem", "-days", 2,
            "-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name, extensions in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        key(name)
        (folder / f"{name}.ext").write_text(extensions)
        openssl("req", "-new", "-key", folder / f"{name}.key", "-out", folder / f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
                "-CAcreateserial", "-out", folder / f"{name}.pem", "-days", 2,
                "-extfile", folder / f"{name}.ext")  # fmt: skip
    return folder


@pytest.fixture(scope="module", params=["server only", "mutual"])
def secured(request, certificates, tmp_path_factory):
    from support.node import Nodes

    made = Nodes(tmp_path_factory.mktemp("secured"))
    settings = {"http.tls.cert_path": certificates / "server.pem", "http.tls.key_path": certificates / "server.key"}
    own = {}
    if request.param == "mutual":
        settings["http.tls.client_ca_path"] = certificates / "ca.pem"
        own = {"cert_file": str(certificates / "client.pem"), "key_file": str(certificates / "client.key")}
    node = made.start(settings, scheme="https")
    yield node, {"ca_file": str(certificates / "ca.pem"), **own}
    made.stop()


def test_https(secured, certificates):
    node, options = secured
    with FerrocacheClient(node.url, **options) as client:
        for _ in range(3):
            assert client.health()["status"] == "ok"
    context = ssl.create_default_context(cafile=options["ca_file"])
    if "cert_file" in options:
        context.load_cert_chain(options["cert_file"], options["key_file"])
        with FerrocacheClient(node.url, ca_file=options["ca_file"], retries=0) as client:
            with pytest.raises(FerrocacheError) as raised:
                client.health()
            assert raised.value.status is None
    with FerrocacheClient(node.url, ssl_context=context) as client:
        assert client.health()["status"] == "ok"


def test_https_with_an_unknown_authority(secured):
    node, _ = secured
    with pytest.raises(FerrocacheError, match="give the certificate of its authority as ca_file") as raised:
        FerrocacheClient(node.url).health()
    assert raised.value.status is None


def test_a_pickled_client_reads_its_certificates_again(secured):
    node, options = secured
    with pickle.loads(pickle.dumps(FerrocacheClient(node.url, **options))) as client:
        assert client.health()["status"] == "ok"


async def test_async_https(secured):
    node, options = secured
    async with AsyncFerrocacheClient(node.url, **options) as client:
        assert (await client.health())["status"] == "ok"
    async with AsyncFerrocacheClient(node.url) as client:
        with pytest.raises(FerrocacheError, match="give the certificate of its authority as ca_file"):
            await client.health()


def test_tls_settings_that_contradict(certificates):
    context = ssl.create_default_context()
    with pytest.raises(ValueError, match="ssl_context"):
        FerrocacheClient("https://host", ssl_context=context, ca_file=os.fspath(certificates / "ca.pem"))
    with pytest.raises(ValueError, match="cert_file"):
        FerrocacheClient("https://host", key_file="x")
