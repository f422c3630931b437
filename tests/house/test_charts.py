"""The charts: what they repeat of crds/ is the same, values and their schema belong together, rights name no wildcard and just
the kinds that the operator knows. Where helm is at hand (`make e2e` builds it) they also lint, render to the golden files
of tests/golden/charts (FERRO_WRITE_GOLDEN=1 writes them) and refuse what cannot work.
"""

import copy
import os
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml

import api_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
GOLDEN = ROOT / "tests/golden/charts"
NAMES = ("ferrocache-crds", "ferrocache-operator", "ferrocache-cluster")
KUBERNETES = "1.34.0"


def load(path):
    return yaml.safe_load((ROOT / path).read_text())


def values_of(chart):
    return load(f"charts/{chart}/values.yaml")


def schema_of(chart):
    return load(f"charts/{chart}/values.schema.json")


def spec_schema():
    return load("crds/ferrocacheclusters.yaml")["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


# --- without helm ---


def test_what_the_charts_repeat_is_as_it_is_made():
    answer = subprocess.run([sys.executable, CHARTS / "sync.py", "--check"], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout


def test_the_definitions_are_those_of_crds():
    for place in ("charts/ferrocache-crds", "charts/ferrocache-operator/charts/ferrocache-crds"):
        text = (ROOT / place / "templates/ferrocacheclusters.yaml").read_text()
        assert "helm.sh/resource-policy: keep" in text
        made = yaml.safe_load(re.sub(r"^\{\{-.*\}\}\n", "", text, flags=re.M).replace("{{", "'").replace("}}", "'"))
        del made["metadata"]["annotations"]
        assert made == load("crds/ferrocacheclusters.yaml")


@pytest.mark.parametrize("chart", NAMES)
def test_default_values_fit_their_schema(chart):
    jsonschema.Draft7Validator.check_schema(schema_of(chart))
    jsonschema.validate(values_of(chart), schema_of(chart))


@pytest.mark.parametrize("chart", NAMES)
def test_a_misspelt_value_is_refused(chart):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values_of(chart), "replcas": 3}, schema_of(chart))


@pytest.mark.parametrize("chart", NAMES)
def test_every_value_of_the_schema_has_a_default_that_shows(chart):
    def compare(schema, values, path):
        named = set(schema.get("properties", {})) - {"global"}
        if path == "" and chart == "ferrocache-crds":
            named.discard("install")
        assert named == set(values), path
        for name in named:
            inner = schema["properties"][name]
            if values[name] and isinstance(values[name], dict) and inner.get("additionalProperties") is False:
                compare(inner, values[name], f"{path}.{name}")

    compare(schema_of(chart), values_of(chart), "")


def test_values_of_a_cluster_mirror_its_spec():
    values = values_of("ferrocache-cluster")

    def compare(schema, values, path):
        for name, inner in schema["properties"].items():
            assert name in values, f"{path}.{name} is not in values.yaml"
            if "properties" in inner and values[name]:
                compare(inner, values[name], f"{path}.{name}")
            elif "default" in inner and path + name not in ("resources",):
                assert values[name] == inner["default"], f"{path}.{name} has another default"
            else:
                assert values[name] in (None, "", {}, []), f"{path}.{name} has no default in the definition"

    compare(spec_schema(), values, "")


def rules(name):
    return load(f"charts/ferrocache-operator/rbac/{name}.yaml")


def kinds_of_the_operator():
    """(group, plural) of operator/k8s/resources.h."""
    text = (ROOT / "operator/k8s/resources.h").read_text()
    return set(re.findall(r'Resource k\w+\{\s*"([^"]*)",\s*"[^"]*",\s*"([^"]*)"', text))


def test_rights_name_no_wildcard_and_the_kinds_that_the_operator_knows():
    granted = set()
    for name in ("watched", "cluster", "leader"):
        for rule in rules(name):
            assert set(rule) <= {"apiGroups", "resources", "verbs", "resourceNames"}
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            granted |= {(group, plural.split("/")[0]) for group in rule["apiGroups"] for plural in rule["resources"]}
    # Namespaces are looked at by nobody: that one goes is told by the answer to what is made in it.
    assert granted == kinds_of_the_operator() - {("", "namespaces")}


def test_nothing_outside_its_own_namespaces_is_written():
    for rule in rules("cluster"):
        assert set(rule["verbs"]) <= {"get", "list", "watch"}


# --- with helm ---

