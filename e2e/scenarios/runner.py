"""Runs scenarios one after the other, prints what was measured, keeps the papers of those that failed."""

import time
import traceback

from kube import binaries, stage
from kube.shell import Failed, say
from scenarios import installing, registry
from scenarios.context import Context

FOR_CI = ("create", "scale", "token-rotation", "pod-kill")
BRING_UP_MINUTES = 2


def run_named(names, keep=False):
    """True if all passed."""
    known = registry.load_all()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failed(f"no scenario {', '.join(unknown)}; there are: {', '.join(known)}")
    up = stage.up()
    results = [run_one(up, known[name], keep) for name in names]
    summarise(results)
    return all(fault is None for _, _, _, fault in results)


def run_ci(minutes):
    """As many of FOR_CI as fit into the time; says what it left out. True if what ran passed."""
    deadline = time.monotonic() + minutes * 60
    known, results, left_out = registry.load_all(), [], []

    def left():
        return (deadline - time.monotonic()) / 60

    building = binaries.minutes_to_build()
    needed = building + BRING_UP_MINUTES + known[FOR_CI[0]].minutes
    if needed > left():
        say(f"left out: all of it. About {needed:.0f} minutes would be needed for the first scenario, {left():.0f} are left.")
        if building:
            say(f"{building:.0f} of them are for compiling Kubernetes, once a machine: e2e/run.py binaries")
        say(f"0 passed, 0 failed, {len(FOR_CI)} skipped")
        return True
    try:
        up = stage.up()
        for name in FOR_CI:
            if known[name].minutes > left():
                left_out.append(name)
                continue
            results.append(run_one(up, known[name], keep=False))
    finally:
        stage.down()
    for name in left_out:
        say(f"left out: {name} takes about {known[name].minutes} minutes, and they are not left")
    summarise(results, len(left_out))
    return all(fault is None for _, _, _, fault in results)


def run_one(up, scenario, keep):
    """Name, seconds, measures, fault (or None)."""
    say(f"\n== {scenario.name}: {scenario.summary}")
    context = Context(up, scenario.name)
    began, fault = time.monotonic(), None
    try:
        if scenario.needs_operator:
            installing.ensure(up)
        context.enter()
        scenario.function(context)
    except (Failed, OSError, KeyError, IndexError, TypeError, ValueError) as found:
        fault = str(found) if isinstance(found, Failed) else f"{found!r}\n{traceback.format_exc()}"
        say(f"    FAILED: {fault}")
        say(f"    papers: {context.keep_papers(fault)}")
    finally:
        context.clean_up()
    if keep:
        say(f"    kept: namespace {context.namespace}")
    else:
        try:
            context.leave()
        except (Failed, OSError) as found:
            fault = fault or str(found)
            say(f"    FAILED: {found}")
    return scenario.name, time.monotonic() - began, context.measured, fault


def summarise(results, skipped=0):
    say("\n| Scenario | What | Seconds | Budget |\n|---|---|---|---|")
    for name, _, measured, _ in results:
        for what, seconds, budget in measured:
            say(f"| {name} | {what} | {seconds:.1f} | {budget or ''} |")
    say("")
    for name, seconds, _, fault in results:
        say(f"{'FAILED' if fault else 'passed'}  {name} ({seconds:.0f} s)")
    failed = sum(1 for result in results if result[3])
    say(f"{len(results) - failed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
