"""ferroctl against real nodes and on the files of stopped ones."""
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from harness.certificates import Authority
from harness.cluster import Cluster
from harness.vectors import axis, random_unit

ROOT = Path(__file__).resolve().parents[2]


def vector(index):
    return json.dumps(axis(8, index))


def test_a_conversation_with_a_node(ctl, nodes):
    node = nodes.start()
    assert "miss" in ctl("query", "-m", "m::8", "-e", vector(0), node=node, code=3).stdout
    made = ctl("insert", "-m", "m::8", "-e", vector(0), "--text", "how?", "-r", "so\x1b[31m", "--id", "e1", "--tag", "t", node=node)
    assert made.stdout == "e1\n"
    hit = ctl("query", "-m", "m::8", "-e", vector(0), node=node).stdout
    assert "e1" in hit and "\x1b" not in hit  # what is stored drives no terminal
    assert json.loads(ctl("query", "-m", "m::8", "-e", vector(0), "-o", "json", node=node).stdout)["hit"] is True
    assert "query_text" in ctl("get", "e1", node=node).stdout
    assert "m::8" in ctl("namespaces", node=node).stdout
    assert "would delete 1" in ctl("invalidate", "--tag", "t", "--dry-run", node=node).stdout
    assert "deleted" in ctl("delete", "e1", node=node).stdout
    assert "not found" in ctl("get", "e1", node=node, code=3).stderr
    assert "inserts_total" in ctl("stats", node=node).stdout
    assert ctl("status", "-o", "yaml", node=node).stdout.strip()
    assert "QUERIES/S" in ctl("top", "--rounds", 1, "--interval", 0.3, node=node).stdout
    assert "0 failed" in ctl("bench", "--seconds", 0.5, "--entries", 50, "--dimension", 8, node=node).stdout
    assert "entries in the snapshot" in ctl("compact", node=node).stdout


def test_mistakes_are_explained(ctl, nodes):
    node = nodes.start({"auth_token": "secret-token"}, token="secret-token")
    assert "--token-file" in ctl("status", node=node, code=1).stderr
    lost = ctl("--url", "http://127.0.0.1:1", "status", code=1).stderr
    assert "no answer from http://127.0.0.1:1" in lost and "does a node run there?" in lost
    ctl("query", "-m", "m::8", "-e", "not json", node=node, token="secret-token", code=2)
    for line in (["no-such-command"], ["--timeout-ms", "5", "no-such-command", "-m", "x"], ["wal", "no-such-command"]):
        assert "there is no command no-such-command here" in ctl(*line, code=2).stderr
    assert "A subcommand is required" in ctl("wal", code=2).stderr
    assert "--model is required" in ctl("query", "stray", "-e", vector(0), code=2).stderr
    token = nodes.folder / "token"
    token.write_text("secret-token\n")
    assert "ready" in ctl("--token-file", token, "status", node=node).stdout
    assert "kubectl" in ctl("why", code=3, environment={"FERROCTL_KUBECTL": "no-such-kubectl"}).stderr


def test_export_and_import_carry_everything_over(ctl, nodes):
    one, two = nodes.start(), nodes.start()
    for number in range(30):
        one.api.insert(axis(8, number % 8), "m::8", f"answer {number}", f"q{number}", id=f"e{number}", tags=["t"],
                       attributes={"lang": "en"}, cost=0.5, ttl_seconds=1000)
    one.api.insert(axis(8, 0), "m::8", "scoped", "q", cache_scope="tenant", conversation_id="7", id="s1")
    ctl("export", "all.jsonl", node=one)
    assert "exists" in ctl("export", "all.jsonl", node=one, code=2).stderr
    path = nodes.folder / "all.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])  # cut off in the middle of a line
    ctl("export", "all.jsonl", "--resume", node=one)
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())
    assert "stored 31" in ctl("import", "all.jsonl", "--mark", "mark", node=two).stderr
    assert "stored 0" in ctl("import", "all.jsonl", "--mark", "mark", node=two).stderr  # it knows how far it came
    assert "stored 31" in ctl("import", "all.jsonl", node=two).stderr  # again changes nothing
    assert two.api.health()["entry_count"] == 31
    for name in ("e3", "s1"):
        mine, theirs = (node.api.call("GET", f"/entry/{name}?vector=true").json() for node in (one, two))
        for field in ("response", "query_text", "model_id", "tags", "attributes", "embedding"):
            assert mine[field] == theirs[field]


