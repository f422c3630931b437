"""When a call is sent again, where, and after what wait. Pure: both clients follow it.

A call that never reached a server (no connection) may always be sent again. Anything after that may have had its effect, so
only safe calls are repeated: reads, deletes and inserts with an id of their own. Everything ends at the call's deadline.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Callable, Optional, Set

from ._endpoints import Endpoint, Endpoints
from .errors import FerrocacheError

# Answers that say "not now" or "not from here".
TRANSIENT_STATUS = frozenset({429, 502, 503, 504})
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 2.0


class NotSent(Exception):
    """No connection could be made: the server has seen nothing of the call."""


class NotAnswered(Exception):
    """The call was sent, at least in part, and no whole answer came."""


def unanswered(method: str, url: str, path: str, failure: Exception) -> FerrocacheError:
    """What a call that got no answer becomes, with what to look at."""
    said = str(failure)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        said += "; give the certificate of its authority as ca_file, or in SSL_CERT_FILE of the environment"
    elif "WRONG_VERSION_NUMBER" in said:
        said += "; nobody speaks TLS there: http:// instead of https://"
    elif isinstance(failure, NotSent):
        said += "; check the address, and that a node runs there"
    return FerrocacheError(f"{method} {url}{path}: {said}")


@dataclass(frozen=True)
class Attempt:
    """One try: whom to ask, until when to connect and until when to have the answer (clock times, None = no end)."""

    index: int
    endpoint: Endpoint
    connect_deadline: Optional[float]
    deadline: Optional[float]


class Attempts:
    """The tries of one call, in order. Owned by that call."""

    def __init__(
        self,
        endpoints: Endpoints,
        safe: bool,
        retries: int,
        timeout: Optional[float],
        clock: Callable[[], float],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._endpoints, self._safe, self._clock, self._jitter = endpoints, safe, clock, jitter
        self._left = max(1 + retries, len(endpoints)) if retries else 1
        self._deadline = None if timeout is None else clock() + timeout
        self._tried: Set[int] = set()
        self._rounds = 0

    def next(self) -> Attempt:
        index = self._endpoints.pick(self._tried)
        self._left -= 1
        self._tried.add(index)
        share = self._share()
        return Attempt(index, self._endpoints.all[index], share, share if self._safe else self._deadline)

    def answered(self, attempt: Attempt) -> None:
        self._endpoints.answered(attempt.index)

    def wait_before_next(self, attempt: Attempt, failure: Exception) -> Optional[float]:
        """Seconds to wait before the next try; None = this failure is final."""
        status = failure.status if isinstance(failure, FerrocacheError) else None
        if status is not None and status not in TRANSIENT_STATUS:
            return None
        if status != 429:  # 429 is about this caller, not about that server
            self._endpoints.failed(attempt.index)
        if self._left <= 0 or not (self._safe or isinstance(failure, NotSent)):
            return None
        asked = failure.retry_after if isinstance(failure, FerrocacheError) else None
        wait = 0.0
        if len(self._tried) == len(self._endpoints):
            self._tried.clear()
            wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**self._rounds) * (0.5 + 0.5 * self._jitter())
            wait = max(wait, asked or 0.0)
            self._rounds += 1
        if self._deadline is not None and self._clock() + wait >= self._deadline:
            return None
        return wait

    def _share(self) -> Optional[float]:
        """This try's part of the time that is left: servers that were not asked yet get theirs."""
        if self._deadline is None:
            return None
        now = self._clock()
        unasked = min(len(self._endpoints) - len(self._tried), self._left)
        return now + (self._deadline - now) / (1 + max(0, unasked))
