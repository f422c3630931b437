"""The few scenarios for every change: run as far as the time goes, judged so that no slow or busy machine can fail a change.

A change fails if a scenario fails twice, on a machine that kept up while it ran. Budgets are printed and not judged, waits are
longer than in a run by hand. What cannot be judged is said by name: a stage that does not come up, a machine that was
starved, a scenario that was not through when the time was over, one that failed once and not again.
"""

import pathlib
import shutil
import signal
import time

from kube import binaries, settings, stage
from kube.shell import Failed, say
from kube.slowness import Slowness
from kube.state import State
from scenarios import registry, runner
from scenarios.context import Mercy

# What proves the most first. Together about 12 minutes on two cores that other work shares.
NAMES = ("create", "scale", "token-rotation", "pod-kill", "ca-replacement", "bad-config", "lost-volume", "hibernate", "retain",
         "operator-upgrade", "delete")  # fmt: skip
# What is waited for takes 10 to 50 s on two cores that are busy with compiling. Longer than this shows nothing more, and a
# fault has to show twice before the time is over.
PATIENCE, LONGEST_WAIT_SECONDS = 3, 240
REQUEST_SECONDS = 20
BRING_UP_MINUTES, TAKE_DOWN_MINUTES = 1.5, 0.5
TRIES_DOWN = 3
MEMORY_LEAST, DISK_LEAST = 3 * 2**30, 4 * 2**30
PROGRAMS = ("/usr/bin/containerd", "/usr/bin/ctr", "/usr/sbin/runc", "/usr/bin/etcd", "/usr/sbin/iptables", "/usr/lib/cni/bridge",
            "/bin/busybox", "/usr/bin/gcc", "/usr/sbin/conntrack", "/usr/bin/nsenter")  # fmt: skip


class Interrupted(BaseException):
    """SIGTERM: somebody's time is over. What is up is taken down, nothing is judged."""


def run(minutes):
    """True if nothing that ran has failed. Says what it left out and what it could not judge."""
    deadline = time.monotonic() + minutes * 60
    signal.signal(signal.SIGTERM, interrupt)
    reason = why_not(minutes)
    if reason:
        return skip_all(reason)
    results = []
    try:
        try:
            up = stage.up()
        except (Failed, OSError) as fault:
            return skip_all(f"the stage did not come up: {fault}")
        run_all(up, deadline, results)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is under way now is the machine put right
        take_down()
    return tell(results)


def interrupt(*_):
    raise Interrupted


def skip_all(reason):
    say(f"left out, all of it: {reason}")
    say(f"0 passed, 0 failed, {len(NAMES)} left out")
    return True


def why_not(minutes):
    """A reason not to begin, or None."""
    if State().exists():
        return "a stage is up already, and it is not this run's to take down (make kube-down)"
    absent = [path for path in PROGRAMS if not pathlib.Path(path).exists()]
    if absent:
        return f"not there: {', '.join(absent)}; tools/install_packages.sh tools/packages_e2e.txt"
    building = binaries.minutes_to_build()
    needed = building + BRING_UP_MINUTES + registry.load_all()[NAMES[0]].minutes + TAKE_DOWN_MINUTES
    if needed > minutes:
        compiling = f", {building:.0f} of them to compile Kubernetes, once a machine (e2e/run.py binaries)" if building else ""
        return f"the first scenario would need about {needed:.0f} minutes{compiling}, and there are {minutes:.0f}"
    available = next(int(line.split()[1]) * 1024 for line in open("/proc/meminfo") if line.startswith("MemAvailable"))
    if available < MEMORY_LEAST:
        return f"{available / 2**30:.1f} GB of memory are free, {MEMORY_LEAST / 2**30:.0f} are needed"
    folder = settings.stage_folder().parent
    if shutil.disk_usage(folder).free < DISK_LEAST:
        return f"{shutil.disk_usage(folder).free / 2**30:.1f} GB are free in {folder}, {DISK_LEAST / 2**30:.0f} are needed"
    return None


def run_all(up, deadline, results):
    """Appends (verdict, name, seconds, measured, why) for each."""
    known = registry.load_all()
    for name in NAMES:
        mercy = Mercy(PATIENCE, LONGEST_WAIT_SECONDS, REQUEST_SECONDS, deadline - TAKE_DOWN_MINUTES * 60)
        if known[name].minutes * 60 > mercy.deadline - time.monotonic():
            results.append(("left out", name, 0, [], f"takes about {known[name].minutes} minutes, which are not left"))
            continue
        results.append(judge(up, known[name], mercy))
        if results[-1][0] == "FAILED":
            return  # nothing that comes after it changes that


def judge(up, scenario, mercy):
    verdict, seconds, measured, why = once(up, scenario, mercy)
    if verdict != "FAILED":
        return verdict, scenario.name, seconds, measured, why
    if scenario.minutes * 60 > mercy.deadline - time.monotonic():
        why = f"it failed, and there is no time to see whether it does so again: {why}"
        return "not judged", scenario.name, seconds, measured, why
    say(f"{scenario.name} failed; it fails the run if it does so again")
    verdict, again, measured, second = once(up, scenario, mercy, attempt=2)
    if verdict == "passed":
        return "not judged", scenario.name, seconds + again, measured, f"it failed once and then passed; look into it: {why}"
    return verdict, scenario.name, seconds + again, measured, second


def once(up, scenario, mercy, attempt=1):
    """Verdict, seconds, measured, why."""
    with Slowness(up.state.folder) as slowness:
        _, seconds, measured, fault = runner.run_one(up, scenario, keep=False, mercy=mercy, attempt=attempt)
    if fault is None:
        return "passed", seconds, measured, None
    dead = [name for name in up.state.data["processes"] if not up.state.alive(name)]
    if time.monotonic() >= mercy.deadline:
        return "not judged", seconds, measured, "the time was over before it was through"
    if dead:
        return "not judged", seconds, measured, f"parts of the stage have ended: {', '.join(dead)}"
    if slowness.found():
        return "not judged", seconds, measured, f"it failed on a machine that {slowness.found()}: {fault}"
    return "FAILED", seconds, measured, fault


def take_down():
    for attempt in range(TRIES_DOWN):
        try:
            stage.down()
            return
        except (Failed, OSError) as fault:
            say(f"taking the stage down, attempt {attempt + 1} of {TRIES_DOWN}: {fault}")
    say("the stage is not gone as a whole; call `make kube-down`")


def tell(results):
    runner.print_measured([(name, measured) for _, name, _, measured, _ in results])
    for verdict, name, seconds, _, why in results:
        say(f"{verdict}  {name}" + (f" ({seconds:.0f} s)" if seconds else "") + (f": {why}" if why else ""))
    counts = {verdict: sum(1 for one in results if one[0] == verdict) for verdict in ("passed", "FAILED", "not judged", "left out")}
    say(", ".join(f"{count} {verdict.lower()}" for verdict, count in counts.items()))
    return not counts["FAILED"]
