"""The process: start, refusals, signals, logs."""
import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.certificates import Authority
from harness.contract import contract
from harness.http import Client, ConnectionClosed, build_request
from harness.node import HOST, clean_environment, command, has_ipv6, run_to_end
from harness.ports import free_port
from harness.timing import scaled, wait_until
from harness.vectors import axis, random_unit


@contract("config-13: a second process on the same port is refused, saying so")
def test_same_port(nodes):
    first = nodes.start()
    second = nodes.make({"port": first.port})
    said = second.expect_refused_start()
    assert str(first.port) in said and "port" in said.lower(), said
    assert first.api.health()["entry_count"] == 0
    # An address that includes the first one's, and one that "localhost" may mean as well.
    for bind in ("0.0.0.0", "::1") if has_ipv6() else ("0.0.0.0",):
        said = nodes.make({"port": first.port, "http.bind": bind}).expect_refused_start()
        assert str(first.port) in said


@contract("config-14: a second process on the same data folder is refused, saying so")
def test_same_folder(nodes):
    first = nodes.start()
    entry_id = first.api.insert(axis(8, 0), "m")
    for path in (first.data, first.data.parent / "." / first.data.name):
        said = nodes.make({"wal_path": str(path)}).expect_refused_start()
        assert str(first.data.name) in said, said
        assert any(word in said.lower() for word in ("in use", "lock", "another process", "already")), said
    link = nodes.folder / "link"
    link.symlink_to(first.data)
    nodes.make({"wal_path": str(link)}).expect_refused_start()
    assert first.api.has_entry(entry_id)
    first.kill()
    again = nodes.start({"wal_path": str(first.data)})
    assert again.api.has_entry(entry_id), "a killed owner leaves no lock behind"


@contract("config-15: a wal_path whose parent does not exist is made")
def test_path_is_made(nodes):
    deep = nodes.folder / "not" / "yet" / "there" / "x.wal"
    node = nodes.start({"wal_path": str(deep)})
    node.api.insert(axis(8, 0), "m")
    assert deep.parent.is_dir()
    node.restart(kill=True)
    assert node.api.health()["entry_count"] == 1
    blocked = nodes.folder / "file"
    blocked.write_text("a file")
    said = nodes.make({"wal_path": str(blocked / "x.wal")}).expect_refused_start()
    assert str(blocked) in said


@contract("config-12: node_id is made once and stored with the data")
def test_node_id(nodes):
    node = nodes.start()
    made = node.api.health()["node_id"]
    assert made and nodes.start().api.health()["node_id"] != made
    node.restart(kill=True)
    assert node.api.health()["node_id"] == made
    node.stop()
    node.settings["node_id"] = "node-7"
    assert node.start().api.health()["node_id"] == "node-7"
    assert node.api.call("GET", "/cluster/status").json()["self_node_id"] == "node-7"


