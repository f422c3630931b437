"""What clients take from the environment, and the TLS and header settings that both clients share."""

from __future__ import annotations

import math
import os
import ssl
import warnings
from typing import Any, Callable, Dict, Optional, Tuple, Union

from ._version import __version__

DEFAULT_URL = "http://localhost:3000"
DEFAULT_THRESHOLD = 0.92
DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_RETRIES = 2

# A token, or what is called for one before each request: tokens that rotate need no new client.
Token = Union[str, Callable[[], str]]


def url_from_environment() -> str:
    return os.environ.get("FERROCACHE_URL", "").strip() or DEFAULT_URL


def threshold_from_environment() -> float:
    text = os.environ.get("FERROCACHE_THRESHOLD", "").strip()
    if not text:
        return DEFAULT_THRESHOLD
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        warnings.warn(
            f"FERROCACHE_THRESHOLD={text!r} is not a number from 0 to 1; {DEFAULT_THRESHOLD} is used",
            RuntimeWarning,
            stacklevel=4,  # whoever makes a wrapper, a cache, an LLM
        )
        return DEFAULT_THRESHOLD
    return value


class Headers:
    """The headers of every request. An absent token comes from FERROCACHE_AUTH_TOKEN; an empty one means: send none."""

    def __init__(self, auth_token: Optional[Token]) -> None:
        self._token = os.environ.get("FERROCACHE_AUTH_TOKEN", "") if auth_token is None else auth_token

    def __call__(self, has_body: bool) -> Dict[str, bytes]:
        headers = {"Accept": b"application/json", "User-Agent": f"ferrocache-python/{__version__}".encode()}
        if has_body:
            headers["Content-Type"] = b"application/json"
        token = (self._token if isinstance(self._token, str) else self._token()).strip()
        if token:
            if not token.isprintable():
                raise ValueError("auth_token holds control characters")
            headers["Authorization"] = b"Bearer " + token.encode("utf-8")
        return headers


class Tls:
    """The context for https, made of files, or a caller's own. A copy of one made of files, in another process too, reads them
    again; a caller's own is shared by copies and cannot be pickled."""

    def __init__(
        self,
        ca_file: Optional[str] = None,
        cert_file: Optional[str] = None,
        key_file: Optional[str] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        if ssl_context is not None and (ca_file or cert_file or key_file):
            raise ValueError("give either ssl_context or ca_file, cert_file and key_file")
        if key_file and not cert_file:
            raise ValueError("key_file needs cert_file")
        self._files, self._given = (ca_file, cert_file, key_file), ssl_context
        self.context = ssl_context or self._made()

    def _made(self) -> ssl.SSLContext:
        ca_file, cert_file, key_file = self._files
        context = ssl.create_default_context(cafile=ca_file)
        if cert_file:
            context.load_cert_chain(cert_file, key_file)
        return context

    def __reduce__(self) -> Tuple[Any, ...]:
        return Tls, (*self._files, self._given)

    def __deepcopy__(self, memo: Dict[int, Any]) -> Tls:
        return self


def tls_of(needed: bool, *settings: Any) -> Optional[Tls]:
    """None = no https. What was given is checked even then, so that a file that cannot be is told at once."""
    return Tls(*settings) if needed or any(settings) else None
