#!/usr/bin/env python3
"""Draws bench/RESULTS.md, which `bench/run.sh --write-results` writes, for docs/performance.md.

    dashboards/draw_results.py           writes docs/images/performance_*.svg
    dashboards/draw_results.py --check   exits 1 and names each picture that is not of these results
"""

import argparse
import math
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dashboards.draw import CARD, COLOURS, FAINT, INK, PAPER, human, text  # noqa: E402  (needs the path above)

RESULTS = ROOT / "bench/RESULTS.md"
IMAGES = ROOT / "docs/images"
WIDTH, ROW, LEFT = 1056, 26, 400
MET, MISSED = "#73bf69", "#e24d42"
NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
# The unit of a figure as RESULTS.md writes it, and seconds or nothing of it.
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1}


class Results:
    """Rows of the table by their section: (what, measured, target, met)."""

    def __init__(self, page):
        self.about = next((line for line in page.splitlines() if ", revision " in line), "")
        self.rows, section = [], ""
        for line in page.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else []
            if len(cells) != 4 or cells[0] == "what":
                continue
            if title := re.fullmatch(r"\*\*(.*)\*\*", cells[0]):
                section = title[1]
            else:
                self.rows.append((section, *cells))

    def of(self, beginning):
        return [row[1:] for row in self.rows if row[0].startswith(beginning)]


def number(word):
    return float(word.replace(",", ""))


def against_target(measured, target):
    """(measured, limit, unit, whether more is better), or None where a row has no number to be held against."""
    limit = re.search(rf"(>=|<=|within) {NUMBER} (x|us|ms|s|%|bytes)(?![\w/])", target)
    if limit is None:
        return None
    found = re.findall(rf"{NUMBER} {limit[3]}(?![\w/])", re.sub(r" \*[\d.]+$", "", measured))
    if not found:
        return None
    # `x` stands behind what it is of; other units stand first.
    value = number(found[-1] if limit[3] in ("x", "%") else found[0])
    return value, number(limit[2]), limit[3], limit[1] == ">="


def frame(title, height, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -44 {WIDTH + 20} {height + 54}" '
            f'font-family="Inter, Helvetica, Arial, sans-serif"><rect x="-10" y="-44" width="{WIDTH + 20}" height="{height + 54}" '
            f'fill="{PAPER}"/>' + text(0, -14, title, 18, INK, weight="bold") + "\n" + "\n".join(body) + "\n</svg>\n")


