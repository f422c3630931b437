"""make bench: every figure beside its target, in one table. With --full also how they grow; --write-results keeps them."""

import argparse
import datetime
import os
import pathlib
import platform
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scenarios  # noqa: E402
from servers import LOADGEN, NODE, ROOT, raise_file_limit  # noqa: E402


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({cpu_model()}), {memory:.0f} GiB, Linux {platform.release()}"


def plan(options):
    seconds = options.seconds
    yield "Beside nginx", scenarios.beside_nginx(seconds)
    yield "Fixed rate", scenarios.fixed_rate(seconds)
    yield "Writing", scenarios.durable_inserts(seconds)
    yield "Both", scenarios.queries_under_inserts(seconds)
    yield "Index, in one process", scenarios.index_micro()
    yield "Index, in one process", scenarios.recall(options.full)
    yield "Memory", scenarios.memory(100_000)
    yield "Memory", scenarios.idle_namespaces(20_000)
    yield "Restart", scenarios.restart(1_000_000 if options.full else 100_000)
    if options.full:
        yield "Growth with entries (384-d, one namespace)", scenarios.growth((1_000, 10_000, 100_000, 1_000_000))
        yield "Growth with namespaces (64-d)", scenarios.namespace_growth((1, 100, 10_000, 100_000))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="also 1M entries and the growth curves (about half an hour)"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--write-results", action="store_true", help="replace bench/RESULTS.md")
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
    missed, last = [], None
    for title, rows in plan(options):
        for figure in rows:
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
    print("\n" + verdict)
    if options.write_results:
        (ROOT / "bench/RESULTS.md").write_text("\n".join(lines) + f"\n\n{verdict}\n")


if __name__ == "__main__":
    main()