@contract("config-16: --health asks the running node")
def test_health_option(nodes, tmp_path):
    node = nodes.start()
    done = run_to_end("--health", f"--port={node.port}", f"--http.bind={HOST}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run_to_end("--health", f"--port={free_port()}", f"--http.bind={HOST}", folder=tmp_path)
    assert done.returncode != 0 and done.stderr.strip()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("level", ["info", "off"])
def test_a_free_port_is_told_whatever_is_logged(nodes, level):
    """With the log off or at warnings, nobody could find the node."""
    folder = nodes.folder / level
    with (open(nodes.folder / "said", "w+", encoding="ascii") as said,
          subprocess.Popen(command("--port=0", f"--log.level={level}", f"--http.bind={HOST}", f"--wal_path={folder}"),
                           stdout=said, stderr=subprocess.DEVNULL, env=clean_environment()) as process):
        try:
            wait_until(lambda: (nodes.folder / "said").read_text().endswith("\n"), 30, "the port")
            port = int((nodes.folder / "said").read_text().removeprefix("port "))
            assert Client(HOST, port).request("GET", "/health").status == 200
        finally:
            process.terminate()


@contract("config-16: --health of a node with TLS and tokens")
def test_health_option_over_tls(nodes, tmp_path):
    authority = Authority(nodes.folder / "ca", "authority")
    leaf = authority.issue("leaf")
    settings = {"http.tls.cert_path": leaf.cert, "http.tls.key_path": leaf.key}
    node = nodes.start(settings, tls=authority.client_context(), environment={"FERROCACHE_AUTH_TOKEN": "t"})
    options = [f"--{key}={value}" for key, value in settings.items()]
    done = run_to_end("--health", f"--port={node.port}", f"--http.bind={HOST}", *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr


@contract("process-1: SIGTERM finishes running requests and exits 0")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stop_finishes_what_runs(nodes, number):
    """The server has asked for the body (100 Continue): that request is running, and gets its answer."""
    node = nodes.start()
    data = json.dumps({
        "items": [{"embedding": axis(8, n % 8), "model_id": "m", "response": "r", "query_text": ""}
                  for n in range(500)]
    }).encode()
    running, idle = node.client.connect(), node.client.connect()
    assert idle.request("GET", "/health").status == 200
    running.send(
        build_request("POST", "/insert/batch", b"",
                      {"Content-Length": str(len(data)), "Expect": "100-continue"}))
    assert running.read_response().status == 100
    node.signal(number)
    wait_until(lambda: refuses_connections(node), 5, "no new connections are taken")
    running.send(data)
    results = running.read_response().json()["results"]
    assert len(results) == 500 and all(result["status"] == "ok" for result in results)
    assert idle.is_closed_by_peer()
    assert node.wait() == 0
    node.start()
    assert node.api.health()["entry_count"] == 500


def refuses_connections(node) -> bool:
    try:
        with node.client.connect() as connection:
            connection.request("GET", "/livez")
        return False
    except (OSError, ConnectionClosed):
        return True


@contract("process-1: under load every answer is whole and every acknowledged write stays")
def test_stop_under_load(nodes):
    node = nodes.start()
    acknowledged, problems = set(), []

    def load(worker):
        api, number = node.api.with_token(None), 0
        try:
            while True:
                number += 1
                entry_id = f"w{worker}-{number}"
                response = api.client.request(
                    "POST", "/insert", {
                        "embedding": axis(8, worker), "model_id": "m", "response": "r", "query_text": "",
                        "id": entry_id
                    })
                if response.status == 200:
                    acknowledged.add(entry_id)
                elif response.status != 503:
                    problems.append(response)
        except ConnectionClosed as closed:
            if "0 bytes" not in str(closed).split("closed by the peer, ")[1]:
                problems.append(closed)
        except OSError:
            pass

    threads = [threading.Thread(target=load, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) > 100, 20, "the load runs")
    node.stop()
    for thread in threads:
        thread.join()
    assert not problems, problems[:3]
    node.start()
    assert all(node.api.has_entry(entry_id) for entry_id in acknowledged)


@contract("process-1: a stalled client does not keep the process from ending")
def test_stop_with_stalled_clients(nodes):
    node = nodes.start({"http.shutdown_timeout_seconds": 1})
    node.api.insert(axis(8, 0), "m", "x" * 1_000_000)
    half = node.client.connect()
    half.send(b"POST /insert HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    deaf = node.client.connect()
    body = json.dumps({"embedding": axis(8, 0), "model_id": "m"}).encode()
    deaf.send(build_request("POST", "/query", body) * 12)
    node.stop()


@contract("process-2: SIGHUP reloads and goes on")
def test_hangup(nodes):
    file = nodes.folder / "tokens"
    file.write_text("one\n")
    node = nodes.start({"auth_token_file": str(file)})
    file.write_text("two\n")
    node.signal(signal.SIGHUP)
    wait_until(lambda: node.api.with_token("two").client.request("GET", "/stats").status == 200, 3,
               "the new token counts")
    for _ in range(20):
        node.signal(signal.SIGHUP)
    assert node.api.health()["status"] == "ok" and node.is_running()


@contract("process-2: a changed log level counts without a signal or a restart, other keys say that they wait")
def test_settings_change_in_place(nodes):
    file = nodes.folder / "settings.yaml"
    file.write_text("log.level: warn\n")
    node = nodes.start(arguments=("--config", str(file)))
    assert "log level" not in node.log()
    file.write_text("log.level: info\n")
    wait_until(lambda: "the log level has changed" in node.log(), 20, "the new level counts")
    file.write_text("log.level: info\nhnsw.ef_search: 64\n")
    wait_until(lambda: "changed settings count from the next start on" in node.log(), 20, "it says what waits")
    assert "hnsw.ef_search" in node.log()
    file.write_text("log.level: loud\n")
    wait_until(lambda: "the configuration could not be read again" in node.log(), 20, "it says what is wrong")
    assert node.api.health()["status"] == "ok"


@contract("process-3: neither tokens nor user texts in the log at info, request ids where something failed")
def test_log_is_discreet(nodes):
    secrets = {
        "token": "secret-token-abcdef", "text": "private question ghijkl",
        "response": "private answer mnopqr", "tag": "private-tag-stuvwx", "value": "private-value-yzabcd",
        "number": "0.123456789"
    }
    node = nodes.start(environment={"FERROCACHE_AUTH_TOKEN": secrets["token"]}, token=secrets["token"])
    api = node.api
    api.insert([0.123456789, 1.0], "m", secrets["response"], secrets["text"], tags=[secrets["tag"]],
               attributes={"k": secrets["value"]})
    api.hit([0.123456789, 1.0], "m", query_text=secrets["text"])
    api.miss([1.0, 0.0], "m", query_text=secrets["text"] + "x", attributes={"k": secrets["value"]})
    api.call("POST", "/insert", {
        "embedding": [1, 2, 3], "model_id": "m", "response": secrets["response"],
        "query_text": secrets["text"]
    }, expect=400)
    api.client.request("POST", "/query", b'{"query_text":"' + secrets["text"].encode() + b'", broken')
    api.invalidate(tags=[secrets["tag"]], dry_run=True)
    api.compact()
    node.restart()
    node.client.request("GET", "/stats", headers={"Authorization": "Bearer wrong-" + secrets["token"]})
    node.stop()
    for path in sorted(node.folder.glob("log-*.txt")):
        text = path.read_text()
        assert text.strip(), "something is logged"
        for name, secret in secrets.items():
            assert secret not in text, f"the {name} stands in the log"
        for line in text.splitlines():
            assert isinstance(json.loads(line), dict), f"no JSON: {line}"


@contract("process-3: request ids in the log")
def test_request_ids_in_the_log(nodes):
    node = nodes.start({"log.level": "debug"})
    node.client.request("GET", "/health", headers={"X-Request-Id": "find-me-42"})
    node.client.request("GET", "/nothing", headers={"X-Request-Id": "find-me-43"})
    node.stop()
    assert "find-me-42" in node.log() and "find-me-43" in node.log()


@contract("process-3: text format, and levels")
def test_log_formats(nodes):
    node = nodes.start({"log.format": "text"})
    node.stop()
    lines = node.log().splitlines()
    assert lines and not any(line.startswith("{") for line in lines)
    quiet = nodes.start({"log.level": "error"})
    quiet.stop()
    assert quiet.log().strip() == ""


@contract("process-1: the data folder needs no other place to write")
def test_writes_only_its_folder(nodes):
    node = nodes.start()
    node.api.insert(axis(8, 0), "m")
    node.api.compact()
    node.stop()
    assert {path.name for path in node.folder.iterdir()} - {"data"} == {Path(node.log_path()).name}


@contract("config-17: a lone writer is not delayed")
def test_lone_writer_is_not_delayed(nodes):
    api = nodes.start({"wal_batch_timeout_ms": 3000}).api
    durations = []
    for number in range(10):
        begin = time.monotonic()
        api.insert(axis(8, 0), "m", id=f"e{number}")
        durations.append(time.monotonic() - begin)
    assert sorted(durations)[5] < scaled(0.5)


@contract("config-18: hnsw.max_elements is no cap")
def test_first_capacity_is_no_cap(nodes, rng):
    api = nodes.start({"hnsw.max_elements": 10, "index.kind": "hnsw"}).api
    vectors = [random_unit(rng, 16) for _ in range(600)]
    api.insert_many([{"embedding": vector, "model_id": "m", "response": f"r{number}", "query_text": ""}
                     for number, vector in enumerate(vectors)])
    for number, vector in enumerate(vectors):
        assert api.hit(vector, "m", threshold=0.9999)["response"] == f"r{number}"
