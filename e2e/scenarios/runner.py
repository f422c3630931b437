"""Runs scenarios one after the other, prints what was measured, keeps the papers of those that failed."""

import time
import traceback

from kube import stage
from kube.shell import Failed, say
from scenarios import installing, registry
from scenarios.context import Context


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


def run_one(up, scenario, keep, mercy=None, attempt=1):
    """Name, seconds, measures, fault (or None). The papers of a second attempt leave those of the first alone."""
    say(f"\n== {scenario.name}: {scenario.summary}")
    context = Context(up, scenario.name, mercy)
    context.attempt = attempt
    began, fault = time.monotonic(), None
    try:
        if scenario.needs_operator:
            installing.ensure(up, context.mercy.patience)
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


def summarise(results):
    print_measured([(name, measured) for name, _, measured, _ in results])
    for name, seconds, _, fault in results:
        say(f"{'FAILED' if fault else 'passed'}  {name} ({seconds:.0f} s)")
    failed = sum(1 for result in results if result[3])
    say(f"{len(results) - failed} passed, {failed} failed")


def print_measured(results):
    """A table of (scenario, its measures)."""
    say("\n| Scenario | What | Seconds | Budget |\n|---|---|---|---|")
    for name, measured in results:
        for what, seconds, budget in measured:
            say(f"| {name} | {what} | {seconds:.1f} | {budget or ''} |")
    say("")
