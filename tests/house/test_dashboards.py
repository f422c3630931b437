"""Dashboards and alerts against the code: what they name is exported, every alert has a page and its tests."""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dashboards.build import dashboards, grafana  # noqa: E402  (needs the path above)
from dashboards.live import for_live_use  # noqa: E402

RULES = sorted((ROOT / "dashboards/rules").glob("*.yaml"))
TESTS = sorted((ROOT / "dashboards/rules/tests").glob("*.yaml"))
PAGES = [ROOT / "docs/metrics.md", ROOT / "docs/operator/metrics.md"]
SUFFIXES = re.compile(r"_(bucket|count|sum)$")


def exported():
    names = {"up"}
    for page in PAGES:
        if page.is_file():
            for cell in re.findall(r"^\| (`.*?`) \|", page.read_text(), re.M):
                names |= set(re.findall(r"`([a-z_0-9]+)`", cell))
    return names


def expressions_of_rules():
    for path in RULES:
        text = path.read_text()
        for block in re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", text):
            yield path.name, "".join(block).strip()


def expressions_of_panels():
    for name, dashboard in dashboards().items():
        for row in dashboard.rows:
            for panel in row.panels:
                for query in panel.queries:
                    yield f"{name}: {panel.title}", for_live_use(query.expr, "30s", "1h")


def alerts():
    return set(re.findall(r"- alert: (\w+)", "".join(path.read_text() for path in RULES)))


def test_the_json_is_what_the_source_makes():
    for name, dashboard in dashboards().items():
        assert json.loads((ROOT / f"dashboards/grafana/{name}.json").read_text()) == grafana(dashboard), name


def test_queries_name_only_what_is_exported():
    recorded = set(re.findall(r"- record: (\S+)", "".join(path.read_text() for path in RULES)))
    known = exported() | recorded
    for where, expr in [*expressions_of_rules(), *expressions_of_panels()]:
        for name in re.findall(r"\b(?:ferrocache|process)[a-z0-9_:]*", re.sub(r'"[^"]*"', "", expr)):
            assert name in known or SUFFIXES.sub("", name) in known, f"{where} asks for {name}, which nothing exports"


def test_promtool_understands_every_expression(tmp_path):
    rules = [{"record": f"check:{number}", "expr": expr}
             for number, (_, expr) in enumerate([*expressions_of_rules(), *expressions_of_panels()])]
    assert len(rules) > 80
    made = tmp_path / "all.yaml"
    made.write_text(json.dumps({"groups": [{"name": "check", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(made), *map(str, RULES)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_unit_tests_pass():
    done = subprocess.run(["promtool", "test", "rules", *map(str, TESTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_page_and_both_tests():
    tests = "".join(path.read_text() for path in TESTS)
    assert alerts()
    for name in alerts():
        assert (ROOT / f"docs/runbooks/{name}.md").is_file(), name
        assert f"- name: {name} fires" in tests and f"- name: {name} silent" in tests, name
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("FerroCache*.md")}
    assert pages == alerts()


def test_every_alert_says_what_it_means():
    for path in RULES:
        for block in path.read_text().split("- alert: ")[1:]:
            name = block.split("\n", 1)[0]
            for needed in ("severity:", "summary:", "impact:", f"runbook: docs/runbooks/{name}.md"):
                assert needed in block, f"{name} lacks {needed}"
