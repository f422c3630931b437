#!/usr/bin/env python3
"""Draws a dashboard's panels with the data of a running Prometheus, as one SVG a dashboard.

    dashboards/draw.py --prometheus http://127.0.0.1:9090 --into docs/images [--minutes 5] [NAME ...]
    dashboards/draw.py --check      exits 1 and names each picture in --into that shows other panels than its dashboard has

For the documentation, and for a look without Grafana. Lines are drawn as Grafana would draw them, in its grid.
"""

import argparse
import html
import json
import math
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from dashboards.build import dashboards, layout  # noqa: E402  (needs the path above)
from dashboards.live import for_live_use  # noqa: E402

CELL_WIDTH, CELL_HEIGHT, GAP, HEAD = 44, 30, 6, 22
THRESHOLD_COLOURS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}
COLOURS = ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300"]
PAPER, CARD, INK, FAINT = "#111217", "#181b1f", "#ccccdc", "#5a5f6b"
SERIES_MAX = 10
POINTS = 120
UNITS = {
    "bytes": (1024, ["B", "KiB", "MiB", "GiB", "TiB"]),
    "Bps": (1024, ["B/s", "KiB/s", "MiB/s", "GiB/s"]),
    "reqps": (1000, ["/s", "k/s", "M/s"]),
    "ops": (1000, ["/s", "k/s", "M/s"]),
    "short": (1000, ["", "k", "M", "G"]),
    "cores": (1000, ["", "k"]),
}


def human(value, unit):
    if value is None or math.isnan(value):
        return "no data"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        for limit, factor, name in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (120, 1, "s"), (7200, 1 / 60, "min")):
            if abs(value) < limit:
                return f"{value * factor:.3g} {name}"
        return f"{value / 3600:.3g} h" if abs(value) < 3 * 86400 else f"{value / 86400:.3g} days"
    base, names = UNITS.get(unit, UNITS["short"])
    step = 0
    while abs(value) >= base and step < len(names) - 1:
        value, step = value / base, step + 1
    return f"{value:.3g} {names[step]}".strip()


class Source:
    def __init__(self, address, minutes):
        self.address, self.end = address.rstrip("/"), time.time()
        self.start, self.step = self.end - minutes * 60, max(1, minutes * 60 / POINTS)

    def series(self, expr):
        parameters = {"query": expr, "start": self.start, "end": self.end, "step": self.step}
        url = f"{self.address}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]


def legend_of(query, labels):
    # A label that the series lacks is nothing, as in Grafana.
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), query["legendFormat"]).strip()
    return text or ", ".join(f"{k}={v}" for k, v in labels.items() if k != "__name__") or "value"


def lines_of(panel, source):
    """(legend, [(time, value)]) of every series, at most SERIES_MAX."""
    found = []
    for query in panel["targets"]:
        for series in source.series(for_live_use(query["expr"], "15s", "5m")):
            points = [(float(at), float(value)) for at, value in series["values"]]
            points = [(at, value) for at, value in points if math.isfinite(value)]
            if points:
                found.append((legend_of(query, series["metric"]), points))
    return found if panel["type"] == "heatmap" else found[:SERIES_MAX]  # a heatmap's series are its rows


