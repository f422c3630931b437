"""Alerts and dashboards that the operator and its chart carry: promtool parses every expression, every metric is one that is
documented or exported, and every alert says what it means for people and what to do.
"""

import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASSETS = ROOT / "operator/objects/assets"
CHART = ROOT / "charts/ferrocache-operator/monitoring"
FILLED = {
    "$SELECTOR": 'namespace="shop",service="demo-nodes"',
    "$NAMESPACE": "shop",
    "$CLUSTER": "demo",
    "$UID": "u-1",
    "$SNAPSHOT_AGE_SECONDS": "172800",
    "$CERTIFICATE_LEFT_SECONDS": "432000",
    "$OPERATOR": "ferrocache-operator",
    "$OWN_NAMESPACE": "ferrocache-system",
}
OTHERS = {"up", "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}


def filled(value):
    if isinstance(value, str):
        for name, text in FILLED.items():
            value = value.replace(name, text)
        return value
    if isinstance(value, dict):
        return {name: filled(inner) for name, inner in value.items()}
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def alerts():
    return {
        "cluster": filled(json.loads((ASSETS / "alerts.json").read_text())),
        "operator": filled(yaml.safe_load((CHART / "alerts.yaml").read_text())),
    }


def dashboards():
    return {
        "cluster": filled(json.loads((ASSETS / "dashboard.json").read_text())),
        "operator": filled(json.loads((CHART / "dashboard.json").read_text())),
    }


def expressions(kind):
    rules = [rule["expr"] for group in alerts()[kind]["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in dashboards()[kind]["panels"] for target in panel["targets"]]


def metrics_of(expression):
    named = set()
    for pattern in re.findall(r'__name__=~"([^"]*)"', expression):
        inner = re.fullmatch(r"(.*)\((.*)\)(.*)", pattern)
        parts = [inner[1] + one + inner[3] for one in inner[2].split("|")] if inner else pattern.split("|")
        named |= set(parts)
    text = re.sub(r'"[^"]*"', "", expression)
    return named | set(re.findall(r"\b((?:ferrocache|kubelet)_\w+|up)\b(?=\s*[{\[]|\s*[-/=<>)\s]|$)", text))


def known_metrics(kind):
    if kind == "cluster":
        return set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), flags=re.M)) | OTHERS
    sources = "".join(path.read_text() for path in (ROOT / "operator").rglob("*.cc"))
    return set(re.findall(r'"(ferrocache_operator_\w+)"', sources))


@pytest.mark.parametrize("kind", ("cluster", "operator"))
def test_only_metrics_that_exist(kind):
    known = known_metrics(kind)
    if not known:
        pytest.skip("the operator exports nothing yet")
    for expression in expressions(kind):
        named = metrics_of(expression)
        assert named, expression
        for name in named:
            assert {name, re.sub(r"_(bucket|sum|count)$", "", name)} & known, f"{name} in {expression}"


@pytest.mark.parametrize("kind", ("cluster", "operator"))
def test_every_alert_helps(kind):
    seen = set()
    for group in alerts()[kind]["groups"]:
        for rule in group["rules"]:
            assert rule["alert"] not in seen
            seen.add(rule["alert"])
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert set(rule["annotations"]) == {"summary", "impact", "action"}, rule["alert"]
    assert len(seen) >= 8


@pytest.mark.parametrize("kind", ("cluster", "operator"))
def test_promtool_parses_everything(kind, tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not here")
    recorded = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions(kind))]
    rules = {"groups": [*alerts()[kind]["groups"], {"name": "panels", "rules": recorded}]}
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rules))
    answer = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_no_placeholder_is_left():
    for document in (*alerts().values(), *dashboards().values()):
        left = set(re.findall(r"\$[A-Z][A-Z_]+", json.dumps(document)))
        assert not left