def bar(x, y, width, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{ROW - 10}" rx="2" fill="{colour}"/>'


def targets(results):
    """Each figure with a target as a share of it; the line is the target."""
    rows = [(what, measured, target, met, found) for _, what, measured, target, met in results.rows
            if (found := against_target(measured, target))]
    scale = (WIDTH - LEFT - 200) / 2  # twice the target is the edge
    body = [f'<rect x="0" y="0" width="{WIDTH}" height="{len(rows) * ROW + 12}" rx="3" fill="{CARD}"/>']
    for index, (what, measured, target, met, (value, limit, unit, more)) in enumerate(rows):
        y = 6 + index * ROW
        share = min(2.0, value / limit if limit else 0)
        colour = MISSED if met == "NO" else MET
        what = what.replace("p50 / p99 / p99.9", "p99, beside nginx's")
        shown = f"{value:g} {unit}, {'at least' if more else 'at most'} {limit:g}"
        body += [text(LEFT - 8, y + 16, what, 11.5, INK, "end"), bar(LEFT, y + 5, share * scale, colour)]
        body.append(text(WIDTH - 8, y + 16, shown, 11, INK if met != "NO" else MISSED, "end"))
    body.append(f'<line x1="{LEFT + scale:.1f}" x2="{LEFT + scale:.1f}" y1="4" y2="{len(rows) * ROW + 8}" stroke="{INK}" '
                'stroke-dasharray="4 3"/>')
    return frame("Measured, as a share of the target (dashed)", len(rows) * ROW + 12, body)


def quantiles(measured):
    """{p50, p99, p99.9} in seconds of a row that has them."""
    if found := re.match(rf"{NUMBER} / {NUMBER} / {NUMBER} us", measured):
        return dict(zip(("p50", "p99", "p99.9"), (number(word) * 1e-6 for word in found.groups())))
    return {name: number(value) * SECONDS["us"] for name, value in re.findall(rf"(p50|p99\.9|p99) {NUMBER}", measured)}


def log_scale(lowest, highest, width):
    low, high = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    return low, high, lambda value: (math.log10(value) - low) / max(1, high - low) * width


def latency(results):
    """p50, p99 and p99.9 of every row that has them, on one logarithmic axis."""
    rows = [(what, found) for section, what, measured, *_ in results.rows
            if not section.startswith("Growth") and len(found := quantiles(measured)) == 3]
    if not rows:
        return frame("Latency", 40, [text(0, 24, "not in these results", 12, FAINT)])
    values = [value for _, found in rows for value in found.values()]
    low, high, at = log_scale(min(values), max(values), WIDTH - LEFT - 20)
    height = len(rows) * ROW + 34
    body = [f'<rect x="0" y="0" width="{WIDTH}" height="{height}" rx="3" fill="{CARD}"/>']
    for power in range(low, high + 1):
        x = LEFT + at(10.0**power)
        body.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="6" y2="{height - 26}" stroke="{FAINT}" stroke-width="0.5"/>')
        body.append(text(x, height - 10, human(10.0**power, "s"), 10, FAINT, "middle"))
    for index, (what, found) in enumerate(rows):
        y = 6 + index * ROW
        body.append(text(LEFT - 8, y + 16, what.split(": p50")[0], 11.5, INK, "end"))
        ends = [LEFT + at(value) for value in found.values()]
        body.append(f'<line x1="{ends[0]:.1f}" x2="{ends[-1]:.1f}" y1="{y + 12}" y2="{y + 12}" stroke="{FAINT}" stroke-width="3"/>')
        for colour, (name, value) in zip((COLOURS[0], COLOURS[1], COLOURS[4]), found.items()):
            title = f"<title>{name} {human(value, 's')}</title>"
            body.append(f'<circle cx="{LEFT + at(value):.1f}" cy="{y + 12}" r="5" fill="{colour}">{title}</circle>')
    for index, name in enumerate(("p50", "p99", "p99.9")):
        body.append(text(8 + index * 60, height - 10, f"● {name}", 10, (COLOURS[0], COLOURS[1], COLOURS[4])[index]))
    return frame("Latency as clients see it", height, body)


# What growth rows say, and how it is drawn: title, pattern, unit, factor to that unit.
CURVES = [
    ("query p50", rf"query p50 {NUMBER} p99", "s", 1e-6), ("query p99", rf"p99 {NUMBER} us", "s", 1e-6),
    ("insert p50", rf"insert p50 {NUMBER} us", "s", 1e-6), ("restart", rf"restart {NUMBER} s", "s", 1),
    ("bytes an entry", rf"{NUMBER} bytes an entry", "bytes", 1), ("memory", rf"{NUMBER} MB", "bytes", 1e6),
    ("a scrape of /metrics", rf"scrape {NUMBER} ms", "s", 1e-3),
]


def curve(title, unit, points, x, y, width, height):
    card = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{CARD}"/>'
    body = [card, text(x + 8, y + 16, title, 11.5, INK)]
    left, right, top, bottom = x + 64, x + width - 40, y + 30, y + height - 24
    inset = 24  # keeps the first point's figure off the scale's
    *_, along = log_scale(points[0][0], points[-1][0], right - left - inset)
    highest = max(value for _, value in points) * 1.15 or 1
    placed = [(left + inset + along(count), bottom - value / highest * (bottom - top), count, value) for count, value in points]
    for share in (0, 0.5, 1):
        at = bottom - (bottom - top) * share
        body.append(f'<line x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{FAINT}" stroke-width="0.4"/>')
        body.append(text(left - 4, at + 4, human(highest * share, unit), 9, FAINT, "end"))
    body.append(f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b, *_ in placed)}" fill="none" stroke="{COLOURS[0]}" '
                'stroke-width="1.6"/>')
    for a, b, count, value in placed:
        body.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{COLOURS[0]}"/>')
        body.append(text(a, b - 7, human(value, unit), 9, INK, "middle"))
        body.append(text(a, bottom + 14, human(count, "short"), 9, FAINT, "middle"))
    return body


def growth(results):
    """How figures grow with the number of entries and of namespaces: measured by `bench/run.sh --full` alone."""
    body, y = [], 0
    for section in ("Growth with entries", "Growth with namespaces"):
        rows = results.of(section)
        body.append(text(0, y + 18, section + ("" if rows else ": not in these results (bench/run.sh --full)"), 13, INK))
        y += 30
        drawn = 0
        for title, pattern, unit, factor in CURVES:
            points = [(number(re.match(NUMBER, what)[1]), number(found[1]) * factor) for what, measured, *_ in rows
                      if (found := re.search(pattern, measured))]
            if len(points) > 1:
                body += curve(title, unit, points, (drawn % 3) * 352, y + drawn // 3 * 190, 346, 184)
                drawn += 1
        y += math.ceil(drawn / 3) * 190
    return frame("Growth", y, body)


def pictures(page):
    results = Results(page)
    return {"performance_targets.svg": targets(results), "performance_latency.svg": latency(results),
            "performance_growth.svg": growth(results)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = False
    for name, drawn in pictures(RESULTS.read_text(encoding="utf-8")).items():
        path = IMAGES / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != drawn):
            print(f"{path.relative_to(ROOT)}: not of these results; run dashboards/draw_results.py")
            stale = True
        elif not check:
            path.write_text(drawn, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
