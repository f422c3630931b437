"""Every command of the documentation. What needs nothing but a node is run as it stands and must print what the page shows; what
needs Kubernetes, a package index or half an hour is held against what it names: charts and their values, flags, fields of the
resource, targets of the Makefile, extras of the package. A program that nobody here knows how to check fails.
"""
import json
import os
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import yaml

from harness.documents import (
    LANGUAGES, PAGES, ROOT, Command, blocks, commands, inline_commands, languages, matches, name_of, simple_commands,
)
from harness.node import HOST, binary_path, clean_environment
from harness.vectors import axis

sys.path.insert(0, str(ROOT / "tests/house"))
from api_server import find_program  # noqa: E402  (needs the path above)

WITH_COMMANDS = [page for page in PAGES if commands(page)]
NODE_ADDRESSES = re.compile(r"(?:http://)?(?:127\.0\.0\.1|localhost|demo\.default\.svc|NODE|OTHER|HOST):3000")
GATEWAY_ADDRESS = "localhost:8080"  # of ferrocache-gateway, which clients/python tests
RUN = {"curl", "echo", "ferroctl"}
# What a page takes for granted: entries that its commands find.
STORED = {
    "docs/api.md": [{"id": "order-7/2", "model_id": "demo::3", "cache_scope": "acme"},
                    *({"id": f"price{number}", "model_id": "prices::3", "tags": ["price-list-2024"]} for number in range(12))],
}
PLACEHOLDERS = {"NAME": "demo", "RELEASE": "demo", "FILE": "file", "KIND": "pods", "SCENARIO": "name"}
RESOURCES = set("""fcc ferrocachecluster ferrocacheclusters all cm configmap configmaps crd deploy deployment deployments events hpa
    lease leases namespace namespaces netpol networkpolicies node nodes ns pdb pod pods pv pvc sa secret secrets service services
    statefulset statefulsets storageclass sts svc""".split())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page):
    """Or commands would be overlooked here."""
    assert set(languages(page)) <= LANGUAGES, f"{name_of(page)}: a block without one of {sorted(LANGUAGES)}"


# --- run ---


@pytest.fixture
def shell(nodes):
    """shell(line, node): runs it as a reader would, in a folder of its own, the programs of this build in PATH."""
    folder = nodes.folder / "reader"
    folder.mkdir()

    def run(line, node):
        text = NODE_ADDRESSES.sub(f"{HOST}:{node.port}", line)
        environment = clean_environment({"FERROCACHE_URL": f"http://{HOST}:{node.port}", "TOKEN": "a-token",
                                         "FERROCACHE_AUTH_TOKEN": "a-token",
                                         "PATH": f"{Path(binary_path()).parent}:{os.environ['PATH']}"})
        return subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True,
                              timeout=60, check=False)

    return run


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_what_a_page_has_run_prints_what_it_shows(page, shell, nodes):
    todo = [one for one in commands(page) if one.text.split()[0] in RUN and GATEWAY_ADDRESS not in one.text]
    if not todo:
        return  # the tests below have the others
    node = nodes.start({"auth_token": "a-token"}, token="a-token") if "$TOKEN" in page.read_text() else nodes.start()
    for entry in STORED.get(name_of(page), []):
        node.api.call("POST", "/insert", {"embedding": axis(3, 0), "response": "r", "query_text": "q", **entry})
    for one in todo:
        done = shell(one.text, node)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{one}\n{said}"
        assert '{"error"' not in said, f"{one}\n{said}"
        assert not one.prints or matches(said, one.prints), f"{one}\nprints\n{said}\nthe page shows\n" + "\n".join(one.prints)


# --- held against what they name ---


def check_make(words):
    makefile = (ROOT / "Makefile").read_text()
    for word in words[1:]:
        name = word.split("=")[0]
        if "=" in word:
            assert f"$({name})" in makefile, f"the Makefile knows no {name}="
        else:
            assert re.search(rf"^{re.escape(name)}:", makefile, flags=re.M), f"the Makefile has no target {name}"


def extras():
    with (ROOT / "clients/python/pyproject.toml").open("rb") as file:
        return set(tomllib.load(file)["project"]["optional-dependencies"])


def check_pip(words):
    assert words[1] == "install", f"pip {words[1]}"
    for word in words[2:]:
        if named := re.fullmatch(r"(?:\./clients/python|ferrocache)(?:\[(.*)\])?", word):
            chosen = set((named[1] or "").split(",")) - {""}
            assert chosen <= extras(), f"no such extra: {word}"
            # A wrapped client embeds what it is asked: without one of these wrap_openai(OpenAI()) is an ImportError.
            if chosen & {"openai", "anthropic"}:
                assert chosen & {"embeddings", "local", "all"}, f"what makes the embeddings is missing: {word}"


