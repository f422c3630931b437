"""How much a gateway takes on: a rate for each cache, tenant or address."""

from __future__ import annotations

import time
from typing import Callable

from ._parts import Rate


class TokenBucket:
    """Belongs to the event loop."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate.per_second, float(rate.burst), clock
        self._tokens, self._at = self._burst, clock()

    def wait_seconds(self) -> float:
        """0 = go on (and one is taken), else how long until one is there."""
        if not self._rate:
            return 0.0
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
