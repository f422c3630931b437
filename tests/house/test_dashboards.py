"""Dashboards and alerts against the code: made from one source, they name what is exported, every alert has a page and its tests,
and those tests hold as well for what the operator makes of each cluster.
"""
import functools
import json
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dashboards import build  # noqa: E402  (needs the path above)
from dashboards.live import for_live_use  # noqa: E402

RULES = sorted((ROOT / "dashboards/rules").glob("*.yaml"))
TESTS = sorted((ROOT / "dashboards/rules/tests").glob("*.yaml"))
ASSETS = ROOT / "operator/objects/assets"
CHART = ROOT / "charts/ferrocache-operator/monitoring"
PAGES = [ROOT / "docs/metrics.md", ROOT / "docs/operator/metrics.md"]
SUFFIXES = re.compile(r"_(bucket|count|sum)$")
# What operator/objects/monitoring.cc and the chart fill in. Nodes are told by either set of labels of a ServiceMonitor.
SELECTORS = {"Kubernetes": 'namespace="prod",service="demo-nodes"', "ours": 'kube_namespace="prod",cluster="demo"'}
FILLED = {
    "$SELECTOR": SELECTORS["Kubernetes"],
    "$NAMESPACE": "prod",
    "$CLUSTER": "demo",
    "$UID": "u-1",
    "$SNAPSHOT_AGE_SECONDS": "172800",
    "$CERTIFICATE_LEFT_SECONDS": "259200",
    "$OPERATOR": "ferrocache-operator",
    "$OWN_NAMESPACE": "ferrocache-system",
}


def filled(path, selector=None):
    """A file of the operator or its chart with everything in its place."""
    text = path.read_text()
    for name, value in {**FILLED, **({"$SELECTOR": selector} if selector else {})}.items():
        text = text.replace(name, json.dumps(value)[1:-1] if path.suffix == ".json" else value)
    return text


def documents_of_rules():
    yield from ((path.relative_to(ROOT).as_posix(), path.read_text()) for path in RULES)
    for path in (ASSETS / "alerts.json", CHART / "alerts.yaml"):
        yield path.relative_to(ROOT).as_posix(), filled(path)


@functools.cache
def rules():
    """(file, rule) of every rule of every place."""
    groups = [(name, group) for name, text in documents_of_rules() for group in yaml.safe_load(text)["groups"]]
    return [(name, rule) for name, group in groups for rule in group["rules"]]


def expressions_of_rules():
    return [(name, rule["expr"]) for name, rule in rules()]


def expressions_of_panels():
    made = {name: build.grafana(dashboard) for name, dashboard in build.dashboards().items()}
    made["one cluster"] = json.loads(filled(ASSETS / "dashboard.json"))
    for name, dashboard in made.items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{name}: {panel['title']}", for_live_use(target["expr"], "30s", "1h")


def alerts():
    return {rule["alert"] for name, rule in rules() if "alert" in rule and name.startswith("dashboards/")}


def exported():
    names = {"up"}
    for page in PAGES:
        for cell in re.findall(r"^\| (`.*?`) \|", page.read_text(), re.M):
            names |= set(re.findall(r"`([a-z_0-9]+)`", cell))
    return names