def check_python(words):
    assert words[1] == "-m" or (ROOT / words[1]).is_file(), f"no program {words[1]}"
    if words[1].startswith("examples/"):
        run_there = (ROOT / "clients/python/tests/test_examples.py").read_text()
        assert Path(words[1]).stem in run_there, f"{words[1]} is run by no test"


def check_script(words):
    done = subprocess.run([sys.executable, ROOT / words[0], "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for word in words[1:]:
        if word.startswith("--"):
            assert word in done.stdout, f"{words[0]} has no {word}"
        elif words[0] == "e2e/run.py":
            assert re.search(rf"\b{word}\b", done.stdout), f"{words[0]} has no {word}"


def check_ferroctl(words):
    program = Path(binary_path()).parent / "ferroctl"
    path, rest = [], []
    for word in words[1:]:
        (rest if word.startswith("-") or rest else path).append(word)
    for length in range(len(path), -1, -1):  # what follows a command are its positionals
        done = subprocess.run([program, *path[:length], "--help"], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0 and (length == 0 or f"Usage: ferroctl {' '.join(path[:length])}" in done.stdout):
            break
    assert length > 0 or not path, f"ferroctl has no command {' '.join(path)}"
    common = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for word in rest:
        if word.startswith("-"):
            assert re.search(rf"(^|[ ,]){re.escape(word.split('=')[0])}\b", done.stdout + common, flags=re.M), f"no option {word}"


def check_ferrocached(words):
    said = subprocess.run([binary_path(), "--help"], capture_output=True, text=True, timeout=60, check=False).stdout
    for word in words[1:]:
        assert not word.startswith("--") or word.split("=")[0] in said, f"ferrocached has no {word}"


def check_gateway(words):
    parser = (ROOT / "clients/python/src/ferrocache/gateway/main.py").read_text()
    for word in words[1:]:
        assert not word.startswith("--") or f'add_argument("{word.split("=")[0]}"' in parser, f"ferrocache-gateway has no {word}"


def check_docker(words):
    """What is built is in the tree, and what is run has been built on its page."""
    if words[1] == "build":
        assert (ROOT / words[words.index("-f") + 1]).is_file(), "no such Containerfile"
        assert (ROOT / words[-1]).is_dir(), f"no folder {words[-1]}"
    else:
        assert words[1] == "run", f"docker {words[1]}"
        built = [page for page in ROOT.glob("docs/**/*.md") if re.search(rf"docker build .* -t {words[-1]} ", page.read_text())]
        assert built, f"no page builds {words[-1]}"


def check_promtool(words):
    assert words[1:3] in (["test", "rules"], ["check", "rules"]), f"promtool {' '.join(words[1:3])}"
    for pattern in words[3:]:
        assert list(ROOT.glob(pattern)), f"no file {pattern}"


def check_helm(words):
    """`helm template` takes what install and upgrade take, renders it, and refuses values that a chart does not know."""
    if words[1] in ("uninstall", "test"):
        return
    assert words[1] in ("install", "upgrade", "template"), f"helm {words[1]}"
    if len(words) == 2:  # only spoken of
        return
    assert len(words) > 3, f"a release and a chart are missing in: {' '.join(words)}"
    assert (ROOT / words[3] / "Chart.yaml").is_file(), f"no chart {words[3]}"
    helm = find_program("helm")
    if helm is None:
        warnings.warn(f"helm is not here (make e2e builds it): only the chart's place was checked of: {' '.join(words)}")
        return
    only_of_others = ("--reuse-values", "--wait")
    rest = [word for word in words[4:] if word not in only_of_others]
    done = subprocess.run([helm, "template", words[2], ROOT / words[3], *rest, "--kube-version", "1.34.0"], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def status_schema():
    crd = yaml.safe_load((ROOT / "crds/ferrocacheclusters.yaml").read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def check_path_of_a_cluster(path):
    """A jsonpath through a FerroCacheCluster names fields that it has."""
    schema, inside = status_schema(), None
    for part in re.findall(r"\{(?:range )?([^}]*)\}", path):
        for name in re.findall(r"\.[\w.\[\]*]+", part):
            at = schema if inside is None or name.startswith((".status", ".spec")) else inside
            for step in re.findall(r"\w+|\[\*\]", name):
                at = at["items"] if step == "[*]" else at["properties"][step]
            if "[*]" in name:
                inside = at


def check_kubectl(words):
    if words[1] == "ferrocache":
        return check_ferroctl(["ferroctl", *words[2:]])
    plain = [word for before, word in zip(words, words[1:]) if not word.startswith("-") and before not in ("-n", "-l", "-o", "-p")]
    for flag, value in zip(words, words[1:]):
        if flag in ("-f", "--filename") and value != "-" and plain[0] in ("apply", "create", "delete", "replace"):
            assert (ROOT / value).is_file(), f"no file {value}"
        if value.startswith("--for=condition="):
            text = (ROOT / "docs/operator/custom_resource.md").read_text()
            assert f"`{value.removeprefix('--for=condition=')}`" in text, f"no condition {value}"
        if value.startswith("jsonpath="):
            if any(word.split("/")[0] in ("fcc", "ferrocacheclusters") for word in plain):
                check_path_of_a_cluster(value)
    if plain[0] in ("get", "describe", "delete", "scale", "wait") and len(plain) > 1:
        kinds = [word for word in plain[1:] if word.split("/")[0].split(",")[0] in RESOURCES]
        assert kinds, f"no kind that is known here in: {' '.join(words)}"
    if plain[:1] == ["explain"] and len(plain) > 1:
        assert plain[1].split(".")[1] in ("spec", "status")
    kubectl = find_program("kubectl")
    if kubectl is None:
        warnings.warn(f"kubectl is not here: its flags were not parsed in: {' '.join(words)}")
        return
    # Flags are parsed before anybody is asked; nobody listens there.
    nowhere = [kubectl, "--server=http://127.0.0.1:1", "--request-timeout=1s", *words[1:]]
    done = subprocess.run(nowhere, cwd=ROOT, capture_output=True, text=True, input="", timeout=60,
                          env={**os.environ, "KUBECONFIG": "/dev/null"}, check=False)
    for sentence in ("unknown flag", "unknown shorthand", "unknown command", "error parsing", "unrecognized", "invalid argument"):
        assert sentence not in done.stderr, done.stderr


def check_curl(words):
    """Its path is one of the API's, or of the gateway's."""
    [target] = [word for word in words[1:] if re.match(r"(https?://)?[A-Za-z0-9.]+:\d+/", word)] or [None]
    assert target is not None, "curl without an address of host, port and path"
    path = re.sub(r"^(https?://)?[^/]*", "", target).split("?")[0]
    pages = ["docs/clients/langcache.md", "docs/clients/gateway.md"] if GATEWAY_ADDRESS in target else ["docs/api.md"]
    known = [path for page in pages for path in re.findall(r"`(?:GET|POST|DELETE) (/[\w/{}]*)`", (ROOT / page).read_text())]
    shapes = [re.sub(r"\{\w+\}", "[^/]+", one) for one in known]
    assert any(re.fullmatch(shape, path) for shape in shapes), f"no path {path}"


def passes(_words):
    """Of the machine, or for the reader to fill in."""


CHECKS = {"make": check_make, "pip": check_pip, "python": check_python, "python3": check_python, "e2e/run.py": check_script,
          "dashboards/build.py": check_script, "dashboards/draw.py": check_script, "ferroctl": check_ferroctl,
          "ferrocached": check_ferrocached, "ferrocache-gateway": check_gateway, "promtool": check_promtool, "helm": check_helm,
          "kubectl": check_kubectl, "docker": check_docker, "bench/gateway.py": check_script,
          "curl": check_curl, "echo": passes, "export": passes, "man": passes, ".": passes, "base64": passes, "systemctl": passes,
          "journalctl": passes, "source": passes}


def filled_in(command):
    text = re.sub(r"^(\w+)=\$\((.*)\)$", r"\2", command.text, flags=re.S)  # TOKEN=$(kubectl ...)
    return Command(command.page, re.sub(r"\b(NAME|RELEASE|FILE|KIND|SCENARIO)\b(?!=)", lambda found: PLACEHOLDERS[found[0]], text))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_commands_name_is_there(page):
    for command in [*commands(page), *inline_commands(page)]:
        for words in simple_commands(filled_in(command)):
            assert words[0] in CHECKS, f"{command}: nobody here knows how to check {words[0]}"
            try:
                CHECKS[words[0]](words)
            except (AssertionError, KeyError, IndexError, ValueError) as wrong:
                raise AssertionError(f"{command}: {wrong!r}") from wrong


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=name_of)
def test_yaml_of_clusters_fits_the_resource(page):
    """Fields of `spec:` blocks are those of the FerroCacheCluster."""
    def fits(schema, value, path):
        for name, inner in value.items() if isinstance(value, dict) else []:
            if "properties" in schema:
                assert name in schema["properties"], f"{name_of(page)}: no field {path}.{name}"
                fits(schema["properties"][name], inner, f"{path}.{name}")

    for block in blocks(page, "yaml"):
        for document in yaml.safe_load_all(block):
            if isinstance(document, dict) and set(document) <= {"spec", "metadata", "kind", "apiVersion"} and "spec" in document \
                    and document.get("kind", "FerroCacheCluster") == "FerroCacheCluster":
                fits(status_schema()["properties"]["spec"], document["spec"], "spec")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")], ids=name_of)
def test_json_is_json(page):
    for block in blocks(page, "json"):
        json.loads(block)
