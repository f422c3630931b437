"""The pictures of docs/dashboards.md show the panels that the dashboards have, and what Grafana would show of their data."""
import dataclasses
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dashboards import draw  # noqa: E402  (needs the path above)
from dashboards.source.model import Dashboard, Panel, Row, q  # noqa: E402

READY = Panel("Nodes ready", [q("sum(ferrocache_ready)")], kind="stat", width=12)
LINES = Panel("Entries", [q("ferrocache_index_entries", "of {{node}}")], width=12)


class NoData:
    start, end, step = 0.0, 20.0, 10.0

    @staticmethod
    def series(_expr):
        return []


def dashboard(*panels):
    return Dashboard("u", "Of <this> & that", "", [Row("Health", list(panels))])


def test_the_pictures_are_of_the_present_panels():
    """Cause: a stat became a share and panels moved, and the documentation went on showing the old ones."""
    command = [sys.executable, ROOT / "dashboards/draw.py", "--check", "--into", ROOT / "docs/images"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_picture_is_named_with_its_panels(tmp_path, capsys):
    before = dashboard(READY, LINES)
    (tmp_path / "dashboard_it.svg").write_text(draw.picture(before, NoData()))
    assert draw.check(tmp_path, {"it": before}) == 0
    changed = {
        "another unit": (dashboard(dataclasses.replace(READY, unit="percentunit"), LINES), "Nodes ready"),
        "another kind": (dashboard(READY, dataclasses.replace(LINES, kind="stat")), "Entries"),
        "another legend": (dashboard(READY, dataclasses.replace(LINES, queries=[q("it", "{{node}}")])), "Entries"),
        "another place": (dashboard(LINES, READY), "Entries, Nodes ready"),
        "one is gone": (dashboard(LINES), "Entries, Nodes ready"),
        "one is new": (dashboard(READY, LINES, dataclasses.replace(LINES, title="Bytes")), "Bytes"),
    }
    capsys.readouterr()
    for case, (now, named) in changed.items():
        assert draw.check(tmp_path, {"it": now}) == 1, case
        assert f"dashboard_it.svg: not as the dashboard is now: {named};" in capsys.readouterr().out, case


def test_a_picture_that_is_missing_or_tells_nothing_is_stale(tmp_path):
    now = dashboard(READY)
    assert draw.differences(tmp_path / "none.svg", now) == ["Health", "Nodes ready"]
    (tmp_path / "other.svg").write_text("<svg></svg>")
    assert draw.differences(tmp_path / "other.svg", now) == ["Health", "Nodes ready"]


def test_a_stat_has_the_colour_of_its_threshold():
    """Cause: every value was green, also one that the dashboard shows in red."""
    defaults = {"thresholds": {"steps": [{"value": None, "color": "red"}, {"value": 1, "color": "green"}]}}
    red, green = draw.THRESHOLD_COLOURS["red"], draw.THRESHOLD_COLOURS["green"]
    assert [draw.colour_of(value, defaults) for value in (0.0, 0.99, 1.0, 2.0)] == [red, red, green, green]
    assert draw.colour_of(5.0, {}) == green


def test_every_colour_of_a_threshold_can_be_drawn():
    panels = [panel for made in draw.dashboards().values() for row in made.rows for panel in row.panels]
    used = {colour for panel in panels for _, colour in panel.thresholds}
    assert used and used <= set(draw.THRESHOLD_COLOURS)


def test_a_line_ends_where_its_series_is_away():
    """Cause: a slope was drawn across minutes in which nothing was scraped."""
    points = [(0.0, 1.0), (10.0, 2.0), (40.0, 3.0)]
    assert draw.without_gaps(points, 10.0) == [points[:2], points[2:]]


def test_a_label_that_a_series_lacks_is_nothing():
    query = {"legendFormat": "{{name}} {{action}}: {{rule}} {{member}}"}
    labels = {"name": "demo", "action": "Roll", "rule": "TemplateNotApplied"}
    assert draw.legend_of(query, labels) == "demo Roll: TemplateNotApplied"
    assert draw.legend_of({"legendFormat": "{{node}}"}, {"__name__": "it", "pod": "a"}) == "pod=a"
