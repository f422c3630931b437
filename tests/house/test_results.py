"""The charts of docs/performance.md are those of bench/RESULTS.md, and nothing of it is left out."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dashboards import draw, draw_results  # noqa: E402  (needs the path above)

PAGE = """2026-01-01, revision abc, `bench/run.sh`, a machine.
| what | measured | target | met |
|---|---|---|---|
| **Beside nginx** | | | |
| hit: throughput | 44282/s = 0.54 x nginx *0.4 | >= 0.6 x | NO |
| hit: p50 / p99 / p99.9 | 893 / 5112 / 9306 us (p99 1.01 x nginx) | p99 <= 3 x | yes |
| at a fixed 2,000/s | p50 188  p99 7143  p99.9 9699 us |  |  |
| lone insert, p50 | 4784 us | <= 6012 us (exchange 22 + 1.5 x sync 3993) | yes |
| memory that /stats accounts for | 227 MB, off by 5.5 % | within 15 % | yes |
| p99 after a kill | 3.1 ms = 1.20 x that before | back (<= 1.5 x) | yes |
| queries that failed | 0 of 900 after the kill, slowest 60 ms | 0 | yes |
| **Growth with entries (384-d, one namespace)** | | | |
| 1,000 entries | query p50 120 p99 300 us, insert p50 4000 us, 3000 bytes an entry, restart 0.12 s, loaded at 900/s |  |  |
| 10,000 entries | query p50 140 p99 310 us, insert p50 4100 us, 2500 bytes an entry, restart 0.22 s, loaded at 900/s *0.2 |  |  |
"""


def test_the_pictures_are_of_these_results():
    command = [sys.executable, ROOT / "dashboards/draw_results.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rows_are_read_as_they_are_written():
    against = draw_results.against_target
    rows = {what: against(measured, target) for _, what, measured, target, _ in draw_results.Results(PAGE).rows}
    assert rows["hit: throughput"] == (0.54, 0.6, "x", True)
    assert rows["hit: p50 / p99 / p99.9"] == (1.01, 3, "x", False)
    assert rows["lone insert, p50"] == (4784, 6012, "us", False)
    assert rows["memory that /stats accounts for"] == (5.5, 15, "%", False)
    assert rows["p99 after a kill"] == (1.2, 1.5, "x", False)
    assert rows["queries that failed"] is None and rows["at a fixed 2,000/s"] is None
    assert draw_results.quantiles("p50 188  p99 7143  p99.9 9699 us") == {"p50": 188e-6, "p99": 7143e-6, "p99.9": 9699e-6}


def test_what_is_measured_is_drawn():
    drawn = draw_results.pictures(PAGE)
    assert "hit: throughput" in drawn["performance_targets.svg"] and draw_results.MISSED in drawn["performance_targets.svg"]
    assert drawn["performance_latency.svg"].count("<circle") == 6
    growth = drawn["performance_growth.svg"]
    for title in ("query p50", "query p99", "insert p50", "restart", "bytes an entry"):
        assert title in growth
    assert "140 µs" in growth and "Growth with namespaces: not in these results" in growth


def test_every_target_with_a_number_is_in_the_picture():
    results = draw_results.Results(draw_results.RESULTS.read_text(encoding="utf-8"))
    judged = [what for _, what, measured, target, met in results.rows if met and re.search(r"(>=|<=|within) \d", target)]
    drawn = [what for _, what, measured, target, met in results.rows if draw_results.against_target(measured, target)]
    assert judged and set(judged) <= set(drawn)


def test_a_heatmap_shows_what_is_inside_each_bucket():
    """Buckets of a histogram are cumulative; only those that hold something get a row."""
    class Source:
        start, end, step = 0.0, 20.0, 10.0

    found = [("0.8", [(0.0, 1.0), (10.0, 0.0)]), ("0.9", [(0.0, 1.0), (10.0, 0.0)]), ("+Inf", [(0.0, 5.0), (10.0, 2.0)])]
    drawn = draw.draw_heatmap(found, Source(), 0, 0, 400, 200)
    assert [re.search(r'opacity="([\d.]+)"', line)[1] for line in drawn if line.startswith("<rect")] == ["0.36", "1.00", "0.57"]
    assert [re.sub(r"<.*?>", "", line) for line in drawn if line.startswith("<text")] == ["to 0.8", "to +Inf"]