def test_every_made_file_is_what_the_source_makes():
    done = subprocess.run([sys.executable, ROOT / "dashboards/build.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_file_is_named(tmp_path, monkeypatch, capsys):
    fresh, changed, unknown = tmp_path / "fresh.json", tmp_path / "changed.json", tmp_path / "unknown.json"
    for path in (fresh, changed, unknown):
        path.write_text("as made")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "outputs", lambda: {fresh: "as made", changed: "made otherwise"})
    monkeypatch.setattr(sys, "argv", ["build.py", "--check"])
    assert build.main() == 1
    said = capsys.readouterr().out
    assert "changed.json" in said and "unknown.json" in said and "fresh.json" not in said


def test_no_placeholder_is_left():
    texts = [text for _, text in documents_of_rules()] + [filled(ASSETS / "dashboard.json")]
    for text in texts:
        assert not re.findall(r"\$(?:[A-Z][A-Z_]+|nodes|scrape|recorded|member|cluster)\b", text)
    for path in RULES:
        assert "{}" not in path.read_text(), path


def test_queries_name_only_what_is_exported():
    known = exported() | {rule["record"] for _, rule in rules() if "record" in rule}
    for where, expr in [*expressions_of_rules(), *expressions_of_panels()]:
        named = re.findall(r"\b(?:ferrocache|process)[a-z0-9_:]*|\bup\b", re.sub(r'"[^"]*"', "", expr))
        assert named, f"{where} asks for nothing: {expr}"
        for name in named:
            assert name in known or SUFFIXES.sub("", name) in known, f"{where} asks for {name}, which nothing exports"


def promtool(*words):
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_understands_every_expression(tmp_path):
    recorded = [{"record": f"check:{number}", "expr": expr}
                for number, (_, expr) in enumerate([*expressions_of_rules(), *expressions_of_panels()])]
    assert len(recorded) > 80
    made = tmp_path / "all.yaml"
    made.write_text(json.dumps({"groups": [{"name": "check", "rules": recorded}]}))
    promtool("check", "rules", made, *RULES)


def test_panels_fill_their_lines():
    """Grafana's grid shows no hole, whatever was added last."""
    made = {name: build.grafana(dashboard) for name, dashboard in build.dashboards().items()}
    made["one cluster"] = json.loads(filled(ASSETS / "dashboard.json"))
    for name, dashboard in made.items():
        lines = {}
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            width, heights = lines.get(place["y"], (0, set()))
            lines[place["y"]] = (width + place["w"], heights | {place["h"]})
        for y, (width, heights) in lines.items():
            titles = [panel["title"] for panel in dashboard["panels"] if panel["gridPos"]["y"] == y]
            assert width == build.COLUMNS and len(heights) == 1, f"{name}: {titles}"


def panel_named(dashboard, title):
    return next(panel for panel in dashboard["panels"] if panel["title"] == title)


# Of cluster demo, which is to have three nodes: (case, of each node that is scraped whether it is ready, how many members they see
# alive, how many dead, replicas that the operator tells of or None, share that is ready).
NODES_READY = [
    ("all are there", [1, 1, 1], 3, 0, None, 1),
    ("two are dead", [1], 1, 2, None, 1 / 3),
    ("one runs and is not ready", [1, 0, 1], 3, 0, 3, 2 / 3),
    ("one never came up, which only the operator knows", [1, 1], 2, 0, 3, 2 / 3),
    ("none can be scraped", [], 0, 0, 3, 0),
    ("all run and one fewer is asked for", [1, 1, 1], 3, 0, 2, 1),
]


def series_of_nodes(cluster, ready, alive, dead):
    return [{"series": f'{metric}{{kube_namespace="prod",cluster="{cluster}",node="{cluster}-{number}"}}', "values": str(value)}
            for number, is_ready in enumerate(ready)
            for metric, value in (("ferrocache_ready", is_ready), ("ferrocache_cluster_nodes", alive),
                                  ("ferrocache_peers_dead", dead))]


def series_of_operator(cluster, replicas, hibernated=0):
    labels = f'namespace="prod",name="{cluster}"'
    return [{"series": f"ferrocache_operator_cluster_replicas_desired{{{labels}}}", "values": str(replicas)},
            {"series": f'ferrocache_operator_cluster_phase{{{labels},phase="Hibernated"}}', "values": str(hibernated)}]


def test_nodes_ready_goes_by_how_many_there_are_to_be(tmp_path):
    """Cause: it was a count that was green from one node on: with one of three ready."""
    panels = [next(panel for panel in dashboard["panels"] if panel["title"] == "Nodes ready")
              for dashboard in (build.grafana(build.dashboards()["overview"]), json.loads(filled(ASSETS / "dashboard.json")))]
    for panel in panels:
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [(step["value"], step["color"]) for step in steps] == [(None, "red"), (1, "green"), (1.001, "orange")]
    of_all, of_demo = (for_live_use(panel["targets"][0]["expr"], "30s", "1h") for panel in panels)
    beside = [*series_of_nodes("other", [1], 1, 0), *series_of_operator("asleep", 5, hibernated=1)]
    cases = []
    for case, ready, alive, dead, asked_for, share in NODES_READY:
        series = series_of_nodes("demo", ready, alive, dead) + (series_of_operator("demo", asked_for) if asked_for else [])
        asked = [{"expr": of_demo, "eval_time": "0s", "exp_samples": [{"value": share}]},
                 {"expr": of_all, "eval_time": "0s", "exp_samples": [{"value": (3 * share + 1) / 4}]}]
        cases.append({"name": case, "interval": "1m", "input_series": series + beside, "promql_expr_test": asked})
    made = tmp_path / "nodes_ready.json"
    made.write_text(json.dumps({"tests": cases}))
    promtool("test", "rules", made)


# Of nodes whose scrape sets not all of the labels: (case, the labels that it does set, ready of each node by cluster, what the
# operator tells of, share that is shown).
NODES_WITHOUT_LABELS = [
    ("one cluster", "", {"demo": [1, 1, 1]}, {}, 1),
    ("one cluster and its operator", "", {"demo": [1, 1, 1]}, {"demo": 3}, 1),
    ("one of three is not ready", "", {"demo": [1, 0, 1]}, {"demo": 3}, 2 / 3),
    ("a cluster that only the operator knows counts too", "", {"demo": [1, 1, 1]}, {"demo": 3, "other": 2}, 3 / 5),
    ("its namespace alone is missing", 'cluster="demo",', {"demo": [1, 1, 1]}, {"demo": 3}, 1),
    ("two clusters and their operator", "", {"demo": [1, 1, 1], "other": [1, 1, 1]}, {"demo": 3, "other": 3}, 1),
    ("two clusters and nobody who tells that they are two", "", {"demo": [1, 1, 1], "other": [1, 1, 1]}, {}, 2),
]


def test_nodes_without_labels_are_not_counted_twice(tmp_path):
    """Cause: what nodes without the labels know was added to what the operator asks for, so that three of three were half."""
    panel = panel_named(build.grafana(build.dashboards()["overview"]), "Nodes ready")
    expr = for_live_use(panel["targets"][0]["expr"], "30s", "1h")
    cases = []
    for case, labels, nodes, asked_for, share in NODES_WITHOUT_LABELS:
        series = [one for name, ready in nodes.items() for one in series_of_nodes(name, ready, len(ready), 0)]
        series = [{**one, "series": re.sub(r'kube_namespace="prod",cluster="\w+",node', labels + "instance", one["series"])}
                  for one in series]
        series += [one for name, replicas in asked_for.items() for one in series_of_operator(name, replicas)]
        asked = [{"expr": expr, "eval_time": "0s", "exp_samples": [{"value": share}]}]
        cases.append({"name": case, "interval": "1m", "input_series": series, "promql_expr_test": asked})
    made = tmp_path / "without_labels.json"
    made.write_text(json.dumps({"tests": cases}))
    promtool("test", "rules", made)


def test_promtool_unit_tests_pass():
    promtool("test", "rules", *TESTS)


@pytest.mark.parametrize("labels", SELECTORS)
def test_they_pass_for_what_the_operator_makes_of_a_cluster(labels, tmp_path):
    """The same series with the labels of a scrape in Kubernetes, beside another cluster in the same state, which counts not."""
    (tmp_path / "rules.json").write_text(filled(ASSETS / "alerts.json", SELECTORS[labels]))
    kubernetes = r'namespace="prod",service="demo-nodes",pod="\1"'
    of_ours = r'kube_namespace="prod",cluster="demo",node="(demo-\d)"'
    of_kubernetes = kubernetes if labels == "Kubernetes" else r'kube_namespace="prod",cluster="demo",' + kubernetes
    made = []
    for name in ("alerts.yaml", "days.yaml"):
        text = re.sub(of_ours, of_kubernetes, (ROOT / "dashboards/rules/tests" / name).read_text())
        document = yaml.safe_load(text)
        document["rule_files"] = ["rules.json"]
        document["tests"] = [case for case in document["tests"] if "ferrocache_operator_" not in case["input_series"][0]["series"]]
        for case in document["tests"]:
            others = [{**one, "series": re.sub(r"demo-nodes|(?<=cluster=.)demo", lambda found: found[0].replace("demo", "other"),
                                               one["series"])} for one in case["input_series"]]
            case["input_series"] += others
            for asked in case["promql_expr_test"]:
                count = len(asked["exp_samples"])
                asked["expr"], asked["exp_samples"] = f"count({asked['expr']})", [{"value": count}] if count else []
        made.append(tmp_path / f"{name}.json")
        made[-1].write_text(json.dumps(document))
    promtool("test", "rules", *made)


def test_every_alert_has_a_page_and_both_tests():
    tests = "".join(path.read_text() for path in TESTS)
    assert len(alerts()) > 25
    for name in alerts():
        assert (ROOT / f"docs/runbooks/{name}.md").is_file(), name
        assert f"- name: {name} fires" in tests and f"- name: {name} silent" in tests, name
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("FerroCache*.md")}
    assert pages == alerts()
    index = (ROOT / "docs/runbooks/README.md").read_text()
    assert set(re.findall(r"^\| \[(\w+)\]\(\1\.md\)", index, re.M)) == alerts()


def test_every_alert_says_what_it_means_and_what_to_do():
    for where, rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("critical", "warning", "info"), f"{where}: {rule['alert']}"
            assert set(rule["annotations"]) == {"summary", "impact", "action", "runbook"}, f"{where}: {rule['alert']}"
            assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"


def test_an_alert_is_the_same_everywhere():
    """What the operator's chart and the operator bring, by name, severity and patience, is what dashboards/rules has."""
    def said(prefix):
        return {rule["alert"]: (rule["labels"]["severity"], rule.get("for")) for name, rule in rules()
                if "alert" in rule and name.startswith(prefix)}

    assert said("dashboards/") == {**said("operator/"), **said("charts/")}
    assert not set(said("operator/")) & set(said("charts/"))
