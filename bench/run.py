"""make bench: every figure beside its target, in one table. With --full also how they grow; --write-results keeps them."""

import argparse
import datetime
import os
import pathlib
import platform
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cluster_scenarios  # noqa: E402
import scenarios  # noqa: E402
from servers import CLOCK_TICKS, LOADGEN, NODE, ROOT, raise_file_limit  # noqa: E402


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({cpu_model()}), {memory:.0f} GiB, Linux {platform.release()}"


def plan(options):
    """Titles and what to measure; each call measures anew."""
    seconds = options.seconds
    yield "Beside nginx", lambda: scenarios.beside_nginx(seconds)
    yield "Fixed rate", lambda: scenarios.fixed_rate(seconds)
    yield "Writing", lambda: scenarios.durable_inserts(seconds)
    yield "Both", lambda: scenarios.queries_under_inserts(seconds)
    yield "Index, in one process", scenarios.index_micro
    yield "Index, in one process", lambda: scenarios.recall(options.full)
    yield "Memory", lambda: scenarios.memory(100_000)
    yield "Memory", lambda: scenarios.idle_namespaces(20_000)
    yield "Restart", lambda: scenarios.restart(1_000_000 if options.full else 100_000)
    yield "Three nodes, two copies, beside one node", lambda: cluster_scenarios.hop(seconds)
    yield "Three nodes, two copies, beside one node", lambda: cluster_scenarios.inserts(seconds)
    yield "Three nodes, two copies, beside one node", lambda: cluster_scenarios.a_death(seconds)
    yield "Three nodes, two copies, beside one node", lambda: cluster_scenarios.copies(100_000)
    if options.full:
        for entries in (1_000, 10_000, 100_000, 1_000_000):
            yield "Growth with entries (384-d, one namespace)", lambda count=entries: scenarios.growth((count,))
        for namespaces in (1, 100, 10_000, 100_000):
            yield "Growth with namespaces (64-d)", lambda count=namespaces: scenarios.namespace_growth((count,))


class Others:
    """How many cores the rest of the machine uses: a measurement beside a build says little."""

    DISTURBED = 0.15  # cores; less is the noise of the accounting

    def __init__(self, wait_seconds):
        self.deadline = time.monotonic() + wait_seconds

    @staticmethod
    def _used():
        ticks = [int(text) for text in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        everybody = (sum(ticks) - ticks[3] - ticks[4]) / CLOCK_TICKS  # without idle and waiting for the disk
        return everybody - sum(os.times()[:4]), time.monotonic()

    def wait(self):
        while time.monotonic() < self.deadline:
            used, at = self._used()
            time.sleep(1)
            now_used, now = self._used()
            if (now_used - used) / (now - at) < self.DISTURBED:
                return

    def rows(self, measure):
        """The rows of an undisturbed run if there is the time to wait for one, and what others used meanwhile."""
        while True:
            self.wait()
            used, at = self._used()
            rows = list(measure())
            now_used, now = self._used()
            share = (now_used - used) / (now - at)
            if share < self.DISTURBED or time.monotonic() >= self.deadline:
                return rows, share


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="also 1M entries and the growth curves (about half an hour)"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--write-results", action="store_true", help="replace bench/RESULTS.md")
    parser.add_argument(
        "--quiet",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="wait until others leave the cores alone and repeat what they disturbed, at most so long altogether",
    )
    options = parser.parse_args()
    for binary in (NODE, LOADGEN):
        if not binary.is_file():
            sys.exit(f"{binary} is not there: make build")
    raise_file_limit()
    revision = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    command = "make bench" if len(sys.argv) == 1 else "bench/run.sh " + " ".join(sys.argv[1:])
    lines = [
        f"# Benchmark results\n\n{datetime.date.today()}, revision {revision or 'unknown'}, `{command}`, {machine()}.",
        "The load generator and the server share these cores. Ratios are of the same run; absolute numbers move with the"
        " machine.\n",
        "| what | measured | target | met |",
        "|---|---|---|---|",
    ]
    print(f"{machine()}\n")
    missed, disturbed, last = [], False, None
    others = Others(options.quiet * 60)
    for title, measure in plan(options):
        rows, share = others.rows(measure)
        for figure in rows:
            if share >= Others.DISTURBED:
                disturbed = True
                figure["text"] += f" *{share:.1f}"
            if title != last:
                print(f"{title}")
                lines.append(f"| **{title}** | | | |")
                last = title
            met = {None: "", True: "yes", False: "NO"}[figure["good"]]
            print(f"  {figure['what']:46s} {figure['text']:58s} {figure['target']:16s} {met}", flush=True)
            lines.append(f"| {figure['what']} | {figure['text']} | {figure['target']} | {met} |")
            if figure["good"] is False:
                missed.append(figure["what"])
    verdict = "Every target is met." if not missed else "Missed: " + "; ".join(missed) + "."
    if disturbed:
        verdict += "\n\n*n: other processes used n of the cores meanwhile."
    print("\n" + verdict)
    if options.write_results:
        (ROOT / "bench/RESULTS.md").write_text("\n".join(lines) + f"\n\n{verdict}\n")


if __name__ == "__main__":
    main()
