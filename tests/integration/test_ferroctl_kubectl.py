"""ferroctl and the kubectl that it starts: a real cluster's one is tried by e2e/, here it is a program that misbehaves."""
import base64
import http.server
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from harness.certificates import Authority
from harness.node import HOST, binary_path, clean_environment
from harness.timing import scaled, wait_until

CLUSTER = {"metadata": {"name": "demo"}, "spec": {"replicas": 3}}

# Like `kubectl port-forward`: says where it listens, then a line for every connection.
FORWARD = """
import socket, sys, threading
target, chatter = int(sys.argv[1]), int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(f"Forwarding from 127.0.0.1:{listener.getsockname()[1]} -> 3000", flush=True)

def copy(source, sink):
    while part := source.recv(65536):
        sink.sendall(part)
    sink.shutdown(socket.SHUT_WR)

while True:
    client, _ = listener.accept()
    print("Handling connection for 3000\\n" * chatter, end="", flush=True)
    node = socket.create_connection(("127.0.0.1", target))
    for pair in ((client, node), (node, client)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


class Kubectl:
    """A program that answers as it is told; `environment` makes ferroctl use it."""
    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / "kubectl"
        self.environment = {"FERROCTL_KUBECTL": str(self.path)}

    def does(self, script: str) -> None:
        self.path.write_text(f"#!/bin/sh\necho $$ >>'{self.folder}/pids'\n{script}\n")
        self.path.chmod(0o755)

    def serves(self, cluster=None, secret=None, forward="exit 1") -> None:
        (self.folder / "cluster.json").write_text(json.dumps(CLUSTER if cluster is None else cluster))
        (self.folder / "secret.json").write_text(json.dumps(secret))
        self.does(f"""case "$*" in