def test_files_of_a_stopped_node(ctl, nodes):
    node = nodes.start()
    for number in range(5):
        node.api.insert(axis(8, number), "m::8", "a secret answer", f"q{number}")
    node.api.call("POST", "/admin/compact")
    node.api.insert(axis(8, 6), "m::8", "a secret answer", "later")
    node.stop()
    assert "snapshot" in ctl("snapshot", "info", node.data).stdout
    assert "ok" in ctl("snapshot", "verify", node.data).stdout
    assert "a start would accept it" in ctl("wal", "verify", node.data).stdout
    lines = [json.loads(line) for line in ctl("wal", "dump", node.data).stdout.splitlines()]
    assert lines[-1]["op"] == "put" and lines[-1]["query_text"] == "later"
    assert "a secret answer" not in json.dumps(lines)
    [snapshot] = [path for path in Path(node.data).iterdir() if path.name.endswith(".snap") or "snapshot-" in path.name][:1]
    content = bytearray(snapshot.read_bytes())
    content[len(content) // 2] ^= 1
    snapshot.write_bytes(content)
    assert snapshot.name in ctl("snapshot", "verify", node.data, code=1).stderr


def test_a_support_bundle_holds_no_secret(ctl, nodes):
    node = nodes.start({"auth_token": "secret-token"}, token="secret-token")
    node.api.insert(axis(8, 0), "m::8", "a secret answer", "a secret question")
    ctl("support-bundle", "--file", "bundle.tar.gz", node=node, token="secret-token")
    with tarfile.open(nodes.folder / "bundle.tar.gz") as bundle:
        names = {os.path.basename(name) for name in bundle.getnames()}
        assert {"status.json", "stats.json", "metrics.txt", "readyz.txt"} <= names
        for member in bundle.getmembers():
            if member.isfile():
                content = bundle.extractfile(member).read()
                for secret in (b"secret-token", b"a secret answer", b"a secret question"):
                    assert secret not in content, member.name


def test_output_that_cannot_be_written_is_a_failure(ctl, nodes):
    """`ferroctl ... > file` on a full disk left half a file and said that all was well."""
    node = nodes.start()
    for words in (["status"], ["stats", "-o", "json"], ["man"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            assert "cannot write the output" in ctl(*words, node=node, code=1, stdout=full).stderr


def test_words_that_contradict_each_other_are_refused(ctl, nodes):
    node = nodes.start()
    for words in (["-c", "demo", "--url", "http://127.0.0.1:1", "status"], ["--cert", "a.pem", "status"],
                  ["--key", "a.key", "status"], ["completions", "csh"],
                  ["insert", "-m", "m::2", "-e", "[1,0]", "-r", "a", "--ttl", -5]):
        ctl(*words, node=node, code=2)
    assert node.api.health()["entry_count"] == 0


def test_an_id_of_several_namespaces_is_read_and_deleted_in_one(ctl, nodes):
    node = nodes.start()
    for scope in ("a", "b c"):
        node.api.insert(axis(8, 0), "m::8", f"of {scope}", "q", id="e/1", cache_scope=scope)
    node.api.insert(axis(8, 0), "m::8", "of talk 7", "q", id="e/1", cache_scope="a", conversation_id="7")
    assert "of a\n" in ctl("get", "e/1", "-m", "m::8", "--scope", "a", node=node).stdout
    assert "of talk 7" in ctl("get", "e/1", "-m", "m::8", "--scope", "a", "--conversation", "7", node=node).stdout
    vector = json.loads(ctl("get", "e/1", "-m", "m::8", "--scope", "b c", "--vector", "-o", "json", node=node).stdout)["embedding"]
    assert vector == axis(8, 0)
    ctl("delete", "e/1", "-m", "m::8", "--scope", "b c", node=node)
    ctl("get", "e/1", "-m", "m::8", "--scope", "b c", node=node, code=3)
    assert node.api.health()["entry_count"] == 2
    ctl("delete", "e/1", node=node)
    assert node.api.health()["entry_count"] == 0


def test_top_shows_all_nodes_over_tls_and_says_who_does_not_answer(ctl, nodes):
    """With the address in FERROCACHE_URL the others were asked without TLS."""
    authority = Authority(nodes.folder / "authority", "ca")
    leaf = authority.issue("leaf")
    two = Cluster(nodes, 2, {"http.tls.cert_path": leaf.cert, "http.tls.key_path": leaf.key, "auth_token": "t"})
    for member in two.members:
        member.tls, member.token = authority.client_context(), "t"
    two.start()
    url = {"FERROCACHE_URL": f"https://localhost:{two.members[0].port}"}
    words = ["--ca", authority.cert, "top", "--rounds", 1, "--interval", 0.2]
    rows = ctl(*words, token="t", environment=url).stdout.splitlines()
    assert [row.split()[:2] for row in rows[1:3]] == [["n1", "yes"], ["n2", "yes"]]
    assert "--token-file" in ctl(*words, token="wrong", environment=url, code=1).stderr  # not "does not answer"
    two.members[1].kill()
    rows = ctl(*words, token="t", environment=url).stdout.splitlines()
    assert rows[2].startswith("n2") and "does not answer" in rows[2]
    ctl("--url", "http://127.0.0.1:1", "top", code=1)


def test_files_for_tls_that_cannot_be_used_are_named(ctl, nodes):
    """It said "asio.ssl error", and of a missing token file, with the exit code of a miss, that it is not there."""
    authority = Authority(nodes.folder / "authority", "ca")
    leaf, other = authority.issue("leaf"), authority.issue("other")
    node = nodes.start({"http.tls.cert_path": leaf.cert, "http.tls.key_path": leaf.key, "http.tls.client_ca_path": authority.cert},
                       tls=authority.client_context(other))
    url = ["--url", f"https://localhost:{node.port}"]
    mine = ["--ca", authority.cert, "--cert", other.cert, "--key", other.key]
    assert "ready" in ctl(*url, *mine, "status").stdout
    (nodes.folder / "text").write_text("no certificate\n")
    for words, said in ((["--ca", "nowhere.pem"], "nowhere.pem"), (["--ca", "text"], "text cannot be used"),
                        (["--ca", authority.cert, "--cert", other.cert, "--key", leaf.key], "leaf.key cannot be used"),
                        (["--token-file", "nowhere"], "nowhere")):
        assert said in ctl(*url, *words, "status", code=2).stderr
    assert "--ca" in ctl(*url, "status", code=1).stderr
    assert "--cert and --key" in ctl(*url, "--ca", authority.cert, "status", code=1).stderr
    assert "speak https" in ctl("--url", f"http://localhost:{node.port}", "status", code=1).stderr


def test_a_log_that_a_start_would_refuse_is_refused(ctl, nodes):
    """It took the newest snapshot for whole without a look, and a damaged segment for an open one."""
    node = nodes.start({"compact_interval_inserts": 0})
    for number in range(60):
        node.api.insert(axis(8, number % 8), "m::8", "r" * 100, f"q{number}", id=f"e{number}")
        if number in (19, 39):
            node.api.call("POST", "/admin/compact")
    node.stop()
    data = Path(node.data)
    assert "a start would accept it" in ctl("wal", "verify", data).stdout
    first, last = sorted(data.glob("wal-*.log"))[0], sorted(data.glob("wal-*.log"))[-1]
    assert first != last
    newest = sorted(data.glob("snapshot-*"))[-1]

    def damage(path, at):
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)

    offsets = [json.loads(line) for line in ctl("wal", "dump", data).stdout.splitlines()]
    in_first = [one for one in offsets if one["file"] == str(first)]
    damage(first, in_first[5]["offset"] + 60)
    said = ctl("wal", "verify", data)
    assert "damaged behind byte" in said.stdout and "a start would accept it" in said.stdout  # the snapshot has what is lost
    assert f"records {in_first[5]['sequence']} to {in_first[-1]['sequence']}" in ctl("wal", "dump", data).stderr
    damage(newest, newest.stat().st_size // 2)
    assert "a start would refuse it" in ctl("wal", "verify", data, code=1).stdout
    assert newest.name in ctl("wal", "verify", data, code=1).stderr
    (data / "SNAPSHOTS").write_text("garbage\n")
    for words in (["wal", "verify"], ["snapshot", "info"]):
        assert "SNAPSHOTS" in ctl(*words, data, code=1).stderr
    assert ctl("wal", "dump", data).stdout  # what can be shown is shown


def test_a_folder_that_is_no_nodes_is_said_to_be_none(ctl, nodes):
    folder = nodes.folder / "other"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for words in (["wal", "verify"], ["wal", "dump"], ["snapshot", "info"], ["snapshot", "verify"]):
        assert "holds no data of a node" in ctl(*words, folder, code=3).stderr
    node = nodes.start()
    node.stop()
    assert "no snapshots" in ctl("snapshot", "info", node.data).stdout
    assert "a start would accept it" in ctl("wal", "verify", node.data).stdout


def test_a_node_is_checked_by_the_program_beside(ctl, nodes):
    path = nodes.folder / "a.toml"
    path.write_text("port = 3000\n")
    assert "is fine" in ctl("config", "check", "a.toml").stderr
    path.write_text("prot = 3000\n")
    assert "prot" in ctl("config", "check", "a.toml", code=1).stderr
    path.write_text("auth_token_file = '/nowhere/tokens'\n")
    assert "/nowhere/tokens" in ctl("config", "check", "a.toml", code=1).stderr
    assert "--program" in ctl("config", "check", "a.toml", "--program", "no-such-node", code=3).stderr
    ctl("config", "check", "nothing.toml", code=2)


def test_completions_and_manual(ctl):
    script = ctl("completions").stdout
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    assert '"wal") offer=" verify dump' in script
    assert ".SS wal verify" in ctl("man").stdout


def commands_of(manual):
    return [re.sub(r"\\", "", line[4:]) for line in manual.splitlines() if line.startswith(".SS ")]


def leaves(commands):
    return {one for one in commands if not any(other.startswith(one + " ") for other in commands)}


def test_the_documentation_names_every_command_and_no_other(ctl):
    documented = set()
    page = (ROOT / "docs/ferroctl.md").read_text()
    for cell in re.findall(r"^\| (`.*?`) \|", page, re.M):
        documented |= {" ".join(word for word in name.split() if word.islower() and not word.startswith("-"))
                       for name in re.findall(r"`([^`]+)`", cell)}
    commands = commands_of(ctl("man").stdout)
    assert documented == leaves(commands)
    for command in commands:
        assert "Usage:" in ctl(*command.split(), "--help").stdout, command
    for option in set(re.findall(r"`(--?[a-z-]+)", page)):
        assert any(f"\\fB{option.replace('-', chr(92) + '-')}" in line or f",{option.replace('-', chr(92) + '-')}" in line
                   for line in ctl("man").stdout.splitlines()), option


def test_every_option_is_explained(ctl):
    lines = ctl("man").stdout.splitlines()
    bare = [lines[at + 1] for at, line in enumerate(lines) if line == ".TP" and not lines[at + 2].strip(".")]
    assert bare == []


def completed(script, *words):
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in words)
    line = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=(); _ferroctl; echo \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bash_completes_what_the_help_names(ctl):
    script, commands = ctl("completions").stdout, commands_of(ctl("man").stdout)
    top = {command for command in commands if " " not in command}
    assert top <= completed(script, "ferroctl", "")
    for command in commands:
        helped = ctl(*command.split(), "--help").stdout
        options = set(re.findall(r"^ +(?:-\w,)?(--[a-z-]+)", helped, re.M))
        assert options <= completed(script, "ferroctl", *command.split(), "--"), command
    assert completed(script, "ferroctl", "--url", "http://a:1", "-c", "demo", "snap") == {"snapshot"}
    assert "--vector" in completed(script, "ferroctl", "get", "an-id", "--v")
    assert completed(script, "ferroctl", "-o", "") == set()  # a value
    assert "--cancel" in completed(script, "ferroctl", "drain", "--cancel", "--")  # a flag has none
    assert "verify" in completed(script, "ferroctl", "--help-all", "wal", "v")
    assert {"token", "certs", "ca"} <= completed(script, "ferroctl", "rotate", "")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(ctl, nodes):
    (nodes.folder / "ferroctl.zsh").write_text(ctl("completions", "zsh").stdout)
    # As zsh's own bridge to bash's completions asks, which leaves it to zsh to take what begins alike.
    script = """
source ./ferroctl.zsh
for line in 'ferroctl ' 'ferroctl wal ' 'ferroctl drain --c' 'ferroctl --url http://a:1 snap'; do
  words=(${(z)line}); [[ $line == *' ' ]] && words+=('')
  CURRENT=${#words}; COMP_WORDS=("${words[@]}"); (( COMP_CWORD = CURRENT - 1 ))
  print -r -- "$line: ${(j: :)${(f)$(compgen -F _ferroctl -- ${words[CURRENT]})}}"
done
"""
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, cwd=nodes.folder, check=False,
                          env={**os.environ, "HOME": str(nodes.folder)})
    offered = {line: set(words.split()) for line, words in (row.split(": ", 1) for row in done.stdout.splitlines())}
    assert {"status", "export", "wal"} <= offered["ferroctl "] and not done.stderr, done
    assert {"verify", "dump"} <= offered["ferroctl wal "] and "status" not in offered["ferroctl wal "]
    assert "--cancel" in offered["ferroctl drain --c"]
    assert "snapshot" in offered["ferroctl --url http://a:1 snap"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(ctl, nodes):
    (nodes.folder / "ferroctl.fish").write_text(ctl("completions", "fish").stdout)

    def offered(line):
        script = f"source ./ferroctl.fish; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=nodes.folder, check=False,
                              env={**os.environ, "HOME": str(nodes.folder)})
        assert not done.stderr, done.stderr
        return {word.split("\t")[0] for word in done.stdout.splitlines()}

    assert {"status", "export", "wal"} <= offered("ferroctl ")
    assert offered("ferroctl wal ") == {"verify", "dump"}
    assert offered("ferroctl --url http://a:1 snap") == {"snapshot"}
    assert "--cancel" in offered("ferroctl drain --c")
    assert "--url" in offered("ferroctl wal verify --u")
    assert "verify" not in offered("ferroctl -o wal ")  # a value


def test_the_manual_page_is_read_without_complaint(ctl):
    """Lines that begin with a point or a quote were instructions, and went missing."""
    page = ctl("man").stdout
    for line in page.splitlines():
        assert not line.startswith((".", "'")) or line.split(" ")[0] in (".TH", ".SH", ".SS", ".TP"), line
    assert all(line.strip() for line in page.splitlines())


def test_without_kubectl_it_says_what_to_do(ctl):
    for words in (["why"], ["rotate", "token"], ["-c", "demo", "status"]):
        said = ctl(*words, code=3, environment={"FERROCTL_KUBECTL": "no-such-kubectl"}).stderr
        assert "no-such-kubectl is not installed" in said and "FERROCTL_KUBECTL" in said and "--url" in said


def test_a_cluster_that_kubectl_does_not_find_is_a_no(ctl, nodes):
    program = nodes.folder / "kubectl"
    program.write_text("#!/bin/sh\necho 'Error from server (NotFound): no demo' >&2\nexit 1\n")
    program.chmod(0o755)
    assert "no demo" in ctl("why", "demo", code=3, environment={"FERROCTL_KUBECTL": str(program)}).stderr
    program.write_text("#!/bin/sh\necho 'Error from server (Forbidden): not you' >&2\nexit 1\n")
    assert "not you" in ctl("why", "demo", code=1, environment={"FERROCTL_KUBECTL": str(program)}).stderr


def test_programs_that_it_starts_do_not_get_the_token(ctl, nodes):
    program = nodes.folder / "kubectl"
    program.write_text("#!/bin/sh\nenv >&2\nexit 1\n")
    program.chmod(0o755)
    said = ctl("why", "demo", code=1, token="secret-token", environment={"FERROCTL_KUBECTL": str(program)}).stderr
    assert "PATH=" in said and "secret-token" not in said


def test_an_export_holds_vectors_of_every_direction(ctl, nodes, rng):
    """Half of all vectors point away from any one direction: they were left out."""
    node = nodes.start()
    for number in range(200):
        node.api.insert(random_unit(rng, 8), "m::8", "a", f"q{number}", id=f"e{number}")
    for sign in (1.0, -1.0):
        node.api.insert([sign, 0, 0, 0, 0, 0, 0, 0], "m::8", "a", f"on the axis {sign}", id=f"axis{sign}")
        node.api.insert([0, sign, 0, 0, 0, 0, 0, 0], "m::8", "a", f"across {sign}", id=f"across{sign}")
    assert "exported 204 entries" in ctl("export", "all.jsonl", node=node).stderr
    lines = (nodes.folder / "all.jsonl").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == 204


def test_an_export_tells_equal_ids_of_namespaces_apart(ctl, nodes):
    """The newest of an id was written once for every namespace that has it."""
    one, two = nodes.start(), nodes.start()
    for scope in ("a", "b c", "d&e=f"):
        one.api.insert(axis(8, 0), "m::8", f"of {scope}", "q", id="same/id", cache_scope=scope, conversation_id="k?")
    ctl("export", "all.jsonl", node=one)
    path = nodes.folder / "all.jsonl"
    assert {json.loads(line)["response"] for line in path.read_text().splitlines()} == {"of a", "of b c", "of d&e=f"}
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:1]))
    assert "exported 2 entries" in ctl("export", "all.jsonl", "--resume", node=one).stderr
    assert "stored 3" in ctl("import", "all.jsonl", node=two).stderr
    assert two.api.health()["entry_count"] == 3


def test_an_export_that_stops_says_how_to_go_on(ctl, nodes):
    node = nodes.start({"auth_token": "t"}, token="t")
    node.api.insert(axis(8, 0), "m::8", "a", "q")
    assert "--token-file" in ctl("export", "all.jsonl", node=node, code=1).stderr
    assert not (nodes.folder / "all.jsonl").exists()  # nothing to get out of the way
    assert "exported 1" in ctl("export", "all.jsonl", node=node, token="t").stderr
