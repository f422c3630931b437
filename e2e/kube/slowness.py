"""Whether the machine kept up: how late a thread woke that had nothing to do, how long the disk took for one small file."""

import os
import threading
import time

WAKE_SECONDS, WAKE_LATE_SECONDS = 0.1, 1.0
SYNC_EVERY_SECONDS, SYNC_SLOW_SECONDS = 2.0, 2.0


class Slowness:
    """Watches from __enter__ to __exit__ by two threads of its own, since a disk that hangs must not hide a starved processor."""

    def __init__(self, folder):
        self.path = folder / "slowness"
        self.stopping = threading.Event()
        self.latest_wake, self.longest_sync = 0.0, 0.0
        self.threads = [threading.Thread(target=one, daemon=True) for one in (self._watch_wakes, self._watch_disk)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def found(self):
        """In words; empty if the machine kept up."""
        parts = []
        if self.latest_wake > WAKE_LATE_SECONDS:
            parts.append(f"let an idle thread wait {self.latest_wake:.1f} s")
        if self.longest_sync > SYNC_SLOW_SECONDS:
            parts.append(f"took {self.longest_sync:.1f} s to bring a small file to the disk")
        return " and ".join(parts)

    def _watch_wakes(self):
        while True:
            began = time.monotonic()
            stopped = self.stopping.wait(WAKE_SECONDS)
            if stopped:
                return
            self.latest_wake = max(self.latest_wake, time.monotonic() - began - WAKE_SECONDS)

    def _watch_disk(self):
        while not self.stopping.wait(SYNC_EVERY_SECONDS):
            began = time.monotonic()
            with open(self.path, "wb") as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
            self.longest_sync = max(self.longest_sync, time.monotonic() - began)
        self.path.unlink(missing_ok=True)