*"get secret"*) {"exit 1" if secret is None else f"cat '{self.folder}/secret.json'"} ;;
*get*) cat '{self.folder}/cluster.json' ;;
*port-forward*) {forward} ;;
esac""")

    def forwards(self, node, chatter=1) -> str:
        program = self.folder / "forward.py"
        program.write_text(FORWARD)
        return f"exec '{sys.executable}' '{program}' {node.port} {chatter}"

    def all_ended(self) -> bool:
        pids = self.folder / "pids"
        return not any(Path(f"/proc/{pid}").exists() for pid in (pids.read_text().split() if pids.exists() else []))


@pytest.fixture
def kubectl(nodes):
    return Kubectl(nodes.folder)


def secret_of(token: bytes) -> dict:
    return {"kind": "Secret", "data": {"token": base64.b64encode(token).decode()}}


def test_a_cluster_is_asked_through_its_forwarded_port_with_its_token(ctl, nodes, kubectl):
    node = nodes.start({"auth_token": "of-the-cluster"}, token="of-the-cluster")
    kubectl.serves(secret=secret_of(b"of-the-cluster\n"), forward=kubectl.forwards(node))
    assert "ready" in ctl("-c", "demo", "status", environment=kubectl.environment).stdout
    assert kubectl.all_ended()


def test_clients_tls_is_checked_with_the_clusters_authority(ctl, nodes, kubectl):
    """It needed --ca, with a file that people had to cut out of a Secret first."""
    authority, other = (Authority(nodes.folder / name, name) for name in ("ca", "other"))
    leaf = authority.issue("leaf")
    node = nodes.start({"http.tls.cert_path": leaf.cert, "http.tls.key_path": leaf.key}, tls=authority.client_context())
    cluster = {**CLUSTER, "spec": {"auth": {"enabled": False}, "tls": {"clientTLS": True}}}

    def trust(path, key="ca.crt"):
        return {"kind": "Secret", "data": {key: base64.b64encode(path.read_bytes()).decode()}}

    kubectl.serves(cluster, secret=trust(authority.cert), forward=kubectl.forwards(node))
    assert "ready" in ctl("-c", "demo", "status", environment=kubectl.environment).stdout
    kubectl.serves(cluster, secret=trust(other.cert), forward=kubectl.forwards(node))
    assert "no answer from https://localhost" in ctl("-c", "demo", "status", code=1, environment=kubectl.environment).stderr
    assert "ready" in ctl("-c", "demo", "--ca", authority.cert, "status", environment=kubectl.environment).stdout
    kubectl.serves(cluster, secret=trust(authority.cert, key="other"), forward=kubectl.forwards(node))
    said = ctl("-c", "demo", "status", code=1, environment=kubectl.environment).stderr
    assert "no key ca.crt in the Secret demo-trust" in said and "--ca" in said


def test_a_bench_has_one_port_forwarded(ctl, nodes, kubectl):
    """Each of its threads started a kubectl of its own."""
    node = nodes.start()
    kubectl.serves({**CLUSTER, "spec": {"auth": {"enabled": False}}}, forward=kubectl.forwards(node))
    ctl("-c", "demo", "bench", "--seconds", 0.5, "--entries", 10, "--dimension", 8, environment=kubectl.environment)
    assert len((kubectl.folder / "pids").read_text().split()) == 2  # one for the object, one for the port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_forwarded_port_too(nodes, kubectl, number):
    """It stayed open for ever, and nobody knew."""
    node = nodes.start()
    kubectl.serves({**CLUSTER, "spec": {"auth": {"enabled": False}}}, forward=kubectl.forwards(node))
    words = [Path(binary_path()).parent / "ferroctl", "-c", "demo", "bench", "--seconds", "600", "--entries", "10",
             "--dimension", "8"]
    with subprocess.Popen(words, env=clean_environment(kubectl.environment), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)) as process:
        try:
            wait_until(lambda: node.api.health()["entry_count"] >= 10, 30, "it is at work")
            process.send_signal(number)
            assert process.wait(scaled(30)) == -number
        finally:
            process.kill()
    wait_until(kubectl.all_ended, 30, "kubectl has ended")


def test_a_bundle_holds_no_secret_of_kubernetes(ctl, nodes, kubectl):
    """Values of variables and lines of configuration files were kept."""
    objects = {"kind": "List", "items": [
        {"kind": "Secret", "data": {"token": "aGlkZGVuLTE="}, "stringData": {"x": "hidden-2"}},
        {"kind": "Pod", "spec": {"containers": [{"env": [
            {"name": "UPSTREAM_API_KEY", "value": "hidden-3"}, {"name": "FERROCACHE_AUTH_TOKEN", "value": "hidden-4"},
            {"name": "FERROCACHE_AUTH_TOKEN_FILE", "value": "/etc/shown-1"}, {"name": "CLIENT_SECRET", "value": "hidden-5"},
            {"name": "POD_NAME", "value": "shown-2"}]}],
                                 "volumes": [{"name": "tokens", "secret": {"secretName": "shown-3"}}]}},
        {"kind": "ConfigMap", "data": {"node.yaml": "auth_token: hidden-6\nauth_token_file: shown-4\nnode_id: shown-5\n",
                                       "node.toml": "[http]\n  auth_token = 'hidden-7'", "password": "hidden-8",
                                       "note": "shown-6"}}]}
    node = nodes.start()
    kubectl.serves({**CLUSTER, "spec": {"auth": {"enabled": False}}}, forward=kubectl.forwards(node))
    (kubectl.folder / "objects.json").write_text(json.dumps(objects))
    script = kubectl.path.read_text().replace("*get*)", f"*get*--selector*) cat '{kubectl.folder}/objects.json' ;;\n*get*)", 1)
    kubectl.path.write_text(script)
    ctl("-c", "demo", "support-bundle", "--file", "bundle.tar.gz", environment=kubectl.environment)
    with tarfile.open(nodes.folder / "bundle.tar.gz") as bundle:
        content = b"".join(bundle.extractfile(member).read() for member in bundle.getmembers() if member.isfile())
    objects = content.decode()
    assert "hidden" not in objects and "aGlkZGVu" not in objects
    for number in range(1, 7):
        assert f"shown-{number}" in objects, number


def test_what_kubectl_says_of_every_connection_does_not_stop_it(ctl, nodes, kubectl):
    """Nobody read it: with the pipe full, kubectl stood still."""
    node = nodes.start()
    cluster = {**CLUSTER, "spec": {"auth": {"enabled": False}}}
    kubectl.serves(cluster, forward=kubectl.forwards(node, chatter=20_000))  # 580 kB a connection
    assert "inserts_total" in ctl("-c", "demo", "stats", environment=kubectl.environment).stdout


def test_whoever_brings_a_token_need_not_be_allowed_to_read_the_secret(ctl, nodes, kubectl):
    node = nodes.start({"auth_token": "mine"}, token="mine")
    kubectl.serves(secret=None, forward=kubectl.forwards(node))
    assert "ready" in ctl("-c", "demo", "status", token="mine", environment=kubectl.environment).stdout


@pytest.mark.parametrize("words", [["why"], ["rotate", "token"], ["-c", "demo", "status"]])
def test_a_kubectl_that_does_not_end_is_not_waited_for_for_ever(ctl, kubectl, words):
    kubectl.does("exec sleep 600")
    said = ctl(*words, "--kubectl-timeout-ms", 300, code=1, environment=kubectl.environment).stderr
    assert "did not end within 300 ms" in said and "--kubectl-timeout-ms" in said and f"{kubectl.path} get" in said
    assert kubectl.all_ended()


def test_a_kubectl_that_closes_its_output_and_stays_is_not_waited_for_for_ever(ctl, kubectl):
    kubectl.does("exec sleep 600 >&- 2>&-")
    assert "did not end" in ctl("why", "--kubectl-timeout-ms", 300, code=1, environment=kubectl.environment).stderr
    assert kubectl.all_ended()


def test_a_kubectl_that_does_not_heed_a_signal_is_killed(ctl, kubectl):
    kubectl.does("trap '' TERM\nexec sleep 600")
    assert "did not end" in ctl("why", "--kubectl-timeout-ms", 300, code=1, environment=kubectl.environment).stderr
    assert kubectl.all_ended()


@pytest.mark.parametrize("forward, sentence", [
    ("exec sleep 600", "was not ready within 5000 ms"),
    ("while echo waiting; do sleep 0.02; done", "was not ready within 5000 ms: waiting"),  # a line kept the wait alive
    ("exec yes", "prints something else: y"),
    ("echo 'error: pod is not running' >&2", "ended at once: error: pod is not running"),
])
def test_a_port_that_is_never_forwarded_is_not_waited_for_for_ever(ctl, kubectl, forward, sentence):
    kubectl.serves({**CLUSTER, "spec": {"auth": {"enabled": False}}}, forward=forward)
    said = ctl("-c", "demo", "status", "--kubectl-timeout-ms", 5000, code=1, environment=kubectl.environment).stderr
    assert sentence in said and "port-forward service/demo :3000" in said
    assert kubectl.all_ended()


def test_output_that_is_too_long_is_refused_and_not_cut(ctl, kubectl):
    kubectl.does("exec head -c 70000000 /dev/zero")
    said = ctl("why", code=1, environment=kubectl.environment).stderr
    assert "more than 64 MiB" in said and f"fetch it by hand: {kubectl.path} get" in said


def test_output_below_the_bound_arrives_whole(ctl, kubectl):
    conditions = [{"type": f"Condition{number}", "message": "m" * 1000} for number in range(20_000)]
    kubectl.serves({**CLUSTER, "status": {"conditions": conditions}})
    assert "Condition19999" in ctl("why", "demo", environment=kubectl.environment).stdout


@pytest.mark.parametrize("secret, sentence", [
    ({"data": {"token": "not/base64!"}}, "the key token of the Secret demo-token cannot be decoded"),
    ({"data": {"token": 7}}, "the key token of the Secret demo-token cannot be decoded"),
    ({"data": {"other": ""}}, "there is no key token in the Secret demo-token"),
    ({"kind": "Secret"}, "there is no key token in the Secret demo-token"),
    ({"data": ["token"]}, "there is no key token in the Secret demo-token"),
    (secret_of(b"\n"), "the key token of the Secret demo-token holds no token: it is empty"),
    (secret_of(b"to\x00ken"), "the key token of the Secret demo-token holds no token: there are control characters"),
    (secret_of(b"t" * 5000), "the key token of the Secret demo-token holds no token: its first word is too long"),
])
def test_a_secret_without_a_usable_token_is_named(ctl, kubectl, secret, sentence):
    """It counted as "no token", and the cluster's refusal then spoke of something else."""
    kubectl.serves(secret=secret)
    said = ctl("-c", "demo", "status", code=1, environment=kubectl.environment).stderr
    assert sentence in said and "FERROCACHE_AUTH_TOKEN" in said
    assert "not/base64!" not in said


