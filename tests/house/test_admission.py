"""On a real API server. The CRD: it is accepted (structural schema, cost of its rules), fills in the defaults, takes the
samples, and refuses what is wrong with a sentence that names the fields. What the charts render and what the operator
makes: it is taken; what the server keeps of the latter is written to tests/golden/operator/kept/ by FERRO_WRITE_GOLDEN=1, and the
operator's comparison is held against that. Skipped where no kube-apiserver is at hand: `make e2e` builds one.
"""

import json
import os
import pathlib
import subprocess

import pytest
import yaml

import api_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRD = ROOT / "crds/ferrocacheclusters.yaml"
SAMPLES = sorted((ROOT / "crds/samples").glob("*.yaml")) + sorted((ROOT / "tests/golden/operator/cases").glob("*.yaml"))
RENDERED = sorted((ROOT / "tests/golden/operator").glob("*.json"))
KEPT = ROOT / "tests/golden/operator/kept"
CHART_CASES = sorted((ROOT / "tests/golden/charts").glob("*.values.yaml"))
# Kinds whose definitions belong to the Prometheus operator.
ELSEWHERE = ("ServiceMonitor", "PrometheusRule")
VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")
REFUSED = yaml.safe_load((ROOT / "tests/golden/operator/refused.yaml").read_text())

pytestmark = pytest.mark.skipif(bool(api_server.missing()), reason=f"not here: {', '.join(api_server.missing())}")


@pytest.fixture(scope="module")
def server():
    with api_server.ApiServer() as running:
        running.apply_crds(CRD)
        yield running


def resource(name, spec):
    kind = {"apiVersion": "cache.ferrocache.io/v1alpha1", "kind": "FerroCacheCluster"}
    return json.dumps({**kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec})


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_taken(server, sample):
    server.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(sample))


def test_defaults_show(server):
    answer = server.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", text=resource("demo", {}))
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec = json.loads(answer.stdout)["spec"]

    def compare(type_, value, path):
        for name, property_ in type_.get("properties", {}).items():
            if "default" in property_:
                assert name in value, f"{path}.{name} is not filled in"
                if "properties" not in property_:
                    assert value[name] == property_["default"], f"{path}.{name}"
                else:
                    compare(property_, value[name], f"{path}.{name}")

    compare(schema, spec, "spec")
    assert (spec["replicas"], spec["replication"]["factor"], spec["tls"]["caValidity"]) == (3, 2, "8760h")


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: json.dumps(case["spec"])[:60])
def test_what_is_wrong_is_refused_in_a_sentence(server, case):
    name = case.get("name", "wrong")
    if "before" in case:
        server.kubectl("apply", "-f", "-", text=resource(name, case["before"]))
    answer = server.kubectl("apply", "--dry-run=server", "-f", "-", text=resource(name, case["spec"]), check=False)
    if "before" in case:
        server.kubectl("delete", "fcc", name)
    assert answer.returncode != 0, f"accepted: {case['spec']}"
    for word in case["says"]:
        assert word in answer.stderr, answer.stderr


def test_scale_and_status_are_subresources(server):
    server.kubectl("apply", "-f", "-", text=resource("scaled", {}))
    server.kubectl("scale", "fcc/scaled", "--replicas=5")
    status = {"status": {"phase": "Ready", "readyReplicas": 4, "version": "0.2.0", "replicas": 5, "selector": "a=b",
                         "tls": {"caNotAfter": "2027-07-01T03:00:00Z"},
                         "blockedBy": [{"action": "Roll", "rule": "RingChanging"}]}}  # fmt: skip
    server.kubectl("patch", "fcc", "scaled", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    header, row = server.kubectl("get", "fcc", "scaled", "-o", "wide").stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "READY", "DESIRED", "VERSION", "AGE", "CA-EXPIRY", "BLOCKED"]
    assert row.split()[1:5] == ["Ready", "4", "5", "0.2.0"] and row.split()[-1] == "RingChanging"
    scale = json.loads(server.kubectl("get", "fcc", "scaled", "--subresource=scale", "-o", "json").stdout)
    assert (scale["spec"]["replicas"], scale["status"]["replicas"], scale["status"]["selector"]) == (5, 5, "a=b")
    too_few = server.kubectl("scale", "fcc/scaled", "--replicas=0", check=False)
    assert too_few.returncode != 0 and "spec.replicas" in too_few.stderr
    server.kubectl("delete", "fcc", "scaled")


def test_every_field_is_explained(server):
    said = server.kubectl("explain", "fcc.spec", "--recursive").stdout
    for field in ("replicaHosts", "terminationGracePeriodSeconds", "caRenewBefore", "deadRatio"):
        assert (field in said) == (field != "replicaHosts"), said
    assert "At least 256Mi" in server.kubectl("explain", "fcc.spec.storage.size").stdout


def without_what_differs_from_run_to_run(kept):
    for name in VOLATILE:
        kept["metadata"].pop(name, None)
    if kept["kind"] == "Service" and kept["spec"].get("clusterIP") != "None":
        kept["spec"]["clusterIP"], kept["spec"]["clusterIPs"] = "10.97.0.7", ["10.97.0.7"]
    return kept


@pytest.fixture(scope="module")
def namespaces(server):
    for name in ("shop", "search", "ferrocache-system"):
        server.kubectl("create", "namespace", name)
        server.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        server.kubectl("-n", name, "create", "serviceaccount", "default")  # by nobody else: no controllers run here


@pytest.mark.parametrize("rendered", RENDERED, ids=lambda path: path.stem)
def test_what_the_operator_makes_is_taken_and_kept_as_the_golden_file_says(server, namespaces, rendered):
    kept = []
    for one in json.loads(rendered.read_text()):
        if one["kind"] in ELSEWHERE:
            continue
        words = ("apply", "--server-side", "--field-manager=ferrocache-operator", "--validate=strict", "-o", "json", "-f", "-")
        kept.append(without_what_differs_from_run_to_run(json.loads(server.kubectl(*words, text=json.dumps(one)).stdout)))
    text = json.dumps(kept, indent=1, sort_keys=True) + "\n"
    if os.environ.get("FERRO_WRITE_GOLDEN"):
        KEPT.mkdir(exist_ok=True)
        (KEPT / rendered.name).write_text(text)
    assert text == (KEPT / rendered.name).read_text()


@pytest.mark.parametrize("rendered", RENDERED, ids=lambda path: path.stem)
def test_pods_of_nodes_pass_the_restricted_standard(server, namespaces, rendered):
    for one in json.loads(rendered.read_text()):
        if one["kind"] == "StatefulSet":
            pod = {"apiVersion": "v1", "kind": "Pod", **one["spec"]["template"]}
            pod["metadata"].update(name="trial", namespace="shop")
            pod["spec"].update(serviceAccountName="default", priorityClassName="")
            pod["spec"]["volumes"].append({"name": "data", "emptyDir": {}})
            server.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", text=json.dumps(pod))


@pytest.mark.skipif(not api_server.find_program("helm"), reason="helm is not here")
@pytest.mark.parametrize("case", CHART_CASES, ids=lambda path: path.name.removesuffix(".values.yaml"))
def test_what_the_charts_render_is_taken(server, namespaces, case):
    chart = ROOT / "charts" / case.name.split(".")[0]
    rendered = subprocess.run(
        [api_server.find_program("helm"), "template", "ferrocache", chart, "-n", "ferrocache-system", "-f", case,
         "--kube-version", "1.34.0"], capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    taken = [one for one in yaml.safe_load_all(rendered) if one and one["kind"] not in ELSEWHERE]
    text = yaml.safe_dump_all(taken)
    server.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
