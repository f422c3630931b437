"""Entries that live for a second, and what is seen of them meanwhile.

A second is soon over on a machine that is busy: what was expected of a living entry is judged only if the answers came before it
could expire, and is asked of another entry otherwise.
"""
import time
from typing import Callable, TypeVar

from .timing import wait_for_instant
from .vectors import axis

CLOCK_SLACK_S = 0.002  # stamps are whole milliseconds
ATTEMPTS = 20  # none of them in time: then it is not the machine

Seen = TypeVar("Seen")


class TimedEntry:
    """An entry with a time to live, and the interval in which it must expire."""
    def __init__(self, api, model, ttl: int = 1, vector=None, response: str = "mortal", text: str = "text", **fields):
        before = time.time()
        self.id = api.insert(vector or axis(8, 0), model, response, text, ttl_seconds=ttl, **fields)
        self.earliest, self.latest = before + ttl - CLOCK_SLACK_S, time.time() + ttl + CLOCK_SLACK_S


def while_it_lived(make: Callable[[], TimedEntry], look: Callable[[TimedEntry], Seen]) -> tuple[TimedEntry, Seen]:
    """An entry of `make()` and what `look(entry)` saw of it before it could expire. Those before it, of which too much was seen
    too late, have expired."""
    for _ in range(ATTEMPTS):
        entry = make()
        seen = look(entry)
        if time.time() < entry.earliest:
            return entry, seen
        wait_for_instant(entry.latest)
    raise AssertionError(f"of {ATTEMPTS} entries none was looked at within its time to live")
