"""Deadlines. Every wait of the suite goes through wait_until; nothing sleeps to let something happen."""
import os
import time


def time_factor() -> float:
    """FERRO_TEST_TIME_FACTOR: how much slower than a release build the binary may be (sanitizers)."""
    return float(os.environ.get("FERRO_TEST_TIME_FACTOR", "1"))


def scaled(seconds: float) -> float:
    return seconds * time_factor()


def wait_until(predicate, seconds: float, what: str, interval: float = 0.02):
    """Polls until `predicate()` is true and returns its value; fails naming `what` after `seconds` (scaled)."""
    deadline = time.monotonic() + scaled(seconds)
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {scaled(seconds):.1f} s: {what}")
        time.sleep(interval)


def wait_for_instant(unix_seconds: float) -> None:
    """Waits for the clock itself: for tests of time to live, where time is what is tested."""
    while (left := unix_seconds - time.time()) > 0:
        time.sleep(left)
