"""Base URLs, and which of them to ask next. Pure but for the clock that is handed in."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import AbstractSet, Any, Callable, List, Sequence, Tuple, Union
from urllib.parse import quote, urlsplit

# A base URL that failed is asked last for this long.
DOWN_SECONDS = 2.0
# What may stand in a path as it is (RFC 3986, 3.3), and what is quoted already.
PATH_SAFE = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True)
class Endpoint:
    """One base URL, taken apart. ``prefix`` has no slash at its end."""

    url: str
    scheme: str
    host: str
    port: int
    prefix: str


def parse_endpoint(url: str) -> Endpoint:
    if any(character <= " " or character == "\x7f" for character in url.strip()):
        raise ValueError(f"base_url must not hold spaces or control characters: {url!r}")
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must look like http://host:3000 or https://host, not {url!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url must not carry a user or password; give auth_token instead")
    if parts.query or parts.fragment:
        raise ValueError(f"base_url must not have a query or fragment: {url!r}")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ValueError(f"base_url has no port that can be: {url!r}") from error
    return Endpoint(url.strip().rstrip("/"), parts.scheme, parts.hostname, port, quote(parts.path.rstrip("/"), safe=PATH_SAFE))


def parse_endpoints(base_url: Union[str, Sequence[str]]) -> List[Endpoint]:
    """One URL, several separated by commas, or a sequence of them."""
    if isinstance(base_url, bytes) or not hasattr(base_url, "__iter__"):
        raise TypeError(f"base_url must be a URL or a list of them, not {type(base_url).__name__}")
    urls = base_url.split(",") if isinstance(base_url, str) else list(base_url)
    endpoints = [parse_endpoint(url) for url in urls if url.strip()]
    if not endpoints:
        raise ValueError("base_url is empty; give one like http://localhost:3000")
    return endpoints


class Endpoints:
    """Which base URL to ask: the one that answered last, then the others, those that failed lately last.

    Any thread may call; the lock is held for a few comparisons.
    """

    def __init__(self, endpoints: Sequence[Endpoint], clock: Callable[[], float]) -> None:
        self.all = list(endpoints)
        self._clock = clock
        self._lock = threading.Lock()
        self._preferred = 0
        self._down_until = [0.0] * len(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __reduce__(self) -> Tuple[Any, ...]:
        return Endpoints, (self.all, self._clock)  # who failed lately, a copy finds out by itself

    def pick(self, avoid: AbstractSet[int]) -> int:
        """The best one that is not in ``avoid``, which must leave one."""
        with self._lock:
            now, count = self._clock(), len(self.all)
            order = [(self._preferred + step) % count for step in range(count)]
            allowed = [index for index in order if index not in avoid]
            return min(allowed, key=lambda index: self._down_until[index] if self._down_until[index] > now else 0.0)

    def answered(self, index: int) -> None:
        with self._lock:
            self._preferred = index
            self._down_until[index] = 0.0

    def failed(self, index: int) -> None:
        with self._lock:
            self._down_until[index] = self._clock() + DOWN_SECONDS