with_helm = pytest.mark.skipif(not api_server.find_program("helm"), reason="helm is not here")
CASES = sorted(GOLDEN.glob("*.values.yaml"))


def helm(*words):
    return subprocess.run([api_server.find_program("helm"), *map(str, words)], capture_output=True, text=True)


def render(chart, *words):
    answer = helm("template", "ferrocache", CHARTS / chart, "-n", "ferrocache-system", "--kube-version", KUBERNETES, *words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def refusal(chart, *words):
    answer = helm("template", "ferrocache", CHARTS / chart, "--kube-version", KUBERNETES, *words)
    assert answer.returncode != 0, "rendered"
    return answer.stderr


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


@with_helm
@pytest.mark.parametrize("chart", NAMES)
def test_lint(chart):
    answer = helm("lint", "--strict", CHARTS / chart, "--kube-version", KUBERNETES)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def without_its_text(name, text):
    """A dashboard is the file of dashboards/; the golden file only says which."""
    source = f"dashboards/grafana/{name.removeprefix('ferrocache-')}"
    assert text.strip() == (ROOT / source).read_text().strip()
    return f"as {source}"


@with_helm
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.removesuffix(".values.yaml"))
def test_rendered_as_the_golden_file(case):
    rendered = render(case.name.split(".")[0], "-f", case)
    kept = [one for one in documents(rendered) if one["kind"] != "CustomResourceDefinition" or "crds" in case.name]
    for one in kept:
        if "grafana_dashboard" in one["metadata"].get("labels", {}):
            one["data"] = {name: without_its_text(name, text) for name, text in one["data"].items()}
    text = yaml.safe_dump_all(kept, sort_keys=True, width=120)
    golden = case.with_name(case.name.replace(".values.", ".rendered."))
    if os.environ.get("FERRO_WRITE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def containers(document):
    pod = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
    return pod, pod["containers"]


@with_helm
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.removesuffix(".values.yaml"))
def test_every_pod_is_restricted(case):
    for document in documents(render(case.name.split(".")[0], "-f", case)):
        if document["kind"] not in ("Pod", "Deployment"):
            continue
        pod, all_containers = containers(document)
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for container in all_containers:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["capabilities"]["drop"] == ["ALL"]
            assert security["allowPrivilegeEscalation"] is False


@with_helm
def test_scoped_mode_makes_roles_and_nothing_outside_namespaces():
    kinds = {}
    for document in documents(render("ferrocache-operator", "-f", GOLDEN / "ferrocache-operator.scoped.values.yaml")):
        kinds.setdefault(document["kind"], []).append(document["metadata"]["namespace"])
    assert not {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"} & set(kinds)
    assert sorted(kinds["Role"]) == ["ferrocache-system", "search", "shop"]


@with_helm
def test_what_cannot_work_is_refused_in_a_sentence():
    operator = "ferrocache-operator"
    digest = "sha256:" + "a" * 64
    assert "not both" in refusal(operator, "--set", f"image.tag=v1,image.digest={digest}")
    assert "serviceAccount.name" in refusal(operator, "--set", "serviceAccount.create=false")
    assert "twice" in refusal(operator, "--set", "watchNamespaces={a,a}")
    assert "metricsFrom" in refusal(
        operator, "--set", "networkPolicy.enabled=false", "--set-json", 'networkPolicy.metricsFrom=[{"podSelector":{}}]'
    )
    assert "replicas" in refusal(operator, "--set", "replicas=0")
    assert "monitorng" in refusal(operator, "--set", "monitorng.dashboards=true")
    cluster = "ferrocache-cluster"
    assert "fullnameOverride" in refusal(cluster, "--set", "fullnameOverride=9lives")
    assert "factor" in refusal(cluster, "--set", "replication.factor=9")
    assert "sise" in refusal(cluster, "--set", "storage.sise=1Gi")
    assert "config" in refusal(cluster, "--set", r"config.hnsw\.ef_search=64")  # a number; --set-string makes a text


@with_helm
def test_a_cluster_with_the_values_untouched_is_the_default_cluster():
    spec = next(one for one in documents(render("ferrocache-cluster")) if one["kind"] == "FerroCacheCluster")["spec"]

    def defaults(schema):
        result = {}
        for name, inner in schema["properties"].items():
            if "default" in inner:
                result[name] = {**copy.deepcopy(inner["default"]), **defaults(inner)} if "properties" in inner else inner["default"]
        return result

    expected = defaults(spec_schema())
    for name in ("resources", "config"):  # empty in the values: left to the definition
        expected.pop(name)
    assert spec == expected