def test_a_secret_of_ones_own_is_named(ctl, kubectl):
    kubectl.serves({**CLUSTER, "spec": {"auth": {"existingSecret": "ours"}}}, secret={"data": {"token": "?"}})
    assert "the Secret ours" in ctl("-c", "demo", "status", code=1, environment=kubectl.environment).stderr


@pytest.mark.parametrize("cluster", [
    {**CLUSTER, "spec": {"auth": {"enabled": "yes"}}}, {**CLUSTER, "spec": 7}, {**CLUSTER, "spec": {"auth": {"existingSecret": 7}}},
])
def test_an_object_of_another_shape_is_an_error_and_no_crash(ctl, kubectl, cluster):
    kubectl.serves(cluster, secret=secret_of(b"t"))
    said = ctl("-c", "demo", "status", code=1, environment=kubectl.environment).stderr
    assert "is not what this version of ferroctl knows" in said


@pytest.mark.parametrize("body, code", [(b"[]", 1), (b"{}", 0), (b"7", 1), (b"<html>", 1)])
def test_a_server_that_is_no_cache_is_an_error_and_no_crash(ctl, body, code):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer((HOST, 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            ctl("--url", f"http://{HOST}:{server.server_port}", "stats", code=code)
        finally:
            server.shutdown()
            serving.join()


def test_words_that_are_no_utf8_are_a_mistake_of_usage(ctl, nodes):
    node = nodes.start()
    said = ctl("insert", "-m", "m::2", "-e", "[1,0]", "-r", os.fsdecode(b"caf\xe9"), node=node, code=2).stderr
    assert "UTF-8" in said


@pytest.mark.parametrize("content", ["", " \n", "to\x7fken\n"])
def test_a_token_file_without_a_usable_token_is_named(ctl, nodes, content):
    (nodes.folder / "token").write_text(content)
    assert "token holds no token" in ctl("--token-file", "token", "status", code=2).stderr
