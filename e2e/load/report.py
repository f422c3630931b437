"""Counts of what was asked and what came of it. One lock; many writers."""

import threading
import time

LISTED = 60  # faults kept word for word, of each kind


class Report:
    def __init__(self):
        self.lock, self.state, self.began = threading.Lock(), "running", time.time()
        self.done = {"insert": 0, "query": 0, "delete": 0}
        self.failed = {"insert": 0, "query": 0, "delete": 0}
        self.failures, self.wrong, self.missed, self.resent, self.late = [], [], [], 0, 0
        self.missed_count, self.last_miss, self.wrong_count, self.first_failure, self.last_failure = 0, None, 0, None, None
        self.last_failure_began = None
        self.last_success, self.longest_gap, self.milliseconds = time.time(), 0.0, []
        self.verified = {"entries": 0, "lost": 0, "resurrected": 0, "unknown": 0}

    def succeeded(self, operation, seconds):
        with self.lock:
            now = time.time()
            self.done[operation] += 1
            self.longest_gap = max(self.longest_gap, now - self.last_success)
            self.last_success = now
            self.milliseconds.append(seconds * 1000)

    def fail(self, operation, reason, seconds=0.0):
        """A request that failed now, this long after it began."""
        with self.lock:
            now = time.time()
            began = now - seconds
            self.last_failure_began = max(self.last_failure_began or began, began)
            self.failed[operation] += 1
            self.first_failure = self.first_failure or now
            self.last_failure = now
            if len(self.failures) < LISTED:
                self.failures.append({"began": began, "at": now, "operation": operation, "reason": reason})

    def is_missed(self, what):
        """Somebody does not know an entry that was acknowledged: cheap, and no more than a side of a cut may do."""
        with self.lock:
            self.missed_count += 1
            self.last_miss = time.time()
            if len(self.missed) < LISTED:
                self.missed.append({"at": self.last_miss, "what": what})

    def is_wrong(self, what):
        """An answer that breaks a promise: worse than none."""
        with self.lock:
            self.wrong_count += 1
            if len(self.wrong) < LISTED:
                self.wrong.append({"at": time.time(), "what": what})

    def describe(self):
        with self.lock:
            times = sorted(self.milliseconds)
            return {
                "state": self.state,
                "seconds": round(time.time() - self.began, 1),
                "done": dict(self.done),
                "failed": dict(self.failed),
                "failures": list(self.failures),
                "first_failure": self.first_failure,
                "last_failure": self.last_failure,
                "last_failure_began": self.last_failure_began,
                "missed_count": self.missed_count,
                "missed": list(self.missed),
                "last_miss": self.last_miss,
                "wrong_count": self.wrong_count,
                "wrong": list(self.wrong),
                "resent": self.resent,
                "late": self.late,
                "longest_gap_seconds": round(self.longest_gap, 3),
                "p50_ms": round(times[len(times) // 2], 2) if times else None,
                "p99_ms": round(times[len(times) * 99 // 100], 2) if times else None,
                "max_ms": round(times[-1], 2) if times else None,
                "verified": dict(self.verified),
            }