def text(x, y, words, size=11, colour=INK, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{html.escape(words)}</text>')


def colour_of(value, defaults):
    """Of the highest threshold that the value reaches, as Grafana colours a stat."""
    steps = defaults.get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return THRESHOLD_COLOURS[reached[-1] if reached else "green"]


def draw_stat(panel, found, x, y, width, height):
    defaults = panel["fieldConfig"]["defaults"]
    value = found[0][1][-1][1] if found else math.nan
    colour = colour_of(value, defaults) if found else FAINT
    return [text(x + width / 2, y + height / 2 + 16, human(value, defaults["unit"]), 26, colour, "middle", "bold")]


def without_gaps(points, step):
    """The points in stretches: a line ends where a series is away for more than a step."""
    stretches = []
    for at, value in points:
        if not stretches or at - stretches[-1][-1][0] > 1.5 * step:
            stretches.append([])
        stretches[-1].append((at, value))
    return stretches


def draw_lines(panel, found, source, x, y, width, height):
    defaults = panel["fieldConfig"]["defaults"]
    stacked = defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal"
    left, bottom = x + 52, y + height - 16 - 12 * math.ceil(len(found) / 2)
    right, top = x + width - 8, y + HEAD + 6
    if stacked:
        base = {}
        for index, (name, points) in enumerate(found):
            points = [(at, value + base.get(at, 0)) for at, value in points]
            base = dict(points)
            found[index] = (name, points)
    highest = max(value for _, points in found for _, value in points)
    highest = defaults.get("max") or (highest * 1.15 if highest > 0 else 1)
    out = []
    for share in (0, 0.5, 1):
        at = bottom - (bottom - top) * share
        out.append(f'<line x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{FAINT}" stroke-width="0.4"/>')
        out.append(text(left - 4, at + 4, human(highest * share, defaults["unit"]), 9, FAINT, "end"))
    for index, (name, points) in enumerate(found):
        colour = COLOURS[index % len(COLOURS)]
        for stretch in without_gaps(points, source.step):
            path = " ".join(
                f"{left + (at - source.start) / (source.end - source.start) * (right - left):.1f},"
                f"{bottom - max(0.0, min(value, highest)) / highest * (bottom - top):.1f}" for at, value in stretch)
            out.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.4" stroke-linecap="round"/>')
        column, row = index % 2, index // 2
        out.append(text(x + 8 + column * width / 2, bottom + 16 + 12 * row, f"■ {name[:int(width / 14)]}", 9, colour))
    return out


def bounds_of(names):
    """Series named by their bucket's upper bound, lowest first."""
    return sorted(names, key=lambda name: math.inf if name == "+Inf" else float(name))


def draw_heatmap(found, source, x, y, width, height):
    """A column a step, a row a bucket of those that hold anything; the fuller the brighter. Buckets are cumulative."""
    columns = {}
    for name, points in found:
        for at, value in points:
            columns.setdefault(at, {})[name] = value
    cells, used = {}, set()
    for at, column in columns.items():
        below = 0.0
        for name in bounds_of(column):
            inside = max(0.0, column[name] - below)
            below = max(below, column[name])
            if inside > 0:
                cells[at, name] = inside
                used.add(name)
    rows = bounds_of(used)
    if not rows:
        return [text(x + width / 2, y + height / 2, "no data", 12, FAINT, "middle")]
    left, top, fullest = x + 52, y + HEAD + 6, max(cells.values())
    tall = (height - HEAD - 26) / len(rows)
    wide = (width - 60) * source.step / (source.end - source.start)
    out = []
    for (at, name), inside in cells.items():
        along = left + (at - source.start) / (source.end - source.start) * (width - 60)
        up = top + (len(rows) - 1 - rows.index(name)) * tall
        out.append(f'<rect x="{along:.1f}" y="{up:.1f}" width="{wide:.2f}" height="{tall:.1f}" fill="#ff9830" '
                   f'opacity="{0.15 + 0.85 * inside / fullest:.2f}"/>')
    for index, name in enumerate(rows):
        if index % max(1, len(rows) // 8) == 0:
            out.append(text(left - 4, top + (len(rows) - index - 0.5) * tall + 3, f"to {name}", 9, FAINT, "end"))
    return out


def draw_panel(panel, source):
    place = panel["gridPos"]
    x, y = place["x"] * CELL_WIDTH, place["y"] * CELL_HEIGHT
    width, height = place["w"] * CELL_WIDTH - GAP, place["h"] * CELL_HEIGHT - GAP
    if panel["type"] == "row":
        return [text(x + 4, y + 20, panel["title"], 14, INK, weight="bold")]
    out = [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{CARD}"/>',
           text(x + 8, y + 16, panel["title"], 11.5, INK)]
    found = lines_of(panel, source)
    if panel["type"] == "stat":
        return out + draw_stat(panel, found, x, y, width, height)
    if not found:
        return out + [text(x + width / 2, y + height / 2, "no data", 12, FAINT, "middle")]
    if panel["type"] == "heatmap":
        return out + draw_heatmap(found, source, x, y, width, height)
    return out + draw_lines(panel, found, source, x, y, width, height)


def shown(dashboard):
    """What a picture shows of its dashboard whatever the data: by this a stale one is known. Not the queries: the operator's
    picture takes a Kubernetes to draw again, which a query that is written otherwise and shows the same is not worth."""
    return [{"title": panel["title"], "kind": panel["type"], "place": [panel["gridPos"][side] for side in "xywh"],
             "unit": panel.get("fieldConfig", {}).get("defaults", {}).get("unit", ""),
             "legends": [query["legendFormat"] for query in panel.get("targets", [])]} for panel in layout(dashboard)]


def differences(path, dashboard):
    """Titles of panels that the picture shows otherwise than its dashboard has them, or lacks, or has too many."""
    found = re.search(r"<metadata>(.*?)</metadata>", path.read_text() if path.is_file() else "", re.S)
    drawn = json.loads(html.unescape(found[1])) if found else []
    present = shown(dashboard)
    return sorted({panel["title"] for one, other in ((drawn, present), (present, drawn)) for panel in one if panel not in other})


def check(folder, known):
    """The number of pictures that are stale; each is named with its panels."""
    stale = 0
    for name, dashboard in known.items():
        path = folder / f"dashboard_{name}.svg"
        wrong = differences(path, dashboard)
        stale += bool(wrong)
        if wrong:
            print(f"{path}: not as the dashboard is now: {', '.join(wrong)}; docs/dashboards.md says how it is drawn again")
    return stale


def picture(dashboard, source):
    panels = list(layout(dashboard))
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * CELL_HEIGHT
    body = [line for panel in panels for line in draw_panel(panel, source)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -34 {24 * CELL_WIDTH} {height + 40}" '
            f'font-family="Inter, Helvetica, Arial, sans-serif"><metadata>{html.escape(json.dumps(shown(dashboard)))}</metadata>\n'
            f'<rect x="-10" y="-40" width="{24 * CELL_WIDTH + 20}" '
            f'height="{height + 60}" fill="{PAPER}"/>' + text(4, -10, dashboard.title, 18, INK, weight="bold") + "\n"
            + "\n".join(body) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--into", type=pathlib.Path, default=pathlib.Path("docs/images"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    known = dashboards()
    if options.check:
        return 1 if check(options.into, known) else 0
    options.into.mkdir(parents=True, exist_ok=True)
    for name in options.names or known:
        if name not in known:
            sys.exit(f"no dashboard {name}: there are {', '.join(known)}")
        path = options.into / f"dashboard_{name}.svg"
        path.write_text(picture(known[name], Source(options.prometheus, options.minutes)))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
